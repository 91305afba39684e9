/**
 * What a virtual node does to the rest of its cluster: what docs/adr/0025 and docs/concepts.md say of real
 * controllers. Each means is tried alone, on a node made by hand, and then all of them on ours.
 */
import { clusterName, type Node, type Pod } from '@spillway/core';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { VirtualNodes } from './virtual-nodes.ts';

const patient = { timeoutMs: 60_000, everyMs: 250 };
const zoneLabel = 'topology.kubernetes.io/zone';
const merge = 'application/merge-patch+json';

let agent: AgentCluster;
let nodes: VirtualNodes;

beforeAll(async () => {
  agent = await startAgentCluster({
    nodes: 4,
    zones: ['east', 'west'],
    nodeGraceSeconds: 15,
  });
  nodes = new VirtualNodes(agent.api);
});

afterAll(async () => await agent.stop());

async function call<Body>(method: string, path: string, body?: unknown): Promise<Body> {
  const type = method === 'PATCH' ? merge : undefined;
  return await agent.cluster.client.call<Body>(method, path, body, type);
}

interface HandMade {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: NonNullable<Node['spec']>;
  readonly room?: Readonly<Record<string, string>>;
  readonly ready?: 'True' | 'Unknown';
}

const ample = { cpu: '8', memory: '8Gi', pods: '110' };

/** A node that nobody runs, Ready for as long as its grace lasts. */
async function makeNode(name: string, made: HandMade = {}): Promise<void> {
  const { labels = {}, spec = {}, room = ample, ready = 'True' } = made;
  await call('POST', '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { trial: name, ...labels } },
    spec,
  });
  const conditions = [{ type: 'Ready', status: ready, lastHeartbeatTime: new Date() }];
  const status = { capacity: room, allocatable: room, conditions };
  await call('PATCH', `/api/v1/nodes/${name}/status`, { status });
}

async function renewLease(name: string): Promise<void> {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  const spec = {
    holderIdentity: name,
    leaseDurationSeconds: 40,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  };
  try {
    await call('PATCH', `${leases}/${name}`, { spec });
  } catch {
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
    await call('POST', leases, lease);
  }
}

/** Of 1 CPU, for the node that is labelled so, whatever its taints are. */
function podFor(trial: string, requests: object = { cpu: '1' }): object {
  return {
    metadata: { labels: { trial } },
    spec: {
      nodeSelector: { trial },
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image: 'i', resources: { requests } }],
    },
  };
}

async function podsOf(namespace = 'default'): Promise<readonly Pod[]> {
  return (await call<{ items: Pod[] }>('GET', `/api/v1/namespaces/${namespace}/pods`)).items;
}

async function named(name: string): Promise<Pod | undefined> {
  return (await podsOf()).find(({ metadata }) => metadata.name === name);
}

/** Where kube-scheduler has put it; `refused` when it found no node. */
async function decided(name: string): Promise<string> {
  return await waitFor(
    `kube-scheduler decides ${name}`,
    async () => {
      const pod = await named(name);
      const refused = pod?.status?.conditions?.some(({ reason }) => reason === 'Unschedulable');
      return pod?.spec.nodeName || (refused ? 'refused' : undefined);
    },
    patient,
  );
}

async function desired(name: string): Promise<number> {
  return await waitFor(
    `the DaemonSet controller counts for ${name}`,
    async () => {
      const set = await call<{
        metadata: { generation: number };
        status?: { observedGeneration?: number; desiredNumberScheduled: number };
      }>('GET', `/apis/apps/v1/namespaces/default/daemonsets/${name}`);
      const { observedGeneration, desiredNumberScheduled } = set.status ?? {};
      return observedGeneration === set.metadata.generation
        ? { desiredNumberScheduled }
        : undefined;
    },
    patient,
  ).then(({ desiredNumberScheduled = Number.NaN }) => desiredNumberScheduled);
}

const taint = (effect: 'NoSchedule' | 'NoExecute') => ({
  taints: [{ key: 'spillway.dev/virtual-node', value: 'x', effect }],
});

describe('of what could keep a pod off that tolerates everything', () => {
  test.each([
    ['nothing-at-all', {}, true],
    ['noschedule', { spec: taint('NoSchedule') }, true],
    ['noexecute', { spec: taint('NoExecute') }, true],
    ['unschedulable', { spec: { unschedulable: true } }, true],
    ['no-cpu', { room: { ...ample, cpu: '0', memory: '0' } }, false],
    ['no-pods', { room: { ...ample, pods: '0' } }, false],
  ] as const)('%s: does kube-scheduler bind it?', async (name, made: HandMade, binds) => {
    await makeNode(name, made);
    const pod = { apiVersion: 'v1', kind: 'Pod', ...podFor(name) };
    await call('POST', '/api/v1/namespaces/default/pods', {
      ...pod,
      metadata: { name },
    });
    expect(await decided(name)).toBe(binds ? name : 'refused');
  });

  test('no CPU does not keep a pod off that asks for none; no pods does', async () => {
    for (const name of ['no-cpu', 'no-pods']) {
      const pod = { apiVersion: 'v1', kind: 'Pod', ...podFor(name, {}) };
      const metadata = { name: `${name}-free` };
      await call('POST', '/api/v1/namespaces/default/pods', { ...pod, metadata });
    }
    expect(await decided('no-cpu-free')).toBe('no-cpu');
    expect(await decided('no-pods-free')).toBe('refused');
  });

  test('nothing that a node carries keeps the DaemonSet controller off: it makes a pod for each', async () => {
    for (const trial of ['noschedule', 'noexecute', 'unschedulable', 'no-pods']) {
      const template = podFor(trial, {});
      await call('POST', '/apis/apps/v1/namespaces/default/daemonsets', {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: trial },
        spec: { selector: { matchLabels: { trial } }, template },
      });
      expect([trial, await desired(trial)]).toEqual([trial, 1]);
    }
  });
});

describe('a virtual node', () => {
  const lyon = clusterName('lyon');
  const node = 'spillway-lyon';

  test('is left alone by kube-scheduler, which preempts nobody there for a pod of high priority', async () => {
    await nodes.keep(
      { cluster: lyon, addresses: [], reachable: true, cordoned: false },
      new Date(),
    );
    await call('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'away' },
      spec: { nodeName: node, containers: [{ name: 'c', image: 'i' }] },
    });
    const { spec } = podFor('x', {}) as { spec: object };
    await call('POST', '/api/v1/namespaces/kube-system/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'urgent' },
      spec: {
        ...spec,
        nodeSelector: { 'spillway.dev/virtual-node': 'true' },
        priorityClassName: 'system-node-critical',
      },
    });
    await waitFor(
      'kube-scheduler refuses it',
      async () => {
        const [urgent] = await podsOf('kube-system');
        const refused = urgent?.status?.conditions?.find(
          ({ reason }) => reason === 'Unschedulable',
        );
        if (refused === undefined) return undefined;
        expect(urgent?.spec.nodeName).toBeUndefined();
        expect(urgent?.status?.nominatedNodeName).toBeUndefined();
        expect(refused.message).toContain('Too many pods');
        return true;
      },
      patient,
    );
    const away = await named('away');
    expect(away?.metadata.deletionTimestamp).toBeUndefined();
  });

  test('leaves topology-aware routing as it is, which a node without a zone switches off', async () => {
    for (const name of ['no-cpu', 'no-pods', 'noschedule', 'noexecute', 'unschedulable'])
      await call('DELETE', `/api/v1/nodes/${name}`);
    await call('DELETE', '/api/v1/nodes/nothing-at-all');
    await agent.cluster.apply(hinted);
    await waitFor(
      'hints are set',
      async () => ((await hints()) === 'set' ? true : undefined),
      patient,
    );
    await makeNode('no-zone');
    await waitFor(
      'hints end',
      async () => ((await hints()) === 'none' ? true : undefined),
      patient,
    );
    await call('DELETE', '/api/v1/nodes/no-zone');
    await waitFor(
      'hints are back',
      async () => ((await hints()) === 'set' ? true : undefined),
      patient,
    );
    await agent.cluster.remove(hinted);
  });

  test('that is lost does not stop the evictions from a real node that is lost', async () => {
    const lost = clusterName('lost');
    const cut = clusterName('cut');
    for (const cluster of [lost, cut, lyon]) {
      await nodes.keep({ cluster, addresses: [], reachable: false, cordoned: false }, new Date());
    }
    // Without a zone, as the virtual nodes are: 4 of 5 lost would be a partial disruption, which stops evictions.
    await makeNode('fine');
    await renewLease('fine');
    const renewals = setInterval(() => void renewLease('fine').catch(() => {}), 2_000);
    await makeNode('real');
    await renewLease('real');
    await call('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'on-real' },
      spec: {
        nodeName: 'real',
        terminationGracePeriodSeconds: 0,
        tolerations: ['not-ready', 'unreachable'].map((state) => ({
          key: `node.kubernetes.io/${state}`,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 0,
        })),
        containers: [{ name: 'c', image: 'i' }],
      },
    });
    await waitFor(
      'the pod on the lost node is evicted',
      async () => {
        const pod = await named('on-real');
        return pod === undefined || pod.metadata.deletionTimestamp !== undefined || undefined;
      },
      { timeoutMs: 90_000, everyMs: 500 },
    );
    expect(await readiness('fine')).toBe('True');
    for (const cluster of [lost, cut, lyon])
      expect(await readiness(`spillway-${cluster}`)).toBe('Unknown');
    clearInterval(renewals);
    for (const name of ['real', 'fine']) await call('DELETE', `/api/v1/nodes/${name}`);
  });
});

async function readiness(name: string): Promise<string | undefined> {
  const { status } = await call<Node>('GET', `/api/v1/nodes/${name}`);
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

const hinted = `
apiVersion: v1
kind: Service
metadata: {name: hinted, annotations: {service.kubernetes.io/topology-mode: Auto}}
spec: {selector: {app: hinted}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: hinted}
spec:
  replicas: 12
  selector: {matchLabels: {app: hinted}}
  template:
    metadata: {labels: {app: hinted}}
    spec:
      topologySpreadConstraints: [{maxSkew: 1, topologyKey: ${zoneLabel}, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: hinted}}}]
      containers: [{name: c, image: i, ports: [{containerPort: 80}], resources: {requests: {cpu: 20m}}}]
`;

async function hints(): Promise<'set' | 'none' | undefined> {
  const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  const selector = '?labelSelector=kubernetes.io%2Fservice-name%3Dhinted';
  const { items } = await call<{
    items: readonly { endpoints?: readonly { hints?: { forZones?: readonly object[] } }[] }[];
  }>('GET', `${path}${selector}`);
  const endpoints = items.flatMap((slice) => slice.endpoints ?? []);
  if (endpoints.length < 12) return undefined;
  const with_ = endpoints.filter((endpoint) => endpoint.hints?.forZones?.length);
  if (with_.length === endpoints.length) return 'set';
  return with_.length === 0 ? 'none' : undefined;
}
