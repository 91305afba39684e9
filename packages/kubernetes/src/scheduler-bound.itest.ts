/** Shadows that the host's own kube-scheduler binds, on a real one. */
import { clusterName, type NodeName, type Pod, type PodUid } from '@spillway/core';
import { portablePod } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pods } from './pods.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';

const home = clusterName('lyon');
const guests = 'spillway-lyon-shop';
const soon = { timeoutMs: 30_000 };

let agent: AgentCluster;
let pods: Pods;

beforeAll(async () => {
  agent = await startAgentCluster({ nodes: 3, zones: ['a', 'b', 'c'] });
  pods = new Pods(agent.api);
});

afterAll(async () => await agent?.stop());

interface Ask {
  readonly node?: string;
  readonly scheduler?: string;
  readonly cpu?: string;
  readonly spec?: object;
}

async function shadow(name: string, ask: Ask = {}): Promise<Pod> {
  const { node = 'node-2', scheduler = 'default-scheduler', cpu = '100m', spec } = ask;
  const pod = portablePod({
    metadata: { name, namespace: 'shop', uid: `uid-of-${name}`, labels: { app: 'web' } },
    spec: {
      containers: [
        { name: 'main', image: 'registry.example/main:1', resources: { requests: { cpu } } },
      ],
      ...spec,
    },
  });
  const place = { node: node as NodeName, scheduler };
  expect(await pods.createShadow({ home, pod, place })).toEqual({ kind: 'created' });
  return await there(name);
}

async function there(name: string): Promise<Pod> {
  const pod = await pods.getPod(guests, name);
  if (pod === undefined) throw new Error(`${name} is not there`);
  return pod;
}

async function once(name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  return await waitFor(
    `${name} ${what}`,
    async () => {
      const pod = await there(name);
      return holds(pod) ? pod : undefined;
    },
    soon,
  );
}

const isRunning = ({ status }: Pod) => status?.phase === 'Running';
const foundNoRoom = ({ status }: Pod) =>
  status?.conditions?.some(({ reason }) => reason === 'Unschedulable') ?? false;

async function end({ metadata }: Pod, gracePeriodSeconds?: number): Promise<void> {
  const { namespace = '', name = '', uid = '' } = metadata;
  const grace = gracePeriodSeconds !== undefined && { gracePeriodSeconds };
  await pods.deleteShadow({ namespace, name, uid: uid as PodUid, ...grace });
}

describe('a shadow that kube-scheduler binds', () => {
  test('runs on the node that is held, whichever others are free', async () => {
    const names = ['first', 'second', 'third'];
    await Promise.all(names.map(async (name) => await shadow(name)));
    for (const name of names) {
      const { spec } = await once(name, 'runs', isRunning);
      expect(spec.nodeName).toBe('node-2');
      expect(spec.priority).toBe(-1000);
    }
  });

  test('keeps to its own node affinity as well', async () => {
    const zoned = (zone: string) => {
      const key = 'topology.kubernetes.io/zone';
      const terms = [{ matchExpressions: [{ key, operator: 'In', values: [zone] }] }];
      const required = { nodeSelectorTerms: terms };
      const rule = { requiredDuringSchedulingIgnoredDuringExecution: required };
      return { affinity: { nodeAffinity: rule } };
    };
    await shadow('fits', { node: 'node-3', spec: zoned('c') });
    expect((await once('fits', 'runs', isRunning)).spec.nodeName).toBe('node-3');
    await shadow('contradicts', { node: 'node-3', spec: zoned('a') });
    await once('contradicts', 'finds no room', foundNoRoom);
  });

  test('is bound where it is spread over more domains than the one that it can go to', async () => {
    const topologySpreadConstraints = [
      {
        maxSkew: 1,
        minDomains: 3,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
      },
    ];
    await shadow('spread', { node: 'node-2', spec: { topologySpreadConstraints } });
    await once('spread', 'runs', isRunning);
  });

  test('pushes no pod of the host away, and is told that it does not fit', async () => {
    const own = `apiVersion: v1
kind: Pod
metadata: { name: own, namespace: default }
spec:
  nodeName: node-1
  containers:
    - { name: main, image: registry.example/main:1, resources: { requests: { cpu: "3.9" } } }
`;
    await agent.cluster.apply(own);
    await shadow('big', { node: 'node-1', cpu: '500m' });
    const refused = await once('big', 'finds no room', foundNoRoom);
    expect(refused.spec.nodeName).toBeUndefined();
    expect(refused.status?.nominatedNodeName).toBeUndefined();
    expect((await pods.getPod('default', 'own'))?.metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('an unbound shadow', () => {
  test('is gone as soon as it is deleted, whatever its grace, and is never bound afterwards', async () => {
    const unbound = await shadow('alone', { scheduler: 'nobody-runs-it' });
    await end(unbound, 30);
    expect(await pods.getPod(guests, 'alone')).toBeUndefined();
    const again = await shadow('alone', { scheduler: 'nobody-runs-it' });
    const late = { namespace: guests, name: 'alone', uid: unbound.metadata.uid as PodUid };
    expect(await pods.bindPod(late, 'node-1' as NodeName)).toBe('gone');
    expect((await there('alone')).spec.nodeName).toBeUndefined();
    expect(again.metadata.uid).not.toBe(unbound.metadata.uid);
  });
});
