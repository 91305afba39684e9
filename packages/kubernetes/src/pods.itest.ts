import { clusterName, type NodeName, type Pod, type PodUid, wellKnown } from '@spillway/core';
import { portablePod, type PodRef } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pods } from './pods.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { VirtualNodes } from './virtual-nodes.ts';

const lyon = clusterName('lyon');
const virtualNode = 'spillway-lyon' as NodeName;
const realNode = 'node-1' as NodeName;

let agent: AgentCluster;
let pods: Pods;

beforeAll(async () => {
  agent = await startAgentCluster({ nodes: 2 });
  pods = new Pods(agent.api);
  const state = { cluster: lyon, addresses: [], reachable: true, cordoned: false };
  await new VirtualNodes(agent.api).keep(state, new Date());
  await agent.cluster.apply('{apiVersion: v1, kind: Namespace, metadata: {name: shop}}');
  await waitFor(
    'shop’s service account',
    () => agent.cluster.client.get('/api/v1/namespaces/shop/serviceaccounts/default'),
    { timeoutMs: 10_000 },
  );
});

afterAll(async () => await agent.stop());

/** A user's pod, as the API server answers it. */
async function userPod(name: string, rest: object = {}, spec: object = {}): Promise<Pod> {
  return await agent.cluster.client.call<Pod>('POST', '/api/v1/namespaces/shop/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...rest },
    spec: {
      schedulerName: 'spillway',
      containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '100m' } } }],
      ...spec,
    },
  });
}

function refOf({ metadata }: Pod): PodRef {
  return { namespace: 'shop', name: metadata.name ?? '', uid: metadata.uid as PodUid };
}

async function podThere(namespace: string, name: string): Promise<Pod | undefined> {
  return await pods.getPod(namespace, name);
}

async function endUserPod(name: string): Promise<void> {
  const path = `/api/v1/namespaces/shop/pods/${name}`;
  await agent.cluster.client.call('DELETE', path, { gracePeriodSeconds: 0 });
}

describe('bindPod', () => {
  test('one of many binders wins, and the others are told so', async () => {
    const ref = refOf(await userPod('wanted'));
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, i) => pods.bindPod(ref, `node-${i}` as NodeName)),
    );
    expect(outcomes.filter((outcome) => outcome === 'bound')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(9);
    const winner = `node-${outcomes.indexOf('bound')}`;
    expect((await podThere('shop', 'wanted'))?.spec.nodeName).toBe(winner);
    await endUserPod('wanted');
  });

  test('a pod that kube-scheduler took meanwhile is let go', async () => {
    const pod = await userPod('quick', {}, { schedulerName: 'default-scheduler' });
    await waitFor(
      'kube-scheduler has bound it',
      async () => (await podThere('shop', 'quick'))?.spec.nodeName,
      { timeoutMs: 10_000 },
    );
    expect(await pods.bindPod(refOf(pod), virtualNode)).toBe('taken');
  });

  test('a pod that is no more, or another of its name, is gone', async () => {
    const first = refOf(await userPod('again'));
    await endUserPod('again');
    expect(await pods.bindPod(first, virtualNode)).toBe('gone');
    await userPod('again');
    expect(await pods.bindPod(first, virtualNode)).toBe('gone');
    expect((await podThere('shop', 'again'))?.spec.nodeName).toBeUndefined();
  });
});

describe('patchPodStatus', () => {
  test('mirrors a guest’s status, condition by condition', async () => {
    const ref = refOf(await userPod('mirrored'));
    expect(await pods.bindPod(ref, virtualNode)).toBe('bound');
    const conditions = [{ type: 'Ready', status: 'True' }];
    expect(await pods.patchPodStatus(ref, { phase: 'Running', conditions })).toBe('ok');
    const { status } = (await podThere('shop', 'mirrored')) ?? {};
    expect(status?.phase).toBe('Running');
    // The binding's own condition is left as the API server wrote it.
    const types = status?.conditions?.map(({ type, status: value }) => `${type} ${value}`);
    expect(new Set(types)).toEqual(new Set(['PodScheduled True', 'Ready True']));
  });

  test('an IP that is no more does not stay', async () => {
    const ref = refOf(await userPod('moved'));
    await pods.bindPod(ref, virtualNode);
    const at = (ip: string) => ({ phase: 'Running', podIP: ip, podIPs: [{ ip }] });
    expect(await pods.patchPodStatus(ref, at('10.0.0.1'))).toBe('ok');
    expect(await pods.patchPodStatus(ref, at('10.0.0.2'))).toBe('ok');
    const { status } = (await podThere('shop', 'moved')) ?? {};
    expect(status?.['podIPs']).toEqual([{ ip: '10.0.0.2' }]);
    expect(status?.['podIP']).toBe('10.0.0.2');
  });

  test('writes nothing on another pod of that name', async () => {
    const first = refOf(await userPod('renewed'));
    await endUserPod('renewed');
    expect(await pods.patchPodStatus(first, { phase: 'Running' })).toBe('gone');
    await userPod('renewed');
    expect(await pods.patchPodStatus(first, { phase: 'Running' })).toBe('gone');
    expect((await podThere('shop', 'renewed'))?.status?.phase).toBe('Pending');
  });

  test('writers at once all end well', async () => {
    const ref = refOf(await userPod('busy'));
    await pods.bindPod(ref, virtualNode);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => pods.patchPodStatus(ref, { message: `${i}` })),
    );
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
  });
});

describe('finalizeDeletion', () => {
  test('ends a pod without grace, once and for all', async () => {
    const ref = refOf(await userPod('ended'));
    await pods.bindPod(ref, virtualNode);
    expect(await pods.finalizeDeletion(ref)).toBe('ok');
    expect(await podThere('shop', 'ended')).toBeUndefined();
    expect(await pods.finalizeDeletion(ref)).toBe('gone');
    await userPod('ended');
    expect(await pods.finalizeDeletion(ref)).toBe('gone');
    expect(await podThere('shop', 'ended')).toBeDefined();
  });

  test('leaves a pod with a finalizer to its owner', async () => {
    const ref = refOf(await userPod('held', { finalizers: ['example.com/hold'] }));
    await pods.bindPod(ref, virtualNode);
    expect(await pods.finalizeDeletion(ref)).toBe('ok');
    expect(await pods.finalizeDeletion(ref)).toBe('ok');
    const there = await podThere('shop', 'held');
    expect(there?.metadata.deletionTimestamp).toBeDefined();
    expect(there?.metadata.finalizers).toEqual(['example.com/hold']);
    await agent.cluster.client.call(
      'PATCH',
      '/api/v1/namespaces/shop/pods/held',
      { metadata: { finalizers: null } },
      'application/merge-patch+json',
    );
    expect(await podThere('shop', 'held')).toBeUndefined();
  });
});

describe('createShadow', () => {
  const shadowOf = (pod: Pod, node = realNode) =>
    pods.createShadow({ home: lyon, pod: portablePod(pod), place: { node } });

  test('makes one shadow per pod, however often it is asked', async () => {
    const pod = await userPod('web');
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => shadowOf(pod)));
    expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'exists')).toHaveLength(9);
    // After a crash the agent knows nothing.
    expect(
      await new Pods(agent.api).createShadow({
        home: lyon,
        pod: portablePod(pod),
        place: { node: 'node-2' as NodeName },
      }),
    ).toEqual({ kind: 'exists' });
    expect((await podThere('spillway-lyon-shop', 'web'))?.spec.nodeName).toBe('node-1');
  });

  test('does not take an earlier pod of that name for this one', async () => {
    const first = await userPod('twice');
    expect(await shadowOf(first)).toEqual({ kind: 'created' });
    await endUserPod('twice');
    expect(await shadowOf(await userPod('twice'))).toEqual({ kind: 'nameTaken' });
  });

  test('runs on the node that was held, with nothing of its home’s rights', async () => {
    const pod = await userPod('job-pod', {
      labels: { app: 'job' },
      annotations: { 'testbed.spillway.dev/start-delay': '0s' },
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u-1', controller: true },
      ],
    });
    expect(pod.spec.volumes?.[0]?.name).toMatch(/^kube-api-access-/);
    expect(await shadowOf(pod)).toEqual({ kind: 'created' });
    const shadow = await waitFor(
      'the shadow runs',
      async () => {
        const there = await podThere('spillway-lyon-shop', 'job-pod');
        return there?.status?.phase === 'Running' ? there : undefined;
      },
      { timeoutMs: 20_000 },
    );
    expect(shadow.spec.nodeName).toBe('node-1');
    expect(shadow.spec.volumes ?? []).toEqual([]);
    expect(shadow.spec['automountServiceAccountToken']).toBe(false);
    expect(JSON.stringify(shadow.spec)).not.toContain('serviceAccountToken');
    expect(shadow.spec.priority).toBe(-1000);
    expect(shadow.spec.preemptionPolicy).toBe('Never');
    expect(shadow.metadata.finalizers).toBeUndefined();
    expect(shadow.metadata.ownerReferences?.map(({ kind }) => kind)).toEqual(['Namespace']);
    expect(shadow.metadata.labels).toMatchObject({
      app: 'job',
      [wellKnown.homeLabel]: 'lyon',
      [wellKnown.homeNamespaceLabel]: 'shop',
      [wellKnown.homeUidLabel]: pod.metadata.uid,
    });
  });

  test('is closed off before it is there, once; what the host’s people change stays', async () => {
    expect(await shadowOf(await userPod('closed-off'))).toEqual({ kind: 'created' });
    const path =
      '/apis/networking.k8s.io/v1/namespaces/spillway-lyon-shop/networkpolicies/spillway-guests';
    const { client } = agent.cluster;
    const made = await client.get<{ spec: { policyTypes: string[] } }>(path);
    expect(made.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    const opened = { spec: { policyTypes: ['Ingress'], egress: null } };
    await client.call('PATCH', path, opened, 'application/merge-patch+json');
    // As after a restart, which looks at everything again.
    const pod = await userPod('closed-off-again');
    await new Pods(agent.api).createShadow({
      home: clusterName('lyon'),
      pod: portablePod(pod),
      place: { node: realNode },
    });
    expect((await client.get<typeof made>(path)).spec.policyTypes).toEqual(['Ingress']);
  });

  test('what admission forbids is rejected with its words, not tried forever', async () => {
    const privileged = {
      containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }],
    };
    const outcome = await shadowOf(await userPod('mighty', {}, privileged));
    expect(outcome).toMatchObject({ kind: 'rejected' });
    expect(JSON.stringify(outcome)).toContain('violates PodSecurity');
  });

  test('a namespace on its way out is no fault of the pod, and is made again', async () => {
    const pod = await userPod('leaving');
    const stable = { ...pod, metadata: { ...pod.metadata, namespace: 'leaving' } };
    expect(await shadowOf(stable)).toEqual({ kind: 'created' });
    const { client } = agent.cluster;
    const guests = '/api/v1/namespaces/spillway-lyon-leaving';
    const hold = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'hold', finalizers: ['example.com/hold'] },
    };
    await client.call('POST', `${guests}/configmaps`, hold);
    await client.call('DELETE', guests);
    const second = { ...stable, metadata: { ...stable.metadata, name: 'second', uid: 'u-2' } };
    await expect(shadowOf(second)).rejects.toThrow(/is being terminated|not found/);
    await client.call(
      'PATCH',
      `${guests}/configmaps/hold`,
      { metadata: { finalizers: null } },
      'application/merge-patch+json',
    );
    const outcome = await waitFor('the namespace is made again', () => shadowOf(second), {
      timeoutMs: 30_000,
    });
    expect(outcome).toEqual({ kind: 'created' });
  });

  test('never takes someone else’s namespace for a guest namespace', async () => {
    await agent.cluster.apply(
      '{apiVersion: v1, kind: Namespace, metadata: {name: spillway-lyon-private}}',
    );
    const pod = await userPod('intruder');
    const intruder = { ...pod, metadata: { ...pod.metadata, namespace: 'private' } };
    await expect(shadowOf(intruder)).rejects.toMatchObject({ code: 'Conflict' });
    const { items } = await agent.cluster.client.get<{ items: unknown[] }>(
      '/apis/rbac.authorization.k8s.io/v1/namespaces/spillway-lyon-private/rolebindings',
    );
    expect(items).toEqual([]);
  });

  test('names of any length and kind end up in a valid namespace or are rejected', async () => {
    const pod = await userPod('odd');
    const shadow = (home: string, namespace: string) =>
      pods.createShadow({
        home: clusterName(home),
        pod: portablePod({ ...pod, metadata: { ...pod.metadata, namespace } }),
        place: { node: realNode },
      });
    // 9 + 40 + 1 + 63 characters: cut to 63.
    expect(await shadow('h'.repeat(40), 'n'.repeat(63))).toEqual({ kind: 'created' });
    expect(await shadow('0', 'kube-system')).toEqual({ kind: 'created' });
    expect(await shadow('lyon', '../../kube-system')).toMatchObject({ kind: 'rejected' });
    expect(await shadow('lyon', 'Größe?limit=1')).toMatchObject({ kind: 'rejected' });
  });
});

describe('getPod', () => {
  test('a name sent by a neighbour names a pod and nothing else', async () => {
    await userPod('asked');
    expect((await pods.getPod('shop', 'asked'))?.metadata.name).toBe('asked');
    for (const name of ['../../../namespaces/shop', 'asked/status', 'asked?watch=1', '..', '']) {
      expect(await pods.getPod('shop', name)).toBeUndefined();
    }
    expect(await pods.getPod('../namespaces/shop', 'asked')).toBeUndefined();
  });
});

describe('deleteShadow', () => {
  test('is done when there is nothing to do, and spares another of that name', async () => {
    const pod = await userPod('short');
    await pods.createShadow({ home: lyon, pod: portablePod(pod), place: { node: realNode } });
    const shadow = await podThere('spillway-lyon-shop', 'short');
    const where = { namespace: 'spillway-lyon-shop', name: 'short' };
    await pods.deleteShadow({ ...where, uid: 'another' as PodUid, gracePeriodSeconds: 0 });
    expect(await podThere(where.namespace, where.name)).toBeDefined();
    const uid = shadow?.metadata.uid as PodUid;
    await pods.deleteShadow({ ...where, uid, gracePeriodSeconds: 0 });
    expect(await podThere(where.namespace, where.name)).toBeUndefined();
    await pods.deleteShadow({ ...where, uid });
  });
});
