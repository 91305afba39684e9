import { clusterName, type Node, type Pod } from '@spillway/core';
import type { VirtualNodeState } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { VirtualNodes } from './virtual-nodes.ts';

const renewMs = 2_000;

let agent: AgentCluster;
let nodes: VirtualNodes;
let renewals: NodeJS.Timeout;

beforeAll(async () => {
  // A node without a heartbeat for 15 s is NotReady: three times the controller's period.
  agent = await startAgentCluster({ nodes: 2, nodeGraceSeconds: 15 });
  nodes = new VirtualNodes(agent.api);
  renewals = setInterval(() => {
    nodes.renewAll(new Date()).catch(() => {});
  }, renewMs);
});

afterAll(async () => {
  clearInterval(renewals);
  await agent.stop();
});

function state(cluster: string, change: Partial<VirtualNodeState> = {}): VirtualNodeState {
  return {
    cluster: clusterName(cluster),
    addresses: [],
    reachable: true,
    cordoned: false,
    ...change,
  };
}

async function nodeThere(name: string): Promise<Node> {
  return await agent.cluster.client.get<Node>(`/api/v1/nodes/${name}`);
}

async function leaseThere(name: string): Promise<{ spec: { renewTime: string } }> {
  return await agent.cluster.client.get(
    `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`,
  );
}

function ready(node: Node): Readonly<Record<string, unknown>> | undefined {
  const found = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return found && { ...found };
}

async function podsOf(namespace: string): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return (await agent.cluster.client.get<{ items: Pod[] }>(path)).items;
}

const workload = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: crowd}
spec:
  replicas: 12
  selector: {matchLabels: {app: crowd}}
  template:
    metadata: {labels: {app: crowd}}
    # 12 × 1 CPU: more than the 2 × 4 of the two real nodes.
    spec: {containers: [{name: c, image: i, resources: {requests: {cpu: "1"}}}]}
`;

describe('virtual nodes', () => {
  test('have no room, our taint, and no label that a scheduler looks for', async () => {
    await nodes.keep(state('lyon'), new Date());
    const node = await nodeThere('spillway-lyon');
    expect(node.status?.allocatable).toEqual({ cpu: '0', memory: '0', pods: '0' });
    expect(node.status?.['capacity']).toEqual(node.status?.allocatable);
    expect(ready(node)?.['status']).toBe('True');
    expect(node.spec?.taints).toContainEqual({
      key: 'spillway.dev/virtual-node',
      value: 'lyon',
      effect: 'NoSchedule',
    });
    const labels = Object.keys(node.metadata.labels ?? {});
    expect(labels.filter((label) => /os|hostname|topology|arch/.test(label))).toEqual([]);
    await leaseThere('spillway-lyon');
  });

  test('lose what an older agent wrote on them, and get the labels that it did not know', async () => {
    await nodes.keep(state('nancy'), new Date());
    const older = {
      metadata: { labels: { 'node.kubernetes.io/exclude-disruption': null } },
      status: {
        capacity: { cpu: '20', 'nvidia.com/gpu': '2' },
        allocatable: { cpu: '20', 'nvidia.com/gpu': '2' },
      },
    };
    const path = '/api/v1/nodes/spillway-nancy/status';
    await agent.cluster.client.call('PATCH', path, older, 'application/merge-patch+json');
    const before = ready(await nodeThere('spillway-nancy'));
    const later = new Date(Date.now() + 60_000);
    await new VirtualNodes(agent.api).keep(state('nancy'), later);
    const node = await nodeThere('spillway-nancy');
    expect(node.status?.allocatable).toEqual({ cpu: '0', memory: '0', pods: '0' });
    expect(node.metadata.labels).toMatchObject({
      'node.kubernetes.io/exclude-disruption': 'true',
      'node-role.kubernetes.io/neighbour': '',
    });
    expect(ready(node)?.['lastHeartbeatTime']).not.toBe(before?.['lastHeartbeatTime']);
  });

  test('neither kube-scheduler nor the DaemonSet controller puts anything on them', async () => {
    await agent.cluster.apply(workload);
    const pods = await waitFor(
      'DaemonSet pods run, and some of the crowd are Unschedulable',
      async () => {
        const all = await podsOf('default');
        const everywhere = all.filter(({ metadata }) => metadata.labels?.['app'] === 'everywhere');
        const refused = all.filter(({ status }) =>
          status?.conditions?.some(({ reason }) => reason === 'Unschedulable'),
        );
        const run = everywhere.filter(({ status }) => status?.phase === 'Running');
        // The real nodes take 8 of 12.
        return run.length === 2 && refused.length === 4 ? all : undefined;
      },
      { timeoutMs: 20_000 },
    );
    expect(pods).toHaveLength(2 + 12);
    const used = new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []));
    expect(used).toEqual(new Set(['node-1', 'node-2']));
    await agent.cluster.remove(workload);
  });

  test('live as long as their Lease is renewed, and their pods with them; then they are lost', async () => {
    await nodes.keep(state('rome'), new Date());
    // An agent that can do nothing for a while.
    const silent = new VirtualNodes(agent.api);
    await silent.keep(state('turin'), new Date());
    await agent.cluster.client.call('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'away' },
      spec: {
        nodeName: 'spillway-rome',
        // Evicted as soon as the node is NotReady or unreachable, and not after Kubernetes' 300 s.
        tolerations: ['not-ready', 'unreachable'].map((state) => ({
          key: `node.kubernetes.io/${state}`,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 0,
        })),
        containers: [{ name: 'c', image: 'i' }],
      },
    });
    const { renewTime: first } = (await leaseThere('spillway-rome')).spec;
    // The grace of 15 s, and the controller's period of 5 s.
    const ends = Date.parse(first) + 22_000;
    await waitFor(
      'the Lease has been renewed for 22 s',
      async () => {
        const node = await nodeThere('spillway-rome');
        expect(ready(node)?.['status']).toBe('True');
        const { renewTime } = (await leaseThere('spillway-rome')).spec;
        return Date.parse(renewTime) > ends ? true : undefined;
      },
      { timeoutMs: 40_000, everyMs: 1_000 },
    );
    expect((await nodeThere('spillway-rome')).spec?.taints).toHaveLength(1);
    const [away] = (await podsOf('default')).filter(({ metadata }) => metadata.name === 'away');
    expect(away?.metadata.deletionTimestamp).toBeUndefined();
    // What the node lifecycle controller made of the other is mended when its agent is back.
    const marked = await waitFor(
      'turin is marked',
      async () => {
        const node = await nodeThere('spillway-turin');
        return ready(node)?.['status'] === 'Unknown' ? node : undefined;
      },
      { timeoutMs: 20_000, everyMs: 500 },
    );
    await silent.keep(state('turin'), new Date());
    expect(ready(await nodeThere('spillway-turin'))?.['status']).toBe('Unknown');
    silent.seen(clusterName('turin'), marked);
    await silent.keep(state('turin'), new Date());
    expect(ready(await nodeThere('spillway-turin'))?.['status']).toBe('True');
    // Gone: the Lease ends, and the node is as any lost node.
    await nodes.keep(state('rome', { reachable: false }), new Date());
    expect(ready(await nodeThere('spillway-rome'))?.['status']).toBe('Unknown');
    await waitFor(
      'the node lifecycle controller taints it',
      async () => {
        const { spec } = await nodeThere('spillway-rome');
        return spec?.taints?.find(({ key }) => key === 'node.kubernetes.io/unreachable');
      },
      { timeoutMs: 40_000, everyMs: 500 },
    );
    await waitFor(
      'its pod is evicted',
      async () => {
        const evicted = (await podsOf('default')).find(({ metadata }) => metadata.name === 'away');
        return evicted?.metadata.deletionTimestamp;
      },
      { timeoutMs: 20_000, everyMs: 500 },
    );
    // And alive again.
    await nodes.keep(state('rome'), new Date());
    await waitFor(
      'the taint is lifted',
      async () => {
        const { spec } = await nodeThere('spillway-rome');
        return spec?.taints?.length === 1 ? true : undefined;
      },
      { timeoutMs: 20_000, everyMs: 500 },
    );
  });

  test('an agent that starts again finds its nodes', async () => {
    const again = new VirtualNodes(agent.api);
    const before = await nodeThere('spillway-lyon');
    await again.keep(state('lyon'), new Date());
    expect((await nodeThere('spillway-lyon')).metadata.uid).toBe(before.metadata.uid);
  });

  test('a Lease grows also under an agent whose clock is behind that of the one before', async () => {
    const ahead = new Date(Date.now() + 3_600_000);
    await new VirtualNodes(agent.api).keep(state('ulm'), ahead);
    const renewals = [(await leaseThere('spillway-ulm')).spec.renewTime];
    const behind = new VirtualNodes(agent.api);
    await behind.keep(state('ulm'), new Date());
    renewals.push((await leaseThere('spillway-ulm')).spec.renewTime);
    await behind.renewAll(new Date());
    renewals.push((await leaseThere('spillway-ulm')).spec.renewTime);
    // The node lifecycle controller takes no other for a sign of life.
    const [first = '', second = '', third = ''] = renewals;
    expect(first < second && second < third).toBe(true);
  });

  test('one that someone deleted is made again', async () => {
    const again = new VirtualNodes(agent.api);
    await again.keep(state('oslo'), new Date());
    const { uid } = (await nodeThere('spillway-oslo')).metadata;
    await agent.cluster.client.call('DELETE', '/api/v1/nodes/spillway-oslo');
    // The watch tells, or the next write does.
    const changed = state('oslo', { reachable: false });
    await expect(again.keep(changed, new Date())).rejects.toMatchObject({ code: 'NotFound' });
    await again.keep(changed, new Date());
    expect((await nodeThere('spillway-oslo')).metadata.uid).not.toBe(uid);
  });

  test('one whose deletion the watch shows is made again by the next write, cordoned if it was', async () => {
    const again = new VirtualNodes(agent.api);
    await again.keep(state('kiel'), new Date());
    await agent.cluster.client.call('DELETE', '/api/v1/nodes/spillway-kiel');
    again.seen(clusterName('kiel'), undefined);
    await again.keep(state('kiel', { cordoned: true }), new Date());
    expect((await nodeThere('spillway-kiel')).spec?.unschedulable).toBe(true);
  });

  test('are removed with their Lease, and removing them twice is no fault', async () => {
    const again = new VirtualNodes(agent.api);
    await again.keep(state('bern'), new Date());
    await leaseThere('spillway-bern');
    await again.remove(clusterName('bern'));
    await again.remove(clusterName('bern'));
    await expect(nodeThere('spillway-bern')).rejects.toMatchObject({ status: 404 });
    await waitFor(
      'its Lease is collected',
      async () => {
        try {
          await leaseThere('spillway-bern');
          return undefined;
        } catch (error) {
          return (error as { status?: number }).status === 404 ? true : undefined;
        }
      },
      { timeoutMs: 20_000 },
    );
  });

  test('never takes or removes a node that is not ours', async () => {
    await agent.cluster.addNodes([
      {
        name: 'spillway-nice',
        cpu: '4',
        memory: '4Gi',
        pods: 1,
        gpus: 0,
        labels: {},
        taints: [],
        zone: undefined,
      },
    ]);
    await expect(nodes.keep(state('nice'), new Date())).rejects.toMatchObject({ code: 'Conflict' });
    await expect(nodes.remove(clusterName('nice'))).rejects.toMatchObject({ code: 'Conflict' });
    expect((await nodeThere('spillway-nice')).status?.allocatable?.['pods']).toBe('1');
  });
});
