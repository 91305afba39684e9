/** Shadows beside a host's own people and tools: kubectl, the garbage collector, budgets, copies. */
import {
  clusterName,
  type Namespace,
  type NodeName,
  type Pod,
  type PodUid,
  wellKnown,
} from '@spillway/core';
import { portablePod, guestPod, guestTermsDefaults, shadowIdOf } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestNamespaceName } from './guest-namespace.ts';
import { Pods } from './pods.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';

const paris = clusterName('paris');
const soon = { timeoutMs: 30_000 };

let agent: AgentCluster;
let pods: Pods;

beforeAll(async () => {
  agent = await startAgentCluster({ nodes: 3 });
  pods = new Pods(agent.api);
});

afterAll(async () => await agent.stop());

/** A guest as its home would send it, and as this host would take it. */
async function guest(
  name: string,
  { namespace = 'shop', node = 'node-1', labels = {}, spec = {} } = {},
): Promise<Pod> {
  const sent = portablePod({
    metadata: { name, namespace, uid: `uid-of-${namespace}-${name}`, labels },
    spec: {
      containers: [{ name: 'main', image: 'registry.example/main:1' }],
      terminationGracePeriodSeconds: 1,
      ...spec,
    },
  });
  const { pod, verdicts } = guestPod(sent, {
    home: paris,
    terms: guestTermsDefaults,
    guestNamespace: guestNamespaceName,
    homeNode: 'spillway-lyon',
  });
  expect(verdicts).toEqual([]);
  const outcome = await pods.createShadow({ home: paris, pod, place: { node: node as NodeName } });
  expect(outcome).toEqual({ kind: 'created' });
  const shadow = await pods.getPod(guestNamespaceName(paris, namespace), name);
  if (shadow === undefined) throw new Error(`${name} is not there`);
  return shadow;
}

async function there({ metadata }: Pod): Promise<boolean> {
  const now = await pods.getPod(metadata.namespace ?? '', metadata.name ?? '');
  return now?.metadata.uid === metadata.uid;
}

async function runs({ metadata }: Pod): Promise<void> {
  await waitFor(
    `${metadata.name} runs`,
    async () => {
      const now = await pods.getPod(metadata.namespace ?? '', metadata.name ?? '');
      return now?.status?.conditions?.some(
        ({ type, status }) => type === 'Ready' && status === 'True',
      );
    },
    soon,
  );
}

describe('kubectl drain', () => {
  test('empties a node of its guests, as of pods of the host’s controllers', async () => {
    const shadow = await guest('drained', { node: 'node-2' });
    await runs(shadow);
    const drained = await agent.cluster.kubectl(['drain', 'node-2', '--timeout=30s']);
    expect([drained.code, drained.stderr]).toEqual([0, expect.not.stringContaining('cannot')]);
    expect(await there(shadow)).toBe(false);
  });

  test('waits for a budget of the host’s own', async () => {
    const shadow = await guest('kept', {
      namespace: 'kept',
      node: 'node-3',
      labels: { app: 'kept' },
    });
    await runs(shadow);
    await agent.cluster.apply(`apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: keep, namespace: ${shadow.metadata.namespace} }
spec: { minAvailable: 1, selector: { matchLabels: { app: kept } } }
`);
    const path = `/apis/policy/v1/namespaces/${shadow.metadata.namespace}/poddisruptionbudgets/keep`;
    await waitFor(
      'the budget counts the guest',
      async () => {
        const budget = await agent.cluster.client.get<{ status?: { currentHealthy?: number } }>(
          path,
        );
        return budget.status?.currentHealthy === 1;
      },
      soon,
    );
    const drained = await agent.cluster.kubectl(['drain', 'node-3', '--timeout=3s']);
    expect(drained.code).not.toBe(0);
    expect(drained.stderr).toContain('disruption budget');
    expect(await there(shadow)).toBe(true);
  });
});

describe('a budget of the host’s own that counts by the scale of a controller', () => {
  test.each([
    ['maxUnavailable', { maxUnavailable: 1 }],
    ['a percentage', { minAvailable: '50%' }],
  ])('lets no guest be evicted: %s', async (_, wanted) => {
    const namespace = `scaled-${Object.keys(wanted)[0]?.toLowerCase()}`;
    const labels = { app: namespace };
    const shadow = await guest('counted', { namespace, node: 'node-3', labels });
    await runs(shadow);
    const { namespace: at = '', name } = shadow.metadata;
    const budgets = `/apis/policy/v1/namespaces/${at}/poddisruptionbudgets`;
    await agent.cluster.client.call('POST', budgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'scaled' },
      spec: { ...wanted, selector: { matchLabels: labels } },
    });
    const failed = await waitFor(
      'the disruption controller has tried',
      async () => {
        const { status } = await agent.cluster.client.get<{
          status?: {
            conditions?: readonly { readonly reason: string; readonly message: string }[];
          };
        }>(`${budgets}/scaled`);
        return status?.conditions?.find(({ reason }) => reason === 'SyncFailed');
      },
      soon,
    );
    expect(failed.message).toContain('does not implement the scale subresource');
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace: at, name },
    };
    const pod = `/api/v1/namespaces/${at}/pods/${name}`;
    await expect(agent.cluster.client.call('POST', `${pod}/eviction`, eviction)).rejects.toThrow(
      'disruption budget',
    );
    expect(await there(shadow)).toBe(true);
  });
});

test('the garbage collector takes no guest for an orphan', async () => {
  const shadow = await guest('owned');
  // It collects this one, whose owner is no more: so it has been at work since.
  const { metadata } = shadow;
  await agent.cluster.client.call('POST', `/api/v1/namespaces/${metadata.namespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'orphan',
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Namespace', name: metadata.namespace, uid: 'no-more' },
      ],
    },
  });
  await waitFor(
    'the orphan is collected',
    async () => {
      const list = await agent.cluster.client.get<{ items: Pod[] }>(
        `/api/v1/namespaces/${metadata.namespace}/configmaps`,
      );
      return list.items.every(({ metadata: { name } }) => name !== 'orphan');
    },
    soon,
  );
  expect(await there(shadow)).toBe(true);
});

test('a ReplicaSet of the host’s people does not adopt a guest', async () => {
  const shadow = await guest('wanted', { namespace: 'adopt', labels: { app: 'wanted' } });
  await runs(shadow);
  const { namespace } = shadow.metadata;
  await agent.cluster.apply(`apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: own, namespace: ${namespace} }
spec:
  replicas: 1
  selector: { matchLabels: { app: wanted } }
  template:
    metadata: { labels: { app: wanted } }
    spec: { containers: [{ name: main, image: registry.example/main:1 }] }
`);
  const own = await waitFor(
    'it has a pod of its own',
    async () => {
      const { items } = await agent.cluster.client.get<{ items: Pod[] }>(
        `/api/v1/namespaces/${namespace}/pods?labelSelector=app=wanted`,
      );
      return items.find(({ metadata }) => metadata.uid !== shadow.metadata.uid);
    },
    soon,
  );
  expect(own.metadata.ownerReferences?.[0]?.kind).toBe('ReplicaSet');
});

test('a copy of a shadow is no shadow, and another pod’s name is still free', async () => {
  const shadow = await guest('original', { labels: { app: 'web' } });
  const { namespace = '', labels, annotations, ownerReferences } = shadow.metadata;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const copy = await agent.cluster.client.call<Pod>('POST', path, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'copy', labels, annotations, ownerReferences },
    spec: shadow.spec,
  });
  const uid = labels?.[wellKnown.homeUidLabel] as PodUid;
  expect(shadowIdOf(shadow, guestNamespaceName)).toEqual({ home: paris, uid });
  expect(shadowIdOf(copy, guestNamespaceName)).toBeUndefined();
});

test('files of the downward API that show what the pod is at home are valid', async () => {
  const item = (fieldPath: string) => ({
    path: fieldPath.replaceAll('.', '-'),
    fieldRef: { fieldPath },
  });
  const items = [item('metadata.namespace'), item('metadata.uid'), item('metadata.labels')];
  const shadow = await guest('informed', {
    labels: { app: 'web', 'example.com/team': 'a' },
    spec: {
      volumes: [
        { name: 'info', downwardAPI: { items } },
        { name: 'both', projected: { sources: [{ downwardAPI: { items: [items[0]] } }] } },
      ],
    },
  });
  const { annotations = {}, labels = {} } = shadow.metadata;
  const volume = shadow.spec.volumes?.find(({ name }) => name === 'info')?.['downwardAPI'] as {
    readonly items: readonly { readonly fieldRef: { readonly fieldPath: string } }[];
  };
  const shown = volume.items.map(({ fieldRef }) => {
    const [, key = ''] = /^metadata\.annotations\['(.*)'\]$/.exec(fieldRef.fieldPath) ?? [];
    return annotations[key];
  });
  expect(shown).toEqual(['shop', 'uid-of-shop-informed', 'app="web"\nexample.com/team="a"']);
  expect(labels['example.com/team']).toBeUndefined();
  await runs(shadow);
});

test('a required anti-affinity over all namespaces does not shut the host’s own pods out', async () => {
  const apart = {
    topologyKey: 'kubernetes.io/os',
    namespaceSelector: {},
    labelSelector: { matchLabels: { app: 'shopfront' } },
  };
  const shadow = await guest('lonely', {
    namespace: 'lonely',
    spec: {
      affinity: {
        podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [apart] },
      },
    },
  });
  await runs(shadow);
  await agent.cluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: shopfront, namespace: default, labels: { app: shopfront } }
spec: { containers: [{ name: main, image: registry.example/shop:1 }] }
`);
  const own = await waitFor(
    'kube-scheduler has placed it',
    async () => (await pods.getPod('default', 'shopfront'))?.spec.nodeName,
    soon,
  );
  expect(own).toMatch(/^node-/);
});

describe('a guest namespace without guests', () => {
  const name = (namespace: string): string => guestNamespaceName(paris, namespace);

  async function emptied(namespace: string): Promise<{ name: string; uid: string }> {
    const { metadata } = await guest('last', { namespace });
    await pods.deleteShadow({
      namespace: name(namespace),
      name: 'last',
      uid: metadata.uid as PodUid,
      gracePeriodSeconds: 0,
    });
    const [owner] = metadata.ownerReferences ?? [];
    return { name: name(namespace), uid: owner?.uid ?? '' };
  }

  async function isThere(namespace: string): Promise<boolean> {
    const { items } = await agent.cluster.client.get<{ items: Namespace[] }>('/api/v1/namespaces');
    return items.some(
      ({ metadata }) => metadata.name === namespace && metadata.deletionTimestamp === undefined,
    );
  }

  test('is deleted by the rights that the agent has in it, and in no other namespace', async () => {
    const empty = await emptied('empty');
    expect(await pods.endNamespace(empty)).toEqual({ outcome: 'ended' });
    expect(await isThere(empty.name)).toBe(false);
    // Someone else’s, whatever it is called: no binding of ours is in it.
    await agent.cluster.apply('{apiVersion: v1, kind: Namespace, metadata: {name: others}}');
    const { metadata } = await agent.cluster.client.get<Namespace>('/api/v1/namespaces/others');
    await expect(
      agent.api.call({ method: 'DELETE', path: '/api/v1/namespaces/others' }),
    ).rejects.toMatchObject({ code: 'PermissionDenied' });
    const others = { name: 'others', uid: metadata.uid ?? '' };
    expect(await pods.endNamespace(others)).toMatchObject({ outcome: 'kept' });
    expect(await isThere('others')).toBe(true);
  });

  test.each([
    ['a quota', 'ResourceQuota', 'resourcequotas/own', 'spec: { hard: { pods: "9" } }'],
    ['a Secret', 'Secret', 'secrets/own', 'stringData: { key: x }'],
    ['a ConfigMap', 'ConfigMap', 'configmaps/own', 'data: { key: x }'],
    [
      'a pod that waits',
      'Pod',
      'pods/own',
      'spec: { schedulerName: nobody, containers: [{ name: c, image: i }] }',
    ],
  ])('stays where the host’s people have put %s', async (_, kind, by, rest) => {
    const empty = await emptied(`has-${kind.toLowerCase()}`);
    await agent.cluster.apply(
      `apiVersion: v1\nkind: ${kind}\nmetadata: { name: own, namespace: ${empty.name} }\n${rest}\n`,
    );
    expect(await pods.endNamespace(empty)).toEqual({ outcome: 'kept', by });
    expect(await isThere(empty.name)).toBe(true);
  });

  test('stays where they have changed its network policy, or say that it is to stay', async () => {
    const changed = await emptied('changed');
    const { client } = agent.cluster;
    const patch = 'application/merge-patch+json';
    const policy = `/apis/networking.k8s.io/v1/namespaces/${changed.name}/networkpolicies/spillway-guests`;
    await client.call('PATCH', policy, { spec: { egress: null, policyTypes: ['Ingress'] } }, patch);
    expect(await pods.endNamespace(changed)).toEqual({
      outcome: 'kept',
      by: 'networkpolicies/spillway-guests',
    });
    const kept = await emptied('to-stay');
    const labels = { metadata: { labels: { [wellKnown.keepLabel]: 'true' } } };
    await client.call('PATCH', `/api/v1/namespaces/${kept.name}`, labels, patch);
    expect(await pods.endNamespace(kept)).toMatchObject({ outcome: 'kept' });
  });

  test('stays with a guest in it, and another of its name is another', async () => {
    const { metadata } = await guest('lives', { namespace: 'lively' });
    const [owner] = metadata.ownerReferences ?? [];
    const there = { name: name('lively'), uid: owner?.uid ?? '' };
    expect(await pods.endNamespace(there)).toEqual({ outcome: 'kept', by: 'pods/lives' });
    expect(await pods.endNamespace({ ...there, uid: 'another' })).toEqual({ outcome: 'ended' });
    expect(await isThere(there.name)).toBe(true);
  });

  test('a guest that comes while it is deleted comes once it is made again', async () => {
    const empty = await emptied('again');
    const pod: Pod = {
      metadata: { name: 'late', namespace: 'again', uid: 'uid-of-late' },
      spec: { containers: [{ name: 'main', image: 'registry.example/main:1' }] },
    };
    const create = () =>
      pods.createShadow({ home: paris, pod, place: { node: 'node-1' as NodeName } });
    const [ended, first] = await Promise.allSettled([pods.endNamespace(empty), create()]);
    expect(ended).toMatchObject({ value: { outcome: 'ended' } });
    if (first.status === 'rejected') expect(first.reason.message).toContain('made again');
    const outcome = await waitFor(
      'it is made',
      async () => await create().catch(() => undefined),
      soon,
    );
    expect(['created', 'exists']).toContain(outcome.kind);
    const { metadata } = (await pods.getPod(empty.name, 'late')) ?? {};
    expect(metadata?.ownerReferences?.[0]?.uid).not.toBe(empty.uid);
  });
});
