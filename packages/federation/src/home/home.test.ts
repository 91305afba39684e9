import {
  type ClusterName,
  type NodeName,
  type Pod,
  type PodStatus,
  type PodUid,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { nearest, type PlacementPolicy, policyText } from '../policy/policy.ts';
import { PolicyBook } from '../policy/policy-book.ts';
import { at, cluster, node, podOf, sealedAt } from '../testing/fixtures.ts';
import { homeOf, policyOf } from '../testing/home.ts';
import { homeDefaults } from './config.ts';
import type { HomeEffect, HomeEvent } from './events.ts';

const [near, far] = [cluster('near'), cluster('far')];
const { batchMs, neighbourBatchMs, localGraceMs, retryMsMin, retryMsMax, refusedPatienceMs } =
  homeDefaults;

const neighbours = [
  { name: near, cpu: '4', rttMs: 10 },
  { name: far, cpu: '4', rttMs: 90 },
];

/** A home with one node and two neighbours of 4 CPUs each, `near` at 10 ms and `far` at 90. */
function atHome(
  cpu = '1',
  more: Pick<Parameters<typeof homeOf>[0], 'policies' | 'clusterOfNode'> = {},
) {
  const tested = homeOf({ nodes: [node('n', cpu)], neighbours, ...more });
  return {
    ...tested,
    offload: (offload: boolean) =>
      tested.step({ kind: 'namespace', name: 'default', offload, annotations: {} }),
    /** As `grant`; then the host tries what is to be bound, and would take it. */
    take: (reserve: HomeEffect, granted: number): readonly HomeEffect[] =>
      tested
        .grant(reserve, granted)
        .flatMap((each) => (each.kind === 'try' ? tested.tried(each) : [each])),
  };
}

type TestedHome = ReturnType<typeof atHome>;

const uidOf = (pod: Pod): PodUid => pod.metadata.uid as PodUid;
const boundTo = (pod: Pod, host: ClusterName, status?: PodStatus): Pod => ({
  ...sealedAt(pod, host),
  ...(status && { status }),
});
const kinds = (effects: readonly HomeEffect[]): readonly string[] =>
  effects.map(({ kind }) => kind).filter((kind) => kind !== 'tell');

function refusedBy(host: ClusterName, uid: PodUid, reason: string): HomeEvent {
  const verdict = { code: 'Unschedulable', reason, stage: 'Test' } as const;
  return { kind: 'committed', host, uids: [uid], results: [{ uid, outcome: 'refused', verdict }] };
}

/** `pod` bound to `near` and its guest created there, by an agent that has seen it all. */
function away(tested: TestedHome, pod: Pod): void {
  tested.step({ kind: 'synced' });
  tested.see(boundTo(pod, near));
  tested.step({
    kind: 'committed',
    host: near,
    uids: [uidOf(pod)],
    results: [{ uid: uidOf(pod), outcome: 'created' }],
  });
}

function shown(tested: TestedHome, pod: Pod, status: PodStatus): readonly HomeEffect[] {
  const { name = '', namespace = '' } = pod.metadata;
  const uid = uidOf(pod);
  const update = { kind: 'status', uid, namespace, name, status, terminating: false } as const;
  return tested.step({ kind: 'guest', host: near, update });
}

test('a pod whose virtual node is not there yet, or was deleted, is away once the node is there again', () => {
  const known = new Map<string, ClusterName>();
  const tested = atHome('2', { clusterOfNode: (node) => known.get(node) });
  tested.step({ kind: 'synced' });
  const pod = boundTo(podOf('a'), near);
  expect(kinds(tested.see(pod))).toEqual([]);
  expect(tested.home.explain('default', 'a')).toBeUndefined();
  known.set(virtualNodeName(near), near);
  const effects = tested.step({ kind: 'virtualNode', node: virtualNodeName(near) });
  expect(effects).toMatchObject([{ kind: 'commit', host: near, request: { pods: [{}] } }]);
  expect(tested.home.explain('default', 'a')).toMatchObject({ state: 'away', host: near });
});

test('a pod that must stay at home does not keep another of its shape there', () => {
  const tested = atHome('500m');
  tested.step({ kind: 'synced' });
  const kept = podOf('a');
  tested.see({
    ...kept,
    spec: { ...kept.spec, volumes: [{ name: 'v', hostPath: { path: '/' } }] },
  });
  tested.see(podOf('b'));
  const asked = tested.tickAt(batchMs).filter(({ kind }) => kind === 'reserve');
  expect(asked).toMatchObject([{ request: { count: 1 } }, { request: { count: 1 } }]);
  expect(tested.home.explain('default', 'a')).toMatchObject({ state: 'waiting' });
});

describe('eligibility', () => {
  const unschedulable: PodStatus = {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
  };

  test('a pod that names it, and binds it at home where it fits', () => {
    const { step, see, tickAt } = atHome();
    step({ kind: 'synced' });
    see(podOf('a'));
    expect(tickAt(batchMs)).toMatchObject([{ kind: 'bindLocally', node: 'n' }]);
  });

  test('an Unschedulable pod of an offloading namespace, as soon as the namespace is labelled', () => {
    const { step, see, offload, tickAt } = atHome('500m');
    step({ kind: 'synced' });
    see(podOf('a', { schedulerName: 'default-scheduler', status: unschedulable }));
    expect(tickAt(batchMs)).toEqual([]);
    offload(true);
    expect(kinds(tickAt(2 * batchMs))).toEqual(['reserve', 'reserve']);
  });

  test('nothing before its caches are whole', () => {
    const { see, tickAt, home } = atHome();
    see(podOf('a'));
    expect(tickAt(batchMs)).toEqual([]);
    expect(home.wakeAt()).toBeUndefined();
  });

  test('nothing that the home’s own scheduler has not refused, and leaves it the first go', () => {
    const { step, see, offload, tickAt } = atHome('1');
    step({ kind: 'synced' });
    offload(true);
    see(podOf('a', { schedulerName: 'default-scheduler' }));
    expect(tickAt(batchMs)).toEqual([]);
    // Refused, but there is room by now: a grace for its own scheduler, then neighbours.
    see(podOf('a', { schedulerName: 'default-scheduler', status: unschedulable }));
    expect(tickAt(2 * batchMs)).toEqual([]);
    expect(kinds(tickAt(batchMs + localGraceMs))).toEqual(['reserve', 'reserve']);
  });
});

describe('policies', () => {
  function withPolicy(first: PlacementPolicy) {
    let now = first;
    const policies = {
      policyFor: () => ({ policy: now, text: policyText(now), source: 'OffloadPolicy default/a' }),
    };
    const tested = atHome('500m', { policies });
    tested.step({ kind: 'synced' });
    const change = (policy: PlacementPolicy): void => {
      now = policy;
      tested.step({ kind: 'policiesChanged', namespace: 'default' });
    };
    return { ...tested, change };
  }

  test('that let nothing leave are told, and a change of them is in force at once', () => {
    const tested = withPolicy({ ...nearest, mayLeave: false });
    tested.see(podOf('a'));
    const told = tested.tickAt(batchMs);
    expect(told).toMatchObject([{ kind: 'explain' }]);
    const { message } = told[0] as Extract<HomeEffect, { kind: 'explain' }>;
    expect(message).toContain('may not leave its home because of OffloadPolicy default/a');
    expect(tested.home.explain('default', 'a')).toMatchObject({
      policy: { text: 'nearest; stay', source: 'OffloadPolicy default/a' },
    });
    tested.change(nearest);
    expect(kinds(tested.tickAt(2 * batchMs))).toEqual(['reserve', 'reserve']);
  });

  test('of partition policy fence are written on the pod by its binding', () => {
    const tested = withPolicy({ ...nearest, partition: 'fence' });
    const pod = podOf('a');
    tested.see({ ...pod, spec: { ...pod.spec, tolerations: [{ operator: 'Exists' }] } });
    const [ask] = tested.tickAt(batchMs);
    if (ask === undefined) throw new Error('nobody was asked');
    expect(tested.take(ask, 1)[0]).toMatchObject({
      kind: 'bindAway',
      annotations: { [wellKnown.partitionAnnotation]: 'fence' },
    });
  });
});

describe('asks', () => {
  function asked(tested: TestedHome, ...pods: readonly Pod[]): readonly HomeEffect[] {
    tested.step({ kind: 'synced' });
    for (const pod of pods) tested.see(pod);
    return tested.tickAt(batchMs);
  }

  test('the nearest for what does not fit at home, and a spare where the estimate may fall short', () => {
    const pods = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => podOf(name));
    // 1 of 6 stays at home; of 5, near is estimated to take 4, far the rest.
    const effects = asked(atHome('1'), ...pods);
    expect(kinds(effects)).toEqual(['bindLocally', 'reserve', 'reserve']);
    expect(effects.slice(1)).toMatchObject([
      { host: near, request: { count: 4 } },
      { host: far, request: { count: 4 } },
    ]);
  });

  test('and waits for the better ranked before it uses the answer of another', () => {
    const tested = atHome('500m');
    const pods = ['a', 'b', 'c', 'd', 'e'].map((name) => podOf(name));
    const [toNear, toFar] = asked(tested, ...pods) as [HomeEffect, HomeEffect];
    expect(tested.take(toFar, 4)).toEqual([]);
    const hosts = tested
      .take(toNear, 4)
      .map((effect) => (effect.kind === 'bindAway' ? effect.host : effect.kind));
    expect(hosts).toEqual([near, near, near, near, far]);
  });

  test('and releases the reservation when its own binding was too late', () => {
    const tested = atHome('500m');
    const [ask] = asked(tested, podOf('a')) as [HomeEffect];
    tested.take(ask, 1);
    const uid = uidOf(podOf('a'));
    expect(tested.step({ kind: 'boundAway', uid, outcome: 'taken' })).toMatchObject([
      { kind: 'release', host: near, reservations: ['near-1'] },
    ]);
  });

  test('and explains a pod that must wait, neighbour by neighbour', () => {
    const tested = atHome('500m');
    // 5 CPUs fit nowhere.
    const effects = asked(tested, podOf('a', { cpu: '5' }));
    expect(effects).toMatchObject([{ kind: 'explain', condition: true }]);
    const { message } = effects[0] as Extract<HomeEffect, { kind: 'explain' }>;
    expect(message).toContain('0/1 nodes are available at home: 1 Insufficient cpu');
    expect(message).toContain('near: has no node with room for this pod');
    expect(message).toContain('far: has no node with room for this pod');
  });

  test('and does not count neighbours, which are nodes too, among the nodes at home', () => {
    const tested = atHome('500m');
    const virtual = node(virtualNodeName(near), '0');
    const labels = { [wellKnown.virtualNodeLabel]: 'true' };
    const object = { ...virtual, metadata: { ...virtual.metadata, labels } };
    tested.ledger.apply({ kind: 'Node', type: 'set', object });
    const effects = asked(tested, podOf('a', { cpu: '5' }));
    expect(effects).toMatchObject([
      { message: expect.stringContaining('0/1 nodes are available at home: 1 Insufficient cpu') },
    ]);
  });

  test('and explains a pod as soon as all that were asked have refused it', () => {
    const tested = atHome('500m');
    const [toNear, toFar] = asked(tested, podOf('a')) as [HomeEffect, HomeEffect];
    expect(tested.grant(toNear, 0)).toEqual([]);
    // Not at the next try, by when adverts may have changed, and all are asked again instead.
    const effects = tested.grant(toFar, 0);
    expect(effects).toMatchObject([{ kind: 'explain', condition: true }]);
    const { message } = effects[0] as Extract<HomeEffect, { kind: 'explain' }>;
    expect(message).toContain('near: no room');
    expect(message).toContain('far: no room');
  });

  test('again after a back-off that grows to a bound', () => {
    const tested = atHome('500m');
    asked(tested, podOf('a', { cpu: '5' }));
    let [now, longest] = [batchMs, 0];
    for (let i = 0; i < 20; i++) {
      const wake = tested.home.wakeAt() ?? Number.NaN;
      if (i === 0) expect(wake - now).toBeLessThanOrEqual(retryMsMin * 1.25);
      longest = Math.max(longest, wake - now);
      now = wake;
      tested.tickAt(now);
    }
    expect(longest).toBeGreaterThan(retryMsMax * 0.75);
    expect(longest).toBeLessThanOrEqual(retryMsMax * 1.25);
  });

  test('sooner when there is news, which it awaits only while it backs off', () => {
    const tested = atHome('500m');
    const { home, step } = tested;
    const awaits = (ms: number): boolean => home.awaitsNews(at(ms));
    expect(awaits(0)).toBe(false);
    const [toNear, toFar] = asked(tested, podOf('a')) as [HomeEffect, HomeEffect];
    // The answers decide when the next try is.
    expect(awaits(batchMs)).toBe(false);
    tested.grant(toNear, 0);
    tested.grant(toFar, 0);
    expect(awaits(batchMs)).toBe(true);
    step({ kind: 'capacityChanged', where: 'neighbour' });
    expect(home.wakeAt()).toBe(batchMs + neighbourBatchMs);
    expect(awaits(batchMs)).toBe(false);
  });

  test('nobody while the pod’s policy can’t be read, and says so', () => {
    const effects = asked(
      atHome('500m', {
        policies: {
          policyFor: () => ({ ...policyOf(nearest), problem: 'policy "nearst": unknown' }),
        },
      }),
      podOf('a'),
    );
    expect(effects).toMatchObject([{ kind: 'explain', message: 'policy "nearst": unknown' }]);
  });

  test('repeats a binding at home that failed, with its room kept', () => {
    const tested = atHome('1');
    asked(tested, podOf('a'));
    tested.step({ kind: 'boundLocally', uid: uidOf(podOf('a')), outcome: 'failed' });
    expect(tested.ledger.snapshot.node('n' as NodeName)?.requested.milliCpu).toBe(1_000);
    const wake = tested.home.wakeAt() ?? Number.NaN;
    expect(tested.tickAt(wake)).toMatchObject([{ kind: 'bindLocally', node: 'n' }]);
    // The first try had come through: the watch is about to show the pod there.
    tested.step({ kind: 'boundLocally', uid: uidOf(podOf('a')), outcome: 'taken' });
    expect(tested.ledger.snapshot.node('n' as NodeName)?.requested.milliCpu).toBe(1_000);
    tested.see(podOf('a', { nodeName: 'elsewhere' }));
    expect(tested.ledger.snapshot.node('n' as NodeName)?.requested.milliCpu).toBe(0);
  });

  test('gives the room of a binding back that the API server has refused, and tries again later', () => {
    const tested = atHome('1');
    const pod = podOf('a');
    asked(tested, pod);
    tested.step({ kind: 'boundLocally', uid: uidOf(pod), outcome: 'refused' });
    expect(tested.ledger.snapshot.node('n' as NodeName)?.requested.milliCpu).toBe(0);
    expect(tested.home.counts().waiting).toBe(1);
    expect(kinds(tested.tickAt(60_000))).toContain('bindLocally');
  });

  test('places a pod once, though the watch shows it without a node after it was bound', () => {
    const tested = atHome('1');
    const [pod, other] = [podOf('a'), podOf('b')];
    asked(tested, pod);
    tested.step({ kind: 'boundLocally', uid: uidOf(pod), outcome: 'bound' });
    // A change of it from before its binding, by a watch that lags; and a policy that decides again.
    expect(tested.see({ ...pod, metadata: { ...pod.metadata, labels: { l: 'x' } } })).toEqual([]);
    tested.step({ kind: 'policiesChanged', namespace: 'default' });
    tested.see(other);
    expect(kinds(tested.tickAt(2 * batchMs))).toEqual(['reserve', 'reserve']);
    expect(tested.home.counts().waiting).toBe(1);
    expect(tested.ledger.snapshot.node('n' as NodeName)?.requested.milliCpu).toBe(1_000);
  });

  test('keeps the room of a pod whose first binding may have succeeded, though it is being deleted since', () => {
    const tested = atHome('1');
    const pod = podOf('a');
    const requested = (): number | undefined =>
      tested.ledger.snapshot.node('n' as NodeName)?.requested.milliCpu;
    asked(tested, pod);
    tested.step({ kind: 'boundLocally', uid: uidOf(pod), outcome: 'failed' });
    expect(kinds(tested.tickAt(10_000))).toEqual(['bindLocally']);
    // What the API server says of a pod that is being deleted, be it bound or not.
    tested.step({ kind: 'boundLocally', uid: uidOf(pod), outcome: 'gone' });
    expect(requested()).toBe(1_000);
    tested.ledger.apply({ kind: 'Pod', type: 'deleted', object: pod });
    tested.step({ kind: 'podDeleted', pod });
    expect(requested()).toBe(0);
    expect(tested.home.counts().waiting).toBe(0);
  });

  test('takes a pod that was bound to a neighbour for away, though the watch shows it without a node', () => {
    const tested = atHome('0');
    const [reserve] = asked(tested, podOf('a'));
    if (reserve === undefined) throw new Error('nobody was asked');
    tested.take(reserve, 1);
    tested.step({ kind: 'boundAway', uid: uidOf(podOf('a')), outcome: 'bound' });
    tested.see(podOf('a', { metadata: { labels: { l: 'x' } } }));
    expect(kinds(tested.tickAt(10 * batchMs))).toEqual([]);
    expect(tested.home.counts().waiting).toBe(0);
  });
});

describe('a pod away', () => {
  const pod = podOf('a');

  test('is committed by the agent that finds it bound, also when nodes are listed after pods', () => {
    const tested = atHome();
    tested.see(boundTo(pod, near));
    expect(tested.step({ kind: 'synced' })).toMatchObject([{ kind: 'commit', host: near }]);
  });

  test('is not made a second time when its status shows that it has run', () => {
    const tested = atHome();
    tested.see(boundTo(pod, near, { phase: 'Running', startTime: 'then' }));
    expect(kinds(tested.step({ kind: 'synced' }))).not.toContain('commit');
    tested.step({ kind: 'stream', host: near, state: 'opening' });
    const lost = tested.step({ kind: 'guest', host: near, update: { kind: 'synced' } });
    expect(lost.at(-1)).toMatchObject({
      kind: 'writeStatus',
      status: { phase: 'Failed', reason: 'GuestLost' },
    });
  });

  test.each([['the answer'], ['the guest stream']])(
    'is told of once, though both say that it runs, %s first',
    (first) => {
      const tested = atHome();
      tested.step({ kind: 'synced' });
      tested.see(boundTo(pod, near));
      const uid = uidOf(pod);
      const results = [{ uid, outcome: 'created' } as const];
      const answer = () => tested.step({ kind: 'committed', host: near, uids: [uid], results });
      const show = () => shown(tested, pod, { phase: 'Running' });
      const effects = first === 'the answer' ? [...answer(), ...show()] : [...show(), ...answer()];
      const told = effects.filter((effect) => effect.kind === 'tell');
      expect(told).toMatchObject([{ reason: 'Offloaded', message: 'runs at near' }]);
    },
  );

  test('stays as it is while calls fail, however many', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    tested.see(boundTo(pod, near));
    for (let i = 0; i < 10; i++) {
      const uids = [uidOf(pod)];
      expect(tested.step({ kind: 'committed', host: near, uids, results: undefined })).toEqual([]);
      expect(tested.tickAt(tested.home.wakeAt() ?? Number.NaN)).toMatchObject([{ kind: 'commit' }]);
    }
  });

  test('fails with the reason that its guest was evicted for', () => {
    const tested = atHome();
    away(tested, pod);
    shown(tested, pod, { phase: 'Running' });
    const uid = uidOf(pod);
    tested.step({ kind: 'statusWritten', uid, outcome: 'ok' });
    const update = { kind: 'gone', uid, reason: 'Evicted', message: 'low on memory' } as const;
    expect(tested.step({ kind: 'guest', host: near, update }).at(-1)).toMatchObject({
      kind: 'writeStatus',
      status: { phase: 'Failed', reason: 'Evicted', message: 'low on memory' },
    });
  });

  test('that its host has ended is told why, in the host’s words, once', () => {
    const tested = atHome();
    away(tested, podOf('a'));
    const evicted = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' };
    const message = 'near has ended it: The node was low on memory. (Evicted)';
    expect(shown(tested, podOf('a'), evicted)).toMatchObject([
      { kind: 'tell', reason: 'GuestEnded', message, warning: true },
      { kind: 'writeStatus' },
    ]);
    expect(kinds(shown(tested, podOf('a'), evicted))).toEqual([]);
    expect(shown(tested, podOf('a'), evicted)).toEqual([]);
  });

  test('whose containers fail is mirrored, and its host is not blamed', () => {
    const tested = atHome();
    away(tested, podOf('a'));
    expect(shown(tested, podOf('a'), { phase: 'Failed' })).toMatchObject([{ kind: 'writeStatus' }]);
  });

  test('that its host has refused for long is disowned until its host says that it is gone', () => {
    const tested = atHome();
    const owner = { apiVersion: 'v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true };
    const owned = podOf('a', { metadata: { ownerReferences: [owner] } });
    tested.step({ kind: 'synced' });
    tested.see(boundTo(owned, near));
    const verdict = { code: 'Unschedulable', reason: 'no answer', stage: 'Test' } as const;
    const uid = uidOf(owned);
    const results = [{ uid, outcome: 'refused', verdict } as const];
    const refused: HomeEvent = { kind: 'committed', host: near, uids: [uid], results };
    tested.step(refused);
    tested.tickAt(refusedPatienceMs);
    tested.step(refused);
    tested.step({ kind: 'podDeleted', pod: boundTo(owned, near) });
    // The guest stream stays open, by which the host tells what becomes of it.
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    expect(tested.home.hosts()).toEqual(new Set([near]));
    expect(kinds(tested.tickAt(refusedPatienceMs + retryMsMax))).toContain('release');
    const update = { kind: 'gone', uid, reason: 'Released', message: 'm' } as const;
    tested.step({ kind: 'guest', host: near, update });
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    expect(tested.home.hosts()).toEqual(new Set());
  });

  test('fails when its host has refused it for long and a controller would replace it', () => {
    const tested = atHome();
    const owner = { apiVersion: 'v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true };
    const owned = podOf('a', { metadata: { ownerReferences: [owner] } });
    tested.step({ kind: 'synced' });
    tested.see(boundTo(owned, near));
    const verdict = { code: 'Unschedulable', reason: 'no room', stage: 'Test' } as const;
    const uid = uidOf(owned);
    const refused: HomeEvent = {
      kind: 'committed',
      host: near,
      uids: [uid],
      results: [{ uid, outcome: 'refused', verdict }],
    };
    expect(kinds(tested.step(refused))).toEqual([]);
    expect(tested.home.explain('default', 'a')).toMatchObject({
      phase: 'committing',
      wasThere: false,
      problem: 'no room',
    });
    tested.tickAt(refusedPatienceMs);
    // A creation that its host never got an answer to may still come through: it is disowned.
    expect(tested.step(refused).slice(-2)).toMatchObject([
      { kind: 'writeStatus', status: { phase: 'Failed', reason: 'GuestRefused' } },
      { kind: 'release', host: near, guests: [{ uid }] },
    ]);
    expect(tested.home.explain('default', 'a')).toMatchObject({
      status: 'GuestRefused',
      wasThere: false,
    });
  });

  test('that was given up is not finished by its guest: one that came late and has ended must go, too', () => {
    const tested = atHome();
    const failed = { phase: 'Failed', reason: 'GuestRefused' };
    const pod = { ...boundTo(podOf('a'), near), status: failed };
    tested.step({ kind: 'synced' });
    tested.see(pod);
    // The same end is left alone.
    expect(kinds(shown(tested, podOf('a'), { phase: 'Failed' }))).toEqual([]);
    expect(shown(tested, podOf('a'), { phase: 'Succeeded' })).toMatchObject([
      { kind: 'release', host: near, guests: [{ uid: uidOf(pod) }] },
    ]);
  });

  test('but under fence only when its host has confirmed that nothing of it is there', () => {
    const tested = atHome();
    const metadata = {
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true },
      ],
      annotations: { [wellKnown.partitionAnnotation]: 'fence' },
    };
    const owned = podOf('a', { metadata });
    tested.step({ kind: 'synced' });
    tested.see(boundTo(owned, near));
    const verdict = { code: 'Unschedulable', reason: 'no answer', stage: 'Test' } as const;
    const uid = uidOf(owned);
    const refused: HomeEvent = {
      kind: 'committed',
      host: near,
      uids: [uid],
      results: [{ uid, outcome: 'refused', verdict }],
    };
    tested.step(refused);
    tested.tickAt(refusedPatienceMs);
    // What failed as far as the host could tell may still be created.
    expect(tested.step(refused).at(-1)).toMatchObject({ kind: 'release', guests: [{ uid }] });
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    const update = { kind: 'gone', uid, reason: 'Released', message: 'released' } as const;
    expect(tested.step({ kind: 'guest', host: near, update }).at(-1)).toMatchObject({
      kind: 'writeStatus',
      status: { phase: 'Failed', reason: 'GuestRefused' },
    });
  });

  test('whose guest is not there when asked for again is released, since that asking may have made one', () => {
    const tested = atHome();
    away(tested, pod);
    const uid = uidOf(pod);
    expect(tested.tickAt(retryMsMax)).toMatchObject([{ kind: 'commit' }]);
    // The host's agent has died since, and its guest has gone; the next agent creates another, unanswered.
    const effects = tested.step(refusedBy(near, uid, 'no answer'));
    expect(effects.slice(-2)).toMatchObject([
      { kind: 'writeStatus', status: { phase: 'Failed', reason: 'GuestLost' } },
      { kind: 'release', host: near, guests: [{ uid }] },
    ]);
  });

  test('under fence fails for that only when its host has confirmed that nothing of it is there', () => {
    const tested = atHome();
    const fenced = podOf('a', {
      metadata: { annotations: { [wellKnown.partitionAnnotation]: 'fence' } },
    });
    away(tested, fenced);
    const uid = uidOf(fenced);
    tested.tickAt(retryMsMax);
    expect(kinds(tested.step(refusedBy(near, uid, 'no answer')))).toEqual(['release']);
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    const update = { kind: 'gone', uid, reason: 'Released', message: 'released' } as const;
    expect(tested.step({ kind: 'guest', host: near, update }).at(-1)).toMatchObject({
      kind: 'writeStatus',
      status: { phase: 'Failed', reason: 'GuestLost' },
    });
  });

  test('that its host does not list is not lost while it is asked for again: the asking may make it', () => {
    const tested = atHome();
    away(tested, pod);
    const uid = uidOf(pod);
    tested.step({ kind: 'stream', host: near, state: 'opening' });
    expect(tested.tickAt(retryMsMax)).toMatchObject([{ kind: 'commit' }]);
    // The host's agent has died since, and its guest has gone. It lists its guests and makes another.
    expect(tested.step({ kind: 'guest', host: near, update: { kind: 'synced' } })).toEqual([]);
    const results = [{ uid, outcome: 'created' } as const];
    expect(tested.step({ kind: 'committed', host: near, uids: [uid], results })).toEqual([]);
    expect(tested.home.explain('default', 'a')).toMatchObject({ podState: 'running' });
  });

  test('that was shown and is not listed again is asked for once more when the asking is answered', () => {
    const tested = atHome();
    away(tested, pod);
    const uid = uidOf(pod);
    expect(tested.tickAt(retryMsMax)).toMatchObject([{ kind: 'commit' }]);
    shown(tested, pod, { phase: 'Pending' });
    tested.step({ kind: 'stream', host: near, state: 'opening' });
    tested.step({ kind: 'guest', host: near, update: { kind: 'synced' } });
    const results = [{ uid, outcome: 'created' } as const];
    tested.step({ kind: 'committed', host: near, uids: [uid], results });
    expect(tested.tickAt(2 * retryMsMax)).toMatchObject([{ kind: 'commit', host: near }]);
  });

  test('under fence that its host does not list after an asking without an answer is released first', () => {
    const tested = atHome();
    const fenced = podOf('a', {
      metadata: { annotations: { [wellKnown.partitionAnnotation]: 'fence' } },
    });
    away(tested, fenced);
    const uid = uidOf(fenced);
    tested.step({ kind: 'stream', host: near, state: 'opening' });
    tested.tickAt(retryMsMax);
    tested.step({ kind: 'committed', host: near, uids: [uid], results: undefined });
    const listed = tested.step({ kind: 'guest', host: near, update: { kind: 'synced' } });
    expect(kinds(listed)).toEqual(['release']);
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    const update = { kind: 'gone', uid, reason: 'Released', message: 'released' } as const;
    expect(tested.step({ kind: 'guest', host: near, update }).at(-1)).toMatchObject({
      kind: 'writeStatus',
      status: { phase: 'Failed', reason: 'GuestLost' },
    });
  });

  test('is let go only when its guest is gone, and asks again until it is', () => {
    const tested = atHome();
    away(tested, pod);
    const deleting = {
      ...boundTo(pod, near),
      metadata: { ...pod.metadata, deletionTimestamp: 'now', deletionGracePeriodSeconds: 7 },
    };
    const uid = uidOf(pod);
    expect(tested.see(deleting)).toMatchObject([
      { kind: 'release', guests: [{ uid, gracePeriodSeconds: 7 }] },
    ]);
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    // A host that crashed has forgotten it.
    expect(tested.tickAt(tested.home.wakeAt() ?? Number.NaN)).toMatchObject([{ kind: 'release' }]);
    tested.step({ kind: 'released', host: near, guests: [uid], outcome: 'ok' });
    const update = { kind: 'gone', uid, reason: 'Released', message: '' } as const;
    expect(tested.step({ kind: 'guest', host: near, update })).toMatchObject([
      { kind: 'finalize' },
    ]);
    // The watch may show the end before the call returns.
    tested.step({ kind: 'podDeleted', pod: deleting });
    tested.step({ kind: 'finalized', uid, outcome: 'ok' });
    expect([...tested.home.hosts()]).toEqual([]);
  });

  test('that has ended does not come back by an older write', () => {
    const tested = atHome();
    away(tested, pod);
    const uid = uidOf(pod);
    shown(tested, pod, { phase: 'Succeeded' });
    tested.step({ kind: 'statusWritten', uid, outcome: 'ok' });
    expect(tested.see(boundTo(pod, near, { phase: 'Running' }))).toMatchObject([
      { kind: 'writeStatus', status: { phase: 'Succeeded' } },
    ]);
  });

  test('that has failed takes its guest with it, should it turn out to live', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    tested.see(boundTo(pod, near, { phase: 'Failed' }));
    expect(shown(tested, pod, { phase: 'Running' })).toMatchObject([{ kind: 'release' }]);
  });
});

describe('an unknown guest', () => {
  const pod = podOf('a');
  const ref = { namespace: 'default', name: 'a', uid: uidOf(pod) };

  test('is released only after the API server has said that nobody owns it', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    expect(shown(tested, pod, { phase: 'Running' })).toEqual([
      { kind: 'checkOrphan', host: near, ref },
    ]);
    // No answer: asked again.
    const [again] = tested.tickAt(tested.home.wakeAt() ?? Number.NaN);
    expect(again).toEqual({ kind: 'checkOrphan', host: near, ref });
    const owned = boundTo(pod, near);
    expect(tested.step({ kind: 'orphanChecked', host: near, ref, pod: owned })).toEqual([]);
    expect(tested.step({ kind: 'orphanChecked', host: near, ref, pod: undefined })).toMatchObject([
      { kind: 'release', host: near, guests: [{ uid: ref.uid }] },
    ]);
  });
});

describe('a host that is revoked', () => {
  const revoked = { kind: 'revoked', clusters: new Set([near]) } as const;
  const failed = (effects: readonly HomeEffect[]) =>
    effects.flatMap((effect) => (effect.kind === 'writeStatus' ? [effect.status] : []));

  test('loses our pods: each fails with the reason, and nothing is asked of the host', () => {
    const tested = atHome();
    const pod = podOf('p');
    away(tested, pod);
    const main = { name: 'main', image: 'web', imageID: '', restartCount: 2 };
    const running = { ...main, ready: true, started: true, state: { running: {} } };
    shown(tested, pod, { phase: 'Running', containerStatuses: [running] });
    tested.step({ kind: 'statusWritten', uid: uidOf(pod), outcome: 'ok' });
    const effects = tested.step(revoked);
    expect(failed(effects)).toMatchObject([{ phase: 'Failed', reason: 'HostRevoked' }]);
    // How it ended was not seen: it is not ready, and has no exit code.
    expect(failed(effects)[0]?.containerStatuses).toEqual([
      { ...running, ready: false, started: false },
    ]);
    expect(kinds(effects)).toEqual(['writeStatus']);
    expect(tested.home.hosts()).toEqual(new Set());
  });

  test('leaves pods at others alone', () => {
    const tested = atHome();
    away(tested, podOf('p'));
    expect(tested.step({ kind: 'revoked', clusters: new Set([far]) })).toEqual([]);
  });

  test('lets a pod go at once that is being deleted', () => {
    const tested = atHome();
    const pod = podOf('p');
    away(tested, pod);
    const bound = boundTo(pod, near);
    tested.see({ ...bound, metadata: { ...bound.metadata, deletionTimestamp: 'now' } });
    tested.step({ kind: 'released', host: near, guests: [uidOf(pod)], outcome: 'failed' });
    expect(kinds(tested.step(revoked))).toEqual(['finalize']);
  });

  test('loses pods that were bound to it and had not been committed, or are seen after a restart', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    tested.step(revoked);
    const effects = tested.see(boundTo(podOf('p'), near));
    expect(failed(effects)).toMatchObject([{ phase: 'Failed', reason: 'HostRevoked' }]);
    expect(kinds(effects)).toEqual(['writeStatus']);
  });

  test('keeps a fenced pod from being replaced until somebody deletes it by force', () => {
    const tested = atHome();
    const pod = podOf('p');
    const annotations = { [wellKnown.partitionAnnotation]: 'fence' };
    const fenced = { ...pod, metadata: { ...pod.metadata, annotations } };
    away(tested, fenced);
    shown(tested, fenced, { phase: 'Running' });
    tested.step({ kind: 'statusWritten', uid: uidOf(pod), outcome: 'ok' });
    expect(tested.step(revoked)).toMatchObject([{ kind: 'tell', reason: 'GuestLost' }]);
    tested.step({ kind: 'podDeleted', pod: fenced });
    expect(tested.home.counts().awayByHost).toEqual(new Map());
  });

  test('keeps what had ended there as it ended', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    tested.step(revoked);
    expect(kinds(tested.see(boundTo(podOf('p'), near, { phase: 'Succeeded' })))).toEqual([]);
  });
});

describe('forecast', () => {
  const question = { pod: podOf('b'), count: 1 };

  test('counts what a neighbour has answered to pods that wait, as long as the decision does', () => {
    const tested = atHome('500m');
    tested.step({ kind: 'synced' });
    tested.see(podOf('a'));
    const [nearest1, next] = tested.tickAt(batchMs);
    if (nearest1 === undefined || next === undefined) throw new Error('nobody was asked');
    tested.grant(nearest1, 0);
    tested.grant(next, 0);
    const [refused] = tested.home.forecast([question], at(batchMs));
    expect(refused).toMatchObject({ eligibility: 'named', neighbours: [], nowhere: 1 });
    expect(refused?.others).toMatchObject([
      { cluster: near, fits: 0, why: 'no room' },
      { cluster: far, fits: 0, why: 'no room' },
    ]);
    const [later] = tested.home.forecast([question], at(batchMs + homeDefaults.refusalTtlMs));
    expect(later?.neighbours).toMatchObject([{ cluster: near, count: 1 }]);
  });

  test('counts claims that come with the pods, in the default class where they name none', () => {
    const tested = atHome('1');
    const metadata = {
      name: 'local',
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    };
    const object = {
      metadata,
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    const pod = podOf('b');
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    const asked = { count: 1, pod: { ...pod, spec: { ...pod.spec, volumes } } };
    const claims = [{ metadata: { name: 'data' } }];
    const reasons = (given?: typeof claims) =>
      tested.home.forecast([asked], at(0), given)[0]?.homeRefusals.map(({ reason }) => reason);
    expect(reasons()).toEqual(['persistentvolumeclaim "data" not found']);
    expect(reasons(claims)).toEqual(['pod has unbound immediate PersistentVolumeClaims']);
    tested.ledger.apply({ kind: 'StorageClass', type: 'set', object });
    const noVolume = ["node(s) didn't find available persistent volumes to bind"];
    expect(reasons(claims)).toEqual(noVolume);
    const ephemeral = { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } };
    const owned = { ...pod, spec: { ...pod.spec, volumes: [{ name: 'v', ephemeral }] } };
    const [own] = tested.home.forecast([{ count: 1, pod: owned }], at(0));
    expect(own?.homeRefusals.map(({ reason }) => reason)).toEqual(noVolume);
  });

  test('of a namespace that does not exist goes by what is said of it', () => {
    const tested = atHome('500m');
    const pod = podOf('b', { schedulerName: 'default-scheduler' });
    const [stays, leaves] = tested.home.forecast(
      [
        { pod, count: 1 },
        { pod, count: 1, namespace: { offload: true, annotations: {} } },
      ],
      at(0),
    );
    expect(stays).toMatchObject({ eligibility: undefined, nowhere: 1 });
    expect(leaves).toMatchObject({
      eligibility: 'offered',
      nowhere: 0,
      neighbours: [{ cluster: near }],
    });
  });
});

describe('a cluster that leaves the federation', () => {
  test('deletes what is away, once, and lets each go when its guest is gone', () => {
    const tested = atHome();
    const pod = podOf('p');
    away(tested, pod);
    const [evict] = tested.step({ kind: 'leaving' }).filter(({ kind }) => kind !== 'tell');
    expect(evict).toEqual({
      kind: 'evict',
      ref: { namespace: 'default', name: 'p', uid: uidOf(pod) },
    });
    expect(kinds(tested.step({ kind: 'evicted', uid: uidOf(pod), outcome: 'ok' }))).toEqual([]);
    expect(kinds(tested.tickAt(60_000))).toEqual([]);
    const bound = boundTo(pod, near);
    const deleted = { ...bound, metadata: { ...bound.metadata, deletionTimestamp: 'now' } };
    expect(kinds(tested.see(deleted))).toEqual(['release']);
    tested.step({ kind: 'released', host: near, guests: [uidOf(pod)], outcome: 'ok' });
    const update = { kind: 'gone', uid: uidOf(pod), reason: 'Released', message: '' } as const;
    expect(kinds(tested.step({ kind: 'guest', host: near, update }))).toEqual(['finalize']);
  });

  test('asks again when a deletion failed, and commits nothing meanwhile', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    tested.step({ kind: 'leaving' });
    const pod = podOf('p');
    // Bound by an agent that did not know yet, or by somebody else.
    expect(kinds(tested.see(boundTo(pod, near)))).toEqual(['evict']);
    tested.step({ kind: 'evicted', uid: uidOf(pod), outcome: 'failed' });
    expect(kinds(tested.tickAt(tested.home.wakeAt() ?? Number.NaN))).toEqual(['evict']);
  });

  test('deletes pods that have finished away, so that their hosts keep nothing of them', () => {
    const tested = atHome();
    tested.step({ kind: 'synced' });
    tested.see(boundTo(podOf('p'), near, { phase: 'Succeeded' }));
    expect(kinds(tested.step({ kind: 'leaving' }))).toEqual(['evict']);
  });

  test('sends nothing away any more, and places at home what fits there', () => {
    const book = new PolicyBook('nearest');
    const tested = atHome('1', { policies: book });
    tested.step({ kind: 'synced' });
    book.leave();
    tested.step({ kind: 'leaving' });
    tested.see(podOf('fits', { cpu: '1' }));
    tested.see(podOf('waits', { cpu: '1' }));
    expect(kinds(tested.tickAt(batchMs))).toEqual(['bindLocally', 'explain']);
    expect(tested.home.explain('default', 'waits')).toMatchObject({
      message: expect.stringContaining('this cluster leaves the federation'),
    });
  });
});
