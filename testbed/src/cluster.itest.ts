import { execFile } from 'node:child_process';
import type { Node, Pod } from '@spillway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalCluster } from './local-cluster.ts';
import { podAnnotations } from './kwok-stages.ts';
import { equalNodes } from './spec.ts';
import type { LocalTestbed } from './local-testbed.ts';
import { startTestbed } from './testbed.ts';
import { waitFor } from './wait-for.ts';

let testbed: LocalTestbed;
let cluster: LocalCluster;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      {
        name: 'paris',
        city: undefined,
        nodes: equalNodes(3, { cpu: '8', memory: '16Gi', gpus: 2, zones: ['a', 'b'] }),
      },
    ],
    // KWOK renews a node's Lease every 10 s.
    nodeGraceSeconds: 20,
  });
  cluster = testbed.cluster('paris');
});

afterAll(async () => await testbed.stop());

async function run(
  name: string,
  annotations: Readonly<Record<string, string>> | undefined,
  spec: object = {},
): Promise<void> {
  await cluster.client.call('POST', '/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(annotations && { annotations }) },
    spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }], ...spec },
  });
}

async function pod(name: string): Promise<Pod> {
  return await cluster.client.get<Pod>(`/api/v1/namespaces/default/pods/${name}`);
}

/** When `name` first was in `phase`, in ms after its creation. */
async function phaseAfterMs(name: string, phase: string, timeoutMs = 30_000): Promise<number> {
  const started = performance.now();
  return await waitFor(
    `${name} is ${phase}`,
    async () =>
      (await pod(name)).status?.phase === phase ? performance.now() - started : undefined,
    { timeoutMs, everyMs: 20 },
  );
}

function terminated(status: Pod['status']): Readonly<Record<string, unknown>> | undefined {
  const statuses = status?.['containerStatuses'] as
    | readonly { state: { terminated?: Record<string, unknown> } }[]
    | undefined;
  return statuses?.[0]?.state.terminated;
}

describe('nodes', () => {
  test('have what was asked: room, GPUs, labels, zones in turn', async () => {
    const { items } = await cluster.client.get<{ items: Node[] }>('/api/v1/nodes');
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(items[0]?.status?.allocatable).toEqual({
      cpu: '8',
      memory: '16Gi',
      pods: '110',
      'nvidia.com/gpu': '2',
    });
    const zones = items.map(({ metadata }) => metadata.labels?.['topology.kubernetes.io/zone']);
    expect(zones).toEqual(['a', 'b', 'a']);
  });

  test('RBAC and the ServiceAccount admission plugin are on', async () => {
    await cluster.apply(
      '{apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody, namespace: default}}',
    );
    const kubeconfig = await cluster.serviceAccountKubeconfig('default', 'nobody');
    const answer = await new Promise<string>((resolve) => {
      const arguments_ = ['--kubeconfig', kubeconfig, 'get', 'pods'];
      execFile(testbed.kubectl, arguments_, (_, __, stderr) => resolve(stderr));
    });
    expect(answer).toContain('system:serviceaccount:default:nobody');
    expect(answer).toContain('cannot list resource "pods"');
    await run('with-token', undefined);
    expect((await pod('with-token')).spec.volumes?.[0]?.name).toMatch(/^kube-api-access-/);
  });
});

describe('what a pod does comes from its annotations', () => {
  test('start delay, run time and success', async () => {
    await run('worker', { [podAnnotations.startDelay]: '1s', [podAnnotations.runTime]: '2s' });
    const running = await phaseAfterMs('worker', 'Running');
    expect(running).toBeGreaterThan(900);
    expect(running).toBeLessThan(5_000);
    const done = await phaseAfterMs('worker', 'Succeeded');
    expect(done).toBeGreaterThan(1_500);
    expect(done).toBeLessThan(6_000);
    const { status } = await pod('worker');
    expect(terminated(status)).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  test('an exit code that is not 0 fails it', async () => {
    await run('failing', { [podAnnotations.runTime]: '100ms', [podAnnotations.exitCode]: '42' });
    await phaseAfterMs('failing', 'Failed');
    expect(terminated((await pod('failing')).status)).toMatchObject({
      exitCode: 42,
      reason: 'Error',
    });
  });

  test('one without annotations starts at once and runs for 10 s, or forever', async () => {
    await run('plain', undefined);
    await run('server', undefined, { restartPolicy: 'Always' });
    expect(await phaseAfterMs('plain', 'Running')).toBeLessThan(3_000);
    expect(await phaseAfterMs('plain', 'Succeeded')).toBeGreaterThan(7_000);
    const { status } = await pod('server');
    expect(status?.phase).toBe('Running');
    expect(status?.['podIP']).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  test('one that is stuck never starts, and says why', async () => {
    await run('stuck', { [podAnnotations.stuck]: 'ImagePullBackOff' });
    const { status } = await waitFor(
      'it waits',
      async () => {
        const there = await pod('stuck');
        return there.status?.['containerStatuses'] === undefined ? undefined : there;
      },
      { timeoutMs: 10_000 },
    );
    expect(status?.phase).toBe('Pending');
    expect(JSON.stringify(status?.['containerStatuses'])).toContain(
      '"waiting":{"reason":"ImagePullBackOff"}',
    );
  });

  test('Jobs count what their pods did', async () => {
    await cluster.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: three}
spec:
  completions: 3
  parallelism: 3
  template:
    metadata: {annotations: {${podAnnotations.runTime}: 200ms}}
    spec: {restartPolicy: Never, containers: [{name: c, image: i}]}
`);
    await waitFor(
      'the Job is complete',
      async () => {
        const job = await cluster.client.get<{ status?: { succeeded?: number } }>(
          '/apis/batch/v1/namespaces/default/jobs/three',
        );
        return job.status?.succeeded === 3 ? true : undefined;
      },
      { timeoutMs: 20_000 },
    );
  });

  test('a deleted pod is gone in a moment', async () => {
    await run('short-lived', undefined, { restartPolicy: 'Always' });
    await phaseAfterMs('short-lived', 'Running');
    await cluster.client.call('DELETE', '/api/v1/namespaces/default/pods/short-lived');
    await waitFor(
      'it is gone',
      async () => {
        const { items } = await cluster.client.get<{ items: Pod[] }>(
          '/api/v1/namespaces/default/pods?fieldSelector=metadata.name=short-lived',
        );
        return items.length === 0 ? true : undefined;
      },
      { timeoutMs: 5_000 },
    );
  });
});

describe('apply', () => {
  test('takes lists, generated names, several documents, and the same again', async () => {
    const yaml = `
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: in-list}, data: {a: "1"}}
---
# nothing but a comment
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {generateName: named-}}
`;
    await cluster.apply(yaml);
    await cluster.apply(yaml);
    const { items } = await cluster.client.get<{ items: { metadata: { name: string } }[] }>(
      '/api/v1/namespaces/default/configmaps',
    );
    const names = items.map(({ metadata }) => metadata.name);
    expect(names).toContain('in-list');
    expect(names.filter((name) => name.startsWith('named-'))).toHaveLength(2);
    await cluster.remove(yaml);
    await expect(
      cluster.client.get('/api/v1/namespaces/default/services/web'),
    ).rejects.toMatchObject({ status: 404 });
  });

  test('says what is wrong, and with which document', async () => {
    await expect(cluster.apply('a: [')).rejects.toThrow(/^document 1: /);
    await expect(cluster.apply('---\n{kind: Pod}')).rejects.toThrow(/expected apiVersion, kind/);
    const unknown = '{apiVersion: example.com/v1, kind: Cake, metadata: {name: c}}';
    await expect(cluster.apply(unknown)).rejects.toThrow('does not serve example.com/v1/Cake');
    const bad = '{apiVersion: v1, kind: Pod, metadata: {name: NO}, spec: {containers: []}}';
    await expect(cluster.apply(bad)).rejects.toThrow(/422/);
  });
});

describe('faults', () => {
  test('a paused API server hangs, and answers when it is resumed', async () => {
    cluster.pause('kube-apiserver');
    let answered = false;
    const call = cluster.client.get('/readyz').then(() => {
      answered = true;
    });
    const ends = performance.now() + 500;
    await waitFor('half a second', () => performance.now() > ends || undefined, {
      timeoutMs: 2_000,
    });
    expect(answered).toBe(false);
    cluster.resume('kube-apiserver');
    await call;
  });

  test('a component that is stopped or killed is gone, also when it was paused, and comes back', async () => {
    for (const how of ['stop', 'kill'] as const) {
      const pid = cluster.pid('kube-scheduler') ?? 0;
      cluster.pause('kube-scheduler');
      const started = performance.now();
      await cluster[how]('kube-scheduler');
      // Not by the patience of 10 s that a deaf one would take.
      expect(performance.now() - started).toBeLessThan(8_000);
      expect(() => process.kill(pid, 0)).toThrow();
      expect(cluster.pid('kube-scheduler')).toBeUndefined();
      cluster.start('kube-scheduler');
      expect(cluster.pid('kube-scheduler')).not.toBe(pid);
    }
    await run('scheduled-again', undefined);
    await phaseAfterMs('scheduled-again', 'Running');
  });

  test('a whole cluster is killed and started, and has lost nothing', async () => {
    await run('there-before', undefined, { restartPolicy: 'Always' });
    const { metadata } = await pod('there-before');
    await cluster.kill('all');
    await expect(cluster.client.get('/readyz')).rejects.toMatchObject({ code: 'Unavailable' });
    await cluster.startAll();
    expect((await pod('there-before')).metadata.uid).toBe(metadata.uid);
    await run('after-all', undefined);
    await phaseAfterMs('after-all', 'Running');
  });

  test('a failed node’s pods are evicted, and a recovered node takes pods again', async () => {
    const impatient = ['not-ready', 'unreachable'].map((state) => ({
      key: `node.kubernetes.io/${state}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 1,
    }));
    await run('lost', undefined, {
      nodeName: 'node-3',
      restartPolicy: 'Always',
      tolerations: impatient,
    });
    await phaseAfterMs('lost', 'Running');
    await cluster.failNode('node-3');
    const failed = performance.now();
    const condition = async (): Promise<string | undefined> => {
      const { status } = await cluster.client.get<Node>('/api/v1/nodes/node-3');
      return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    };
    await waitFor(
      'it is NotReady',
      async () => ((await condition()) === 'Unknown' ? true : undefined),
      {
        timeoutMs: 60_000,
      },
    );
    // Its last heartbeat was up to 10 s before.
    expect(performance.now() - failed).toBeGreaterThan(9_000);
    await waitFor(
      'its pod is evicted',
      async () => (await pod('lost')).metadata.deletionTimestamp,
      {
        timeoutMs: 30_000,
      },
    );
    await cluster.recoverNode('node-3');
    await waitFor('it is Ready', async () => ((await condition()) === 'True' ? true : undefined), {
      timeoutMs: 30_000,
    });
    await run('back', undefined, { nodeName: 'node-3' });
    await phaseAfterMs('back', 'Running');
  });

  test('the log of each component is there to be shown', () => {
    for (const component of ['kube-apiserver', 'kube-controller-manager', 'kwok'] as const) {
      expect(cluster.logTail(component, 5).length).toBeGreaterThan(0);
    }
  });
});
