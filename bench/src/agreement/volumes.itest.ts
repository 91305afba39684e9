/**
 * Agreement with the real kube-scheduler on claims that bind on first use. Both must refuse the same nodes
 * for the same reasons, and set aside the same volumes or select the same node. `AGREEMENT_SEED` repeats a
 * run.
 *
 * The controller manager is stopped, so that what kube-scheduler writes on volumes and claims stays as it
 * wrote it. Every pod has its own classes, volumes and driver: none depends on the one before.
 */
import {
  type LookedUpKind,
  type Node,
  type NodeName,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  randomStream,
  shapeOf,
} from '@spillway/core';
import { evaluate, Ledger, selectedNodeAnnotation, volumePlan } from '@spillway/scheduling';
import { type LocalCluster, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Draw } from './cluster-generator.ts';
import { messageOf, withoutPreemption } from './message.ts';

const seed = Number(process.env['AGREEMENT_SEED'] ?? '20261130');
const podCount = 60;
const nodeCount = 5;
const namespace = 'volumes';
const soon = { timeoutMs: 30_000, everyMs: 10 };
const zones = ['east', 'north', 'west'];

/** What every run must have met. */
const reasonsMin = [
  "node(s) didn't find available persistent volumes to bind",
  'node(s) did not have enough free storage',
  'node(s) exceed max volume count',
];

let testbed: LocalTestbed;
let cluster: LocalCluster;
const draw = new Draw(randomStream(seed, 'volumes'));
const ledger = new Ledger();

beforeAll(async () => {
  testbed = await startTestbed({ clusters: [{ name: 'volumes', nodes: [], city: undefined }] });
  cluster = testbed.cluster('volumes');
  await cluster.kill('kwok');
  await cluster.kill('kube-controller-manager');
  await post('/api/v1/namespaces', { metadata: { name: namespace } });
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } });
}, 120_000);

afterAll(async () => await testbed?.stop());

describe('agreement with kube-scheduler on volumes', () => {
  it('refuses the same nodes, and writes the same', { timeout: 300_000 }, async () => {
    console.log(`agreement: AGREEMENT_SEED=${seed}`);
    const storages: Storage[] = [];
    for (let i = 0; i < podCount; i++) storages.push(await createStorage(i));
    await createNodes(storages);
    await nodesSeen();
    const reasons = new Set<string>();
    const compared: { readonly ours: readonly string[]; readonly kubeScheduler: string }[] = [];
    for (const { index, claims } of storages) {
      const pod = await post<Pod>(podsPath, podWith(index, claims));
      const evaluation = evaluate(ledger.snapshot, shapeOf(pod));
      for (const { reason } of [...evaluation.verdicts.values()].flat()) reasons.add(reason);
      const ours =
        evaluation.feasible.length === 0
          ? [messageOf(evaluation)]
          : evaluation.feasible.map((node) => planText(pod, node));
      compared.push({ ours, kubeScheduler: await outcome(pod, claims, ours) });
      await cluster.client.call('DELETE', `${podsPath}/${pod.metadata.name}?gracePeriodSeconds=0`);
    }
    const agreeing = compared.filter(({ ours, kubeScheduler }) => ours.includes(kubeScheduler));
    const written = agreeing.filter(({ kubeScheduler }) => !kubeScheduler.startsWith('0/'));
    console.log(
      `agreement: ${compared.length} pods, ${written.length} given a node, ${compared.length - agreeing.length} disagreements`,
    );
    expect(compared.filter((each) => !agreeing.includes(each))).toEqual([]);
    expect(reasonsMin.filter((reason) => !reasons.has(reason))).toEqual([]);
    expect(written.length).toBeGreaterThan(podCount / 4);
  });
});

/** Classes, volumes and claims of one pod. */
interface Storage {
  readonly index: number;
  readonly driver: string;
  readonly claims: readonly string[];
}

async function createStorage(index: number): Promise<Storage> {
  const driver = `d${index}.example`;
  const measured = draw.chance(40);
  await take('CSIDriver', '/apis/storage.k8s.io/v1/csidrivers', {
    metadata: { name: driver },
    spec: { attachRequired: true, storageCapacity: measured },
  });
  const zone = draw.pick(zones);
  const allowedTopologies = [{ matchLabelExpressions: [{ key: 'zone', values: [zone] }] }];
  const classes = '/apis/storage.k8s.io/v1/storageclasses';
  const late = { volumeBindingMode: 'WaitForFirstConsumer' };
  await take('StorageClass', classes, {
    metadata: { name: `static-${index}` },
    provisioner: 'kubernetes.io/no-provisioner',
    ...late,
  });
  await take('StorageClass', classes, {
    metadata: { name: `made-${index}` },
    provisioner: driver,
    ...late,
    ...(draw.chance(40) && { allowedTopologies }),
  });
  for (const at of zones) {
    const capacities = `/apis/storage.k8s.io/v1/namespaces/${namespace}/csistoragecapacities`;
    await take('CSIStorageCapacity', capacities, {
      metadata: { name: `c${index}-${at}`, namespace },
      storageClassName: `made-${index}`,
      nodeTopology: { matchLabels: { zone: at } },
      capacity: draw.pick(['1Gi', '3Gi', '9Gi']),
    });
  }
  for (let v = 0; v < 4; v++) {
    // No two of one size: which of them kube-scheduler takes is chance.
    const mebibytes = draw.pick([1024, 2048, 2048, 6144]) + v;
    await createVolume(`v${index}-${v}`, `static-${index}`, `${mebibytes}Mi`);
  }
  const claims = Array.from({ length: 1 + draw.below(2) }, (_, i) => `claim-${index}-${i}`);
  for (const [i, name] of claims.entries()) {
    await take('PersistentVolumeClaim', claimsPath, {
      metadata: { name, namespace },
      spec: {
        storageClassName: draw.chance(50) ? `static-${index}` : `made-${index}`,
        accessModes: [draw.pick(['ReadWriteOnce', 'ReadWriteOnce', 'ReadWriteMany'])],
        resources: { requests: { storage: `${draw.pick([500, 1000, 2000, 5000]) + i}Mi` } },
        ...(draw.chance(15) && { selector: { matchLabels: { disk: 'ssd' } } }),
      },
    });
  }
  return { index, driver, claims };
}

async function createVolume(
  name: string,
  storageClassName: string,
  storage: string,
): Promise<void> {
  const zone = { key: 'zone', operator: 'In', values: [draw.pick(zones), draw.pick(zones)] };
  const path = '/api/v1/persistentvolumes';
  await post(path, {
    metadata: { name, labels: { disk: draw.pick(['ssd', 'hdd']) } },
    spec: {
      storageClassName,
      accessModes: draw.pick([['ReadWriteOnce'], ['ReadWriteOnce', 'ReadWriteMany']]),
      capacity: { storage },
      local: { path: '/mnt' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
    },
  });
  const object = await cluster.client.call<PersistentVolume>(
    'PATCH',
    `${path}/${name}/status`,
    { status: { phase: 'Available' } },
    'application/merge-patch+json',
  );
  ledger.apply({ kind: 'PersistentVolume', type: 'set', object });
}

async function createNodes(storages: readonly Storage[]): Promise<void> {
  for (let i = 0; i < nodeCount; i++) {
    const name = `n${i}`;
    const labels = { 'kubernetes.io/hostname': name, zone: draw.pick(zones) };
    const allocatable = { cpu: '32', memory: '64Gi', pods: '200' };
    // Some drivers can attach one volume here, some none.
    const drivers = storages
      .filter(() => draw.chance(30))
      .map(({ driver }) => ({
        name: driver,
        nodeID: name,
        topologyKeys: [],
        allocatable: { count: draw.below(2) },
      }));
    await take('CSINode', '/apis/storage.k8s.io/v1/csinodes', {
      metadata: { name },
      spec: { drivers },
    });
    await post('/api/v1/nodes', {
      metadata: { name, labels },
      status: { capacity: allocatable, allocatable },
    });
    const object = await cluster.client.call<Node>(
      'PATCH',
      `/api/v1/nodes/${name}`,
      { spec: { taints: [] } },
      'application/merge-patch+json',
    );
    ledger.apply({ kind: 'Node', type: 'set', object });
  }
}

async function nodesSeen(): Promise<void> {
  let probes = 0;
  const expected = `0/${nodeCount} nodes are available: ${nodeCount} node(s) didn't match Pod's node affinity/selector.`;
  await waitFor(
    'kube-scheduler to see the nodes',
    async () => {
      const pod = podWith(`probe-${probes++}`, []);
      const spec = { ...pod.spec, nodeSelector: { 'no-node': 'has-this' } };
      const made = await post<Pod>(podsPath, { ...pod, spec });
      const message = await waitFor('a probe to be refused', async () => refusal(made), soon);
      await cluster.client.call('DELETE', `${podsPath}/${made.metadata.name}?gracePeriodSeconds=0`);
      return message === expected || undefined;
    },
    soon,
  );
}

/** kube-scheduler's message, or what it has written; as soon as it is one of `expected`. */
async function outcome(
  pod: Pod,
  claims: readonly string[],
  expected: readonly string[],
): Promise<string> {
  let said = '';
  await waitFor(
    'kube-scheduler to agree',
    async () => {
      said = (await refusal(pod)) ?? (await written(claims));
      return expected.includes(said) || undefined;
    },
    { timeoutMs: 5_000, everyMs: 10 },
  ).catch(() => {});
  return said;
}

async function refusal({ metadata }: Pod): Promise<string | undefined> {
  const { status } = await cluster.client.get<Pod>(`${podsPath}/${metadata.name}`);
  const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return condition?.status === 'False' ? withoutPreemption(condition.message ?? '') : undefined;
}

async function written(claims: readonly string[]): Promise<string> {
  const { items } = await cluster.client.get<{ items: readonly PersistentVolume[] }>(
    '/api/v1/persistentvolumes',
  );
  const parts: string[] = [];
  for (const name of claims) {
    const volume = items.find(({ spec }) => spec?.claimRef?.name === name);
    if (volume !== undefined) parts.push(`${name}=${volume.metadata.name}`);
    const { metadata } = await cluster.client.get<PersistentVolumeClaim>(`${claimsPath}/${name}`);
    const node = metadata.annotations?.[selectedNodeAnnotation];
    if (node !== undefined) parts.push(`${name}@${node}`);
  }
  return parts.toSorted().join(' ');
}

/** In the words of `written`. */
function planText(pod: Pod, node: NodeName): string {
  const { bindings = [], provisions = [] } = volumePlan(ledger.snapshot, shapeOf(pod), node) ?? {};
  return [
    ...bindings.map(({ claim, volume }) => `${claim.metadata.name}=${volume.metadata.name}`),
    ...provisions.map(({ metadata }) => `${metadata.name}@${node}`),
  ]
    .toSorted()
    .join(' ');
}

const podsPath = `/api/v1/namespaces/${namespace}/pods`;
const claimsPath = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;

function podWith(name: string | number, claims: readonly string[]): Pod {
  return {
    metadata: { name: `pod-${name}`, namespace },
    spec: {
      containers: [{ name: 'one', image: 'none' }],
      volumes: claims.map((claimName, i) => ({
        name: `v${i}`,
        persistentVolumeClaim: { claimName },
      })),
    },
  };
}

/** Creates an object for both. */
async function take(kind: LookedUpKind, path: string, given: object): Promise<void> {
  const object = await post<object>(path, given);
  ledger.apply({ kind, type: 'set', object } as Parameters<Ledger['apply']>[0]);
}

async function post<T>(path: string, object: object): Promise<T> {
  return await cluster.client.call<T>('POST', path, object);
}
