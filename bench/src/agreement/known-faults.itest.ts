/** That known-faults.ts knows what the kube-scheduler of each version really does. */
import {
  type Affinity,
  type LabelSelector,
  type Node,
  type Pod,
  type PodAffinity,
  shapeOf,
} from '@spillway/core';
import { evaluate, Ledger } from '@spillway/scheduling';
import {
  equalNodes,
  type LocalCluster,
  type LocalTestbed,
  startTestbed,
  waitFor,
} from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asReadBy } from './known-faults.ts';
import { createPod, decidedPod, kubernetesMinorOf } from './one-pod.ts';

const ledger = new Ledger();
const [red, blue] = ['red', 'blue'] as const;
/** Neither speaks of the namespace red, and both are true of no labels at all. */
const notRed: LabelSelector = {
  matchExpressions: [{ key: 'team', operator: 'NotIn', values: [red] }],
};
const withoutOwner: LabelSelector = {
  matchExpressions: [{ key: 'owner', operator: 'DoesNotExist' }],
};

let testbed: LocalTestbed;
let cluster: LocalCluster;
let minor: number;

/** One node, with a pod of the namespace red on it. */
beforeAll(async () => {
  const nodes = equalNodes(1);
  testbed = await startTestbed({ clusters: [{ name: 'faults', city: undefined, nodes }] });
  cluster = testbed.cluster('faults');
  minor = await kubernetesMinorOf(cluster);
  const node = await cluster.client.get<Node>(`/api/v1/nodes/${nodes[0]?.name}`);
  ledger.apply({ kind: 'Node', type: 'set', object: node });
  for (const name of [red, blue]) {
    const labels = { team: name, ...(name === red && { owner: 'shop' }) };
    const namespace = { metadata: { name, labels } };
    await cluster.client.call('POST', '/api/v1/namespaces', namespace);
    ledger.apply({ kind: 'Namespace', type: 'set', object: namespace });
    await waitFor(
      `the account of ${name}`,
      () => cluster.client.get(`/api/v1/namespaces/${name}/serviceaccounts/default`),
      { timeoutMs: 30_000 },
    );
  }
  const there = await createPod(cluster, podOf(red, 'there', {}));
  const object = await decidedPod(cluster, there, true);
  ledger.apply({ kind: 'Pod', type: 'set', object });
});

afterAll(async () => {
  await testbed?.stop();
});

describe.each([
  ['NotIn', notRed],
  ['DoesNotExist', withoutOwner],
])('a namespaceSelector with %s that leaves the namespace red out', (operator, selector) => {
  test.each([
    // The API documents what 1.37 does: the pod of red is none of the newcomer's business.
    { field: 'podAntiAffinity', documented: true },
    { field: 'podAffinity', documented: false },
  ])('$field: the fault is in kube-scheduler up to 1.36, and nowhere else', async (one) => {
    const { field, documented } = one;
    const name = `${operator}-${field}`.toLowerCase();
    const affinity = { [field]: required(selector) };
    const created = await createPod(cluster, podOf(blue, name, { app: 'other', affinity }));
    expect(fits(created)).toBe(documented);
    const binds = minor >= 37 ? documented : !documented;
    const { spec } = await decidedPod(cluster, created, binds);
    expect(spec.nodeName !== undefined).toBe(binds);
    expect(fits(asReadBy(minor, created))).toBe(binds);
  });
});

function fits(pod: Pod): boolean {
  return evaluate(ledger.snapshot, shapeOf(pod)).feasible.length > 0;
}

function required(namespaceSelector: LabelSelector): PodAffinity {
  return {
    requiredDuringSchedulingIgnoredDuringExecution: [
      {
        topologyKey: 'kubernetes.io/hostname',
        labelSelector: { matchLabels: { app: 'web' } },
        namespaceSelector,
      },
    ],
  };
}

function podOf(
  namespace: string,
  name: string,
  { app = 'web', affinity }: { readonly app?: string; readonly affinity?: Affinity },
): Pod {
  return {
    metadata: { name, namespace, labels: { app } },
    spec: { containers: [{ name: 'one', image: 'none' }], ...(affinity && { affinity }) },
  };
}
