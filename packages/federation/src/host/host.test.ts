import { type NodeName, type Pod, type PodUid, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import type { ReserveAnswer } from '../negotiation.ts';
import { at, cluster, ledgerOf, node, podOf, reserveAt } from '../testing/fixtures.ts';
import { memberOf } from '../testing/adverts.ts';
import { hostDefaults, type HostConfig } from './config.ts';
import type { CreateOutcome, HostEffect } from './events.ts';
import { deleteRetryMs } from './endings.ts';
import { doubtMs } from './guests.ts';
import { Host } from './host.ts';

const home = memberOf(cluster('home'));

/** A host with one node of 2 CPUs that binds its guests itself, unless told otherwise. */
function hosting(config: Partial<HostConfig> = {}, cpu = '2') {
  const ledger = ledgerOf(node('n', cpu));
  const host = new Host({
    ledger,
    config: { ...hostDefaults, scheduler: '', ...config },
    incarnation: 'i',
    guestNamespace: (of, namespace) => `${of}-${namespace}`,
    cluster: cluster('host'),
  });
  let calls = 0;
  const reserve = (count: number, requestId = 'r', now = 0, epoch = 1): ReserveAnswer => {
    const { metadata, spec } = podOf('sample');
    const { namespace = '' } = metadata;
    const request = { homeEpoch: epoch, requestId, namespace, labels: {}, spec, count };
    return reserveAt(host, home, request, now);
  };
  const commit = (pods: readonly Pod[], answer?: ReserveAnswer, now = 0, epoch = 1) => {
    const id = answer?.reservation?.id;
    const request = { homeEpoch: epoch, pods, ...(id && { reservationId: id }) };
    return host.step({ kind: 'commit', call: calls++, caller: home, request }, at(now));
  };
  const guest = (pod: Pod) => ({ home: home.cluster, uid: pod.metadata.uid as PodUid });
  const created = (pod: Pod, outcome: CreateOutcome = { kind: 'created' }, now = 0) =>
    host.step({ kind: 'created', guest: guest(pod), outcome }, at(now));
  const show = (shadow: Pod, now = 0) => {
    ledger.apply({ kind: 'Pod', type: 'set', object: shadow });
    return host.step({ kind: 'shadow', pod: shadow }, at(now));
  };
  const vanish = (shadow: Pod, now = 0) => {
    ledger.apply({ kind: 'Pod', type: 'deleted', object: shadow });
    return host.step({ kind: 'shadowDeleted', pod: shadow }, at(now));
  };
  const release = (pods: readonly Pod[], gracePeriodSeconds?: number, now = 0) => {
    const guests = pods.map((pod) => ({
      uid: guest(pod).uid,
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    }));
    const request = { homeEpoch: 1, reservations: [], guests };
    return host.step({ kind: 'release', caller: home, request }, at(now));
  };
  const used = (): number | undefined => ledger.snapshot.node('n' as NodeName)?.requested.milliCpu;
  return { host, ledger, reserve, commit, created, show, vanish, release, used };
}

function shadowOf(pod: Pod, given: Partial<Pod['status'] & object> = {}): Pod {
  const { name = '', uid = '' } = pod.metadata;
  return {
    metadata: {
      name,
      namespace: 'home-default',
      uid: `shadow-${uid}`,
      labels: {
        [wellKnown.homeLabel]: 'home',
        [wellKnown.homeNamespaceLabel]: 'default',
        [wellKnown.homeUidLabel]: uid,
      },
      annotations: { [wellKnown.homeNameAnnotation]: name },
    },
    spec: { ...pod.spec, nodeName: 'n' },
    status: { phase: 'Pending', ...given },
  };
}

function fenced(pod: Pod): Pod {
  const annotations = { ...pod.metadata.annotations, [wellKnown.partitionAnnotation]: 'fence' };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** As a watch tells of it that was broken when it was deleted. */
function missed({ metadata: { name, namespace = '', uid = '', labels = {} } }: Pod): Pod {
  return { metadata: { name, namespace, uid, labels } } as Pod;
}

const kinds = (effects: readonly HostEffect[]): readonly string[] =>
  effects.map(({ kind }) => kind);
const results = (effects: readonly HostEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'reply' ? effect.results : []));
const updates = (effects: readonly HostEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'push' ? [effect.update] : []));

describe('reserve', () => {
  test('grants what fits and says why not more', () => {
    const { reserve, used } = hosting();
    // 2 CPUs, 1 a pod: 2 of 3.
    const { granted, verdicts } = reserve(3);
    expect(granted).toBe(2);
    expect(verdicts.map(({ reason }) => reason)).toEqual(['1 Insufficient cpu']);
    expect(used()).toBe(2_000);
  });

  test('answers a repeated request with the same reservation and holds nothing more', () => {
    const { reserve, used } = hosting();
    const first = reserve(1);
    expect(reserve(1).reservation?.id).toBe(first.reservation?.id);
    expect(used()).toBe(1_000);
  });

  test('releases the hold when it expires', () => {
    const { host, reserve, used } = hosting();
    reserve(2);
    expect(host.wakeAt()).toBe(hostDefaults.reservationTtlMs);
    host.step({ kind: 'tick' }, at(hostDefaults.reservationTtlMs - 1));
    expect(used()).toBe(2_000);
    host.step({ kind: 'tick' }, at(hostDefaults.reservationTtlMs));
    expect(used()).toBe(0);
    expect(host.wakeAt()).toBeUndefined();
  });

  test('keeps its reserve free', () => {
    // Half of 2 CPUs is kept: 1 pod of 1 CPU.
    const { reserve } = hosting({ keepFree: { cpuFraction: 0.5, memoryFraction: 0 } });
    const { granted, verdicts } = reserve(2);
    expect(granted).toBe(1);
    expect(verdicts[0]?.stage).toBe('KeepFree');
  });

  test('stops at the cap of guests, held slots included, and says so', () => {
    const { reserve } = hosting({ guestsMax: 1 });
    expect(reserve(2, 'a')).toMatchObject({
      granted: 1,
      verdicts: [{ reason: 'guest limit of 1 reached' }],
    });
    expect(reserve(1, 'b')).toMatchObject({ granted: 0, verdicts: [{ code: 'Refused' }] });
  });

  test('refuses all while the host takes no guests', () => {
    expect(hosting({ accepting: false }).reserve(1)).toMatchObject({
      granted: 0,
      verdicts: [{ code: 'Refused', reason: 'does not accept guests' }],
    });
  });

  test('bounds the reservations of one home', () => {
    const { reserve } = hosting({ reservationsPerHomeMax: 1 });
    reserve(1, 'a');
    expect(() => reserve(1, 'b')).toThrow('has 1 reservations open');
  });

  test('is refused to an agent that has been replaced', () => {
    const { reserve, commit } = hosting();
    reserve(1, 'new', 0, 2);
    expect(() => reserve(1, 'old', 0, 1)).toThrow('its agent was replaced');
    expect(() => commit([podOf('a')], undefined, 0, 1)).toThrow('its agent was replaced');
  });
});

describe('commit', () => {
  const pod = podOf('a');

  test('takes the held slot, and answers when the shadow is created', () => {
    const { reserve, commit, created, used } = hosting();
    const effects = commit([pod], reserve(1));
    expect(effects).toMatchObject([{ kind: 'createShadow', place: { node: 'n' } }]);
    expect(used()).toBe(1_000);
    expect(results(created(pod))).toEqual([{ uid: 'uid-a', outcome: 'created' }]);
  });

  test('repeated at any moment creates no second shadow', () => {
    const { commit, created, show } = hosting();
    expect(kinds(commit([pod]))).toEqual(['createShadow']);
    expect(kinds(commit([pod]))).toEqual([]);
    expect(results(created(pod))).toHaveLength(2);
    // Created, but not yet shown by the watch: known at once all the same.
    expect(results(commit([pod]))).toEqual([{ uid: 'uid-a', outcome: 'created' }]);
    show(shadowOf(pod));
    expect(results(commit([pod]))).toEqual([{ uid: 'uid-a', outcome: 'created' }]);
  });

  test('after a crash of the host finds the shadow by its labels', () => {
    const { commit, show } = hosting();
    show(shadowOf(pod, { phase: 'Running' }));
    expect(results(commit([pod]))).toEqual([{ uid: 'uid-a', outcome: 'created' }]);
  });

  test('is refused with a verdict where there is no room', () => {
    const { commit } = hosting({}, '500m');
    expect(results(commit([pod]))).toMatchObject([
      { outcome: 'refused', verdict: { reason: '1 Insufficient cpu' } },
    ]);
  });

  test('of a larger pod than was reserved does not eat into the reserve', () => {
    const { reserve, commit } = hosting({ keepFree: { cpuFraction: 0.5, memoryFraction: 0 } });
    // Reserved for 1 CPU; 2 CPUs would fit the node, but not beside its reserve.
    const answer = reserve(1);
    expect(results(commit([podOf('large', { cpu: '2' })], answer))).toMatchObject([
      { outcome: 'refused' },
    ]);
  });

  test('of a guest that has ended never makes it again', () => {
    const { commit, created, show, vanish } = hosting();
    commit([pod]);
    created(pod);
    show(shadowOf(pod));
    vanish(shadowOf(pod));
    expect(results(commit([pod]))).toEqual([
      { uid: 'uid-a', outcome: 'ended', reason: 'DeletedAtHost' },
    ]);
  });

  test('is answered when the shadow comes and goes before its creation is', () => {
    const { commit, show, vanish } = hosting();
    commit([pod]);
    expect(results(show(shadowOf(pod)))).toMatchObject([{ outcome: 'created' }]);
    expect(updates(vanish(shadowOf(pod)))).toMatchObject([{ kind: 'gone' }]);
  });

  test('that failed keeps its room and its node until it is known what became of it', () => {
    const { host, commit, created, used } = hosting();
    commit([pod]);
    expect(results(created(pod, { kind: 'failed', reason: 'no answer' }))).toMatchObject([
      { outcome: 'refused' },
    ]);
    expect(used()).toBe(1_000);
    expect(commit([pod])).toMatchObject([{ kind: 'createShadow', place: { node: 'n' } }]);
    created(pod, { kind: 'failed', reason: 'no answer' }, 5);
    expect(host.wakeAt()).toBe(5 + doubtMs);
    host.step({ kind: 'tick' }, at(5 + doubtMs));
    expect(used()).toBe(0);
  });

  test('withdraws a shadow that tips its node over, and says that it was the host', () => {
    const { ledger, commit, created, show, vanish } = hosting();
    commit([pod]);
    created(pod);
    const rival = podOf('rival', { cpu: '2', schedulerName: 'default-scheduler', nodeName: 'n' });
    ledger.apply({ kind: 'Pod', type: 'set', object: rival });
    expect(show(shadowOf(pod)).at(-1)).toMatchObject({
      kind: 'deleteShadow',
      gracePeriodSeconds: 0,
    });
    expect(updates(vanish(shadowOf(pod)))).toMatchObject([{ kind: 'gone', reason: 'OutOfRoom' }]);
  });
});

describe('release', () => {
  const pod = podOf('a');

  test('a fenced one is never ended without grace: its kubelet must have stopped it first', () => {
    const { ledger, commit, created, show, release } = hosting();
    const pod = fenced(podOf('a'));
    commit([pod]);
    created(pod);
    ledger.apply({ kind: 'Pod', type: 'set', object: podOf('own', { cpu: '2', nodeName: 'n' }) });
    const shadow = { ...shadowOf(pod), spec: { ...pod.spec, nodeName: 'n' } };
    expect(show(fenced(shadow)).at(-1)).toMatchObject({
      kind: 'deleteShadow',
      gracePeriodSeconds: 1,
    });
    // No less grace than it was given.
    expect(kinds(release([pod], 0))).toEqual([]);
  });

  test('a fenced one that may yet be created is not said to have ended', () => {
    const { host, commit, created, release } = hosting();
    const pod = fenced(podOf('a'));
    commit([pod]);
    created(pod, { kind: 'failed', reason: 'no answer' });
    release([pod]);
    expect(results(commit([pod]))).toMatchObject([{ outcome: 'refused' }]);
    const ended = host.step({ kind: 'tick' }, at(doubtMs));
    expect(updates(ended)).toMatchObject([{ kind: 'gone', uid: 'uid-a' }]);
    expect(results(commit([pod], undefined, doubtMs))).toMatchObject([{ outcome: 'ended' }]);
  });

  test('deletes the shadow with the grace of its pod, and again only with less', () => {
    const { show, release } = hosting();
    show(shadowOf(pod));
    expect(release([pod], 30)).toMatchObject([
      { kind: 'deleteShadow', shadowUid: 'shadow-uid-a', gracePeriodSeconds: 30 },
    ]);
    expect(release([pod], 30)).toEqual([]);
    expect(release([pod], 0)).toMatchObject([{ kind: 'deleteShadow', gracePeriodSeconds: 0 }]);
  });

  test('of an unknown guest is success, and a late commit of it is refused', () => {
    const { commit, release } = hosting();
    expect(updates(release([pod]))).toMatchObject([{ kind: 'gone', reason: 'Released' }]);
    expect(results(commit([pod]))).toMatchObject([{ outcome: 'ended' }]);
  });

  test('during a creation deletes the shadow as soon as it is seen', () => {
    const { commit, created, show, release } = hosting();
    commit([pod]);
    expect(release([pod])).toEqual([]);
    created(pod);
    expect(kinds(show(shadowOf(pod)))).toContain('deleteShadow');
  });

  test('ends a shadow that turns up after it was given up', () => {
    const { release, show } = hosting();
    release([pod]);
    expect(kinds(show(shadowOf(pod)))).toContain('deleteShadow');
  });
});

describe('guest stream', () => {
  const pod = podOf('a');

  test('opens with every guest the home was told of, seen or not', () => {
    const { host, commit, created } = hosting();
    commit([pod]);
    const uids = () => host.picture(home, 1).map((update) => 'uid' in update && update.uid);
    expect(uids()).toEqual([false]);
    created(pod);
    expect(uids()).toEqual(['uid-a', false]);
  });

  test('shows a home no other home’s guests', () => {
    const { host, show } = hosting();
    show(shadowOf(pod));
    expect(host.picture(memberOf(cluster('other')), 1)).toEqual([{ kind: 'synced' }]);
  });

  test('tells of an eviction with its reason', () => {
    const { show, vanish } = hosting();
    show(shadowOf(pod));
    const evicted = shadowOf(pod, { phase: 'Failed', reason: 'Evicted', message: 'low on memory' });
    expect(updates(vanish(evicted))).toMatchObject([
      { kind: 'gone', reason: 'Evicted', message: 'low on memory' },
    ]);
  });
});

test('a guest whose deletion the watch has missed is told gone with what was known of it last', () => {
  const tested = hosting();
  const pod = podOf('a');
  tested.show(shadowOf(pod, { phase: 'Succeeded' }));
  expect(updates(tested.vanish(missed(shadowOf(pod))))).toMatchObject([
    { kind: 'gone', uid: 'uid-a', lastStatus: { phase: 'Succeeded' } },
  ]);
});

describe('a home that is revoked', () => {
  const revoked = { kind: 'revoked', clusters: new Set([home.cluster]) } as const;

  test('has its guests ended with their own grace, those that show up later too', () => {
    const { host, reserve, commit, created, show, vanish } = hosting();
    const [first, second] = [podOf('first'), podOf('second')];
    commit([first, second], reserve(2));
    created(first);
    const shadow = shadowOf(first);
    show(shadow);
    const ended = host.step(revoked, at(0));
    expect(ended).toEqual([
      expect.objectContaining({
        kind: 'deleteShadow',
        name: 'first',
        shadowUid: shadow.metadata.uid,
      }),
    ]);
    // No grace named: the pod's own counts.
    expect(ended[0]).not.toHaveProperty('gracePeriodSeconds');
    expect(host.step(revoked, at(1))).toEqual([]);
    created(second);
    expect(kinds(show(shadowOf(second)))).toContain('deleteShadow');
    expect(updates(vanish(shadow))).toMatchObject([{ kind: 'gone', reason: 'HomeRevoked' }]);
  });

  test('holds nothing any more and may ask for nothing', () => {
    const { host, reserve, commit, used } = hosting();
    reserve(2);
    host.step(revoked, at(0));
    expect(used()).toBe(0);
    expect(() => reserve(1, 'again')).toThrow('home is revoked');
    expect(() => commit([podOf('p')])).toThrow('home is revoked');
    expect(() => host.picture(home, 1)).toThrow('home is revoked');
  });

  test('may ask again once it is admitted again', () => {
    const { host, reserve } = hosting();
    host.step(revoked, at(0));
    host.step({ kind: 'revoked', clusters: new Set() }, at(1));
    expect(reserve(1).granted).toBe(1);
  });

  test('is any home to a host that is revoked itself', () => {
    const { host, reserve, commit, created, show } = hosting();
    const pod = podOf('p');
    commit([pod], reserve(1));
    created(pod);
    show(shadowOf(pod));
    expect(kinds(host.step({ kind: 'revoked', clusters: 'all' }, at(0)))).toEqual(['deleteShadow']);
  });
});

test('explain says whose a guest is, by where it lives here, and knows nothing of other pods', () => {
  const { host, show } = hosting();
  const shadow = shadowOf(podOf('a'));
  show(shadow);
  expect(host.explain('home-default', 'a')).toEqual({ home: home.cluster, shadow });
  expect(host.explain('default', 'a')).toBeUndefined();
  expect(host.explain('home-default', 'b')).toBeUndefined();
});

describe('a copy of a shadow', () => {
  /** As `kubectl get pod -o yaml`, another name, `kubectl create` makes one. */
  const copyOf = (shadow: Pod): Pod => ({
    ...shadow,
    metadata: { ...shadow.metadata, name: 'copy', uid: 'copy' },
  });

  test('is nobody’s: neither it nor its end is told to the home', () => {
    const { commit, created, show, vanish, host } = hosting();
    const pod = podOf('a');
    commit([pod]);
    created(pod);
    const shadow = shadowOf(pod, { phase: 'Running' });
    show(shadow);
    expect(show(copyOf(shadow))).toEqual([]);
    expect(vanish(copyOf(shadow))).toEqual([]);
    expect(host.counts().guests).toBe(1);
    expect(updates(vanish(shadow)).map(({ kind }) => kind)).toEqual(['gone']);
  });

  test('is nobody’s either where the agent starts again and sees it first', () => {
    const { show, host } = hosting();
    const shadow = shadowOf(podOf('a'), { phase: 'Running' });
    expect(show(copyOf(shadow))).toEqual([]);
    expect(updates(show(shadow))).toMatchObject([{ kind: 'status', name: 'a' }]);
    expect(host.counts().guests).toBe(1);
  });

  test('in another namespace, or with the labels alone, is nobody’s', () => {
    const { show } = hosting();
    const shadow = shadowOf(podOf('a'), { phase: 'Running' });
    const { namespace: _namespace, annotations: _annotations, ...metadata } = shadow.metadata;
    expect(show({ ...shadow, metadata: { ...shadow.metadata, namespace: 'default' } })).toEqual([]);
    expect(show({ ...shadow, metadata: { ...metadata, namespace: 'home-default' } })).toEqual([]);
  });

  test('does not take the place of the shadow that is there', () => {
    const { show, vanish } = hosting();
    const shadow = shadowOf(podOf('a'), { phase: 'Running' });
    show(shadow);
    const twin = { ...shadow, metadata: { ...shadow.metadata, uid: 'twin' } };
    expect(show(twin)).toEqual([]);
    expect(vanish(twin)).toEqual([]);
    expect(updates(vanish(shadow))).toMatchObject([{ kind: 'gone' }]);
  });
});

describe('terms', () => {
  const everything = { tolerations: [{ operator: 'Exists' }] };

  test('a guest that tolerates everything is placed and made as one that does not', () => {
    const { ledger, host, commit } = hosting();
    const tainted = node('n', '2');
    const reserved = { ...tainted.spec, taints: [{ key: 'reserved', effect: 'NoSchedule' }] };
    ledger.apply({ kind: 'Node', type: 'set', object: { ...tainted, spec: reserved } });
    const pod = podOf('a');
    const tolerant = { ...pod, spec: { ...pod.spec, ...everything } };
    const request = {
      homeEpoch: 1,
      requestId: 'r',
      namespace: 'default',
      labels: {},
      spec: tolerant.spec,
      count: 1,
    };
    const answer = reserveAt(host, home, request, 0);
    expect(answer.granted).toBe(0);
    expect(answer.verdicts.map(({ reason }) => reason)).toContain(
      'does not honour its toleration of every taint',
    );
    expect(results(commit([tolerant]))).toMatchObject([{ outcome: 'refused' }]);
    ledger.apply({ kind: 'Node', type: 'set', object: tainted });
    const create = commit([tolerant]).find((effect) => effect.kind === 'createShadow');
    expect(create?.pod.spec.tolerations?.every(({ key }) => key !== undefined)).toBe(true);
  });

  test('what they refuse is refused when room is asked for', () => {
    const { host } = hosting();
    const spec = { ...podOf('a').spec, hostNetwork: true };
    const request = {
      homeEpoch: 1,
      requestId: 'r',
      namespace: 'default',
      labels: {},
      spec,
      count: 1,
    };
    expect(reserveAt(host, home, request, 0)).toMatchObject({
      granted: 0,
      verdicts: [{ reason: expect.stringContaining('hostNetwork') }, {}],
    });
  });
});

describe('while own pods of the host are undecided', () => {
  /** A host on which kube-scheduler has yet to decide on one pod of 1 CPU, 2 CPUs being free. */
  function busy() {
    const tested = hosting();
    const { host, ledger } = tested;
    const own = podOf('own', { schedulerName: 'default-scheduler' });
    const see = (pod: Pod, now: number, deleted = false) => {
      ledger.apply({ kind: 'Pod', type: deleted ? 'deleted' : 'set', object: pod });
      return host.step({ kind: 'ownPod', pod, deleted }, at(now));
    };
    see(own, 0);
    const { namespace = '' } = own.metadata;
    const { spec } = podOf('sample');
    const ask = { homeEpoch: 1, requestId: 'r', namespace, labels: {}, spec, count: 2 };
    const reserve = (now: number, homeEpoch = 1) =>
      host.step(
        { kind: 'reserve', call: 7, caller: home, request: { ...ask, homeEpoch } },
        at(now),
      );
    const bound = { ...own, spec: { ...own.spec, nodeName: 'n' } };
    return { ...tested, see, reserve, own, bound };
  }

  test('a reservation waits for them, and is granted what they leave', () => {
    const { reserve, see, bound, host } = busy();
    expect(reserve(0)).toEqual([]);
    expect(host.wakeAt()).toBe(500);
    expect(see(bound, 100)).toMatchObject([
      { kind: 'reserveReply', call: 7, answer: { granted: 1 } },
    ]);
    expect(host.wakeAt()).toBe(100 + hostDefaults.reservationTtlMs);
  });

  test('a reservation is refused after half a second, and holds nothing', () => {
    const { reserve, host, used } = busy();
    reserve(0);
    expect(host.step({ kind: 'tick' }, at(499))).toEqual([]);
    expect(host.step({ kind: 'tick' }, at(500))).toMatchObject([
      { kind: 'reserveReply', answer: { granted: 0, verdicts: [{ stage: 'OwnPods' }] } },
    ]);
    expect(used()).toBe(0);
  });

  test('a commit waits for two seconds, and goes on', () => {
    const { commit, host } = busy();
    expect(commit([podOf('a')])).toEqual([]);
    expect(host.step({ kind: 'tick' }, at(1_999))).toEqual([]);
    expect(kinds(host.step({ kind: 'tick' }, at(2_000)))).toEqual(['createShadow']);
  });

  test('a pod that its home releases meanwhile is not made', () => {
    const { commit, release, see, own } = busy();
    commit([podOf('a')]);
    release([podOf('a')]);
    expect(results(see(own, 1, true))).toMatchObject([{ uid: 'uid-a', outcome: 'ended' }]);
  });

  test('a call of an agent that is replaced meanwhile fails', () => {
    const { commit, reserve, see, bound } = busy();
    commit([podOf('a')], undefined, 0, 1);
    reserve(0, 2);
    expect(see(bound, 1)).toMatchObject([
      { kind: 'refuseCall', call: 0, fault: { code: 'PermissionDenied' } },
      { kind: 'reserveReply', call: 7 },
    ]);
    expect(() => reserve(2, 1)).toThrow('was replaced');
  });
});

describe('a delete that fails', () => {
  const pod = podOf('a');
  const shadow = shadowOf(pod);
  const failed = {
    kind: 'deleted',
    shadowUid: shadow.metadata.uid as PodUid,
    outcome: 'failed',
  } as const;

  test('is sent again after a while, until it succeeds', () => {
    const { host, show, release } = hosting();
    show(shadow);
    expect(kinds(release([pod], 30))).toEqual(['deleteShadow']);
    const guest = { home: home.cluster, uid: pod.metadata.uid as PodUid };
    host.step({ ...failed, guest }, at(10));
    expect(host.wakeAt()).toBe(10 + deleteRetryMs);
    expect(show(shadow, 11).map(({ kind }) => kind)).not.toContain('deleteShadow');
    expect(host.step({ kind: 'tick' }, at(10 + deleteRetryMs))).toMatchObject([
      { kind: 'deleteShadow', shadowUid: shadow.metadata.uid, gracePeriodSeconds: 30 },
    ]);
    host.step({ ...failed, guest, outcome: 'ok' }, at(20 + deleteRetryMs));
    expect(host.wakeAt()).toBeUndefined();
  });

  test('is not sent again for a shadow that is gone', () => {
    const { host, show, release, vanish } = hosting();
    show(shadow);
    release([pod], 30);
    const guest = { home: home.cluster, uid: pod.metadata.uid as PodUid };
    host.step({ ...failed, guest }, at(10));
    vanish(shadow, 20);
    host.step({ ...failed, guest }, at(30));
    expect(host.wakeAt()).toBeUndefined();
  });
});

describe('a creation that was never answered', () => {
  const pod = podOf('a');
  const late = (shadow: Pod): Pod => ({
    ...shadow,
    metadata: { ...shadow.metadata, uid: `late-${shadow.metadata.uid}` },
  });
  /** The first creation is not answered, the second one succeeds, and its shadow is there. */
  function repeated(of: Pod) {
    const tested = hosting();
    tested.commit([of]);
    tested.created(of, { kind: 'failed', reason: 'no answer' });
    tested.commit([of]);
    tested.created(of);
    tested.show(of === pod ? shadowOf(of) : fenced(shadowOf(of)));
    return tested;
  }

  test('keeps its room after another one has succeeded and ended, since it may still come through', () => {
    const { host, vanish, used, reserve } = repeated(pod);
    expect(updates(vanish(shadowOf(pod), 10))).toMatchObject([{ kind: 'gone' }]);
    expect(used()).toBe(1_000);
    expect(reserve(2, 'r', 10).granted).toBe(1);
    expect(host.wakeAt()).toBe(10 + hostDefaults.reservationTtlMs);
    host.step({ kind: 'tick' }, at(doubtMs));
    expect(used()).toBe(0);
  });

  test('that comes through after its guest has ended counts as itself, and is ended', () => {
    const { vanish, show, used } = repeated(pod);
    vanish(shadowOf(pod), 10);
    expect(show(late(shadowOf(pod)), 20).at(-1)).toMatchObject({
      kind: 'deleteShadow',
      shadowUid: 'late-shadow-uid-a',
      gracePeriodSeconds: 0,
    });
    expect(used()).toBe(1_000);
    vanish(late(shadowOf(pod)), 30);
    expect(used()).toBe(0);
  });

  test('of a fenced pod whose shadow’s deletion was missed: it is not said to be gone, either', () => {
    const { vanish, used } = repeated(fenced(pod));
    expect(updates(vanish(missed(fenced(shadowOf(pod))), 10))).toEqual([]);
    expect(used()).toBe(1_000);
  });

  test('is one that an agent which took over at once would not know of, until it can come no more', () => {
    const { host, commit, created, vanish, show } = hosting();
    commit([pod]);
    expect(host.isUnanswered(at(0))).toBe(false);
    created(pod, { kind: 'failed', reason: 'no answer' });
    commit([pod]);
    created(pod);
    show(shadowOf(pod));
    expect(host.isUnanswered(at(10))).toBe(true);
    vanish(shadowOf(pod), 20);
    expect(host.isUnanswered(at(doubtMs - 1))).toBe(true);
    expect(host.isUnanswered(at(doubtMs))).toBe(false);
  });

  test('of a fenced pod: it is not said to be gone while it may come through', () => {
    const pods = fenced(pod);
    const { host, vanish, used, commit } = repeated(pods);
    expect(updates(vanish(fenced(shadowOf(pods)), 10))).toEqual([]);
    expect(results(commit([pods], undefined, 20))).toMatchObject([{ outcome: 'refused' }]);
    expect(used()).toBe(1_000);
    const ended = host.step({ kind: 'tick' }, at(doubtMs));
    expect(updates(ended)).toMatchObject([{ kind: 'gone', reason: 'DeletedAtHost' }]);
    expect(used()).toBe(0);
  });

  test('of a fenced pod: what comes through is ended before the pod is said to be gone', () => {
    const pods = fenced(pod);
    const { host, vanish, show } = repeated(pods);
    vanish(fenced(shadowOf(pods)), 10);
    const second = late(fenced(shadowOf(pods)));
    expect(show(second, 20).at(-1)).toMatchObject({ kind: 'deleteShadow' });
    expect(updates(vanish(second, 30))).toEqual([]);
    expect(updates(host.step({ kind: 'tick' }, at(doubtMs)))).toMatchObject([{ kind: 'gone' }]);
  });

  test('is waited for though a later one is refused', () => {
    const { host, commit, created, used } = hosting();
    commit([pod]);
    created(pod, { kind: 'failed', reason: 'no answer' });
    commit([pod]);
    created(pod, { kind: 'nameTaken' }, 10);
    expect(used()).toBe(1_000);
    host.step({ kind: 'tick' }, at(doubtMs));
    expect(used()).toBe(0);
  });
});

describe('a host that leaves the federation', () => {
  test('ends its guests with their own grace, those that show up later too, and says why', () => {
    const { host, reserve, commit, created, show, vanish } = hosting();
    const [first, second] = [podOf('first'), podOf('second')];
    commit([first, second], reserve(2));
    created(first);
    const shadow = shadowOf(first);
    show(shadow);
    const ended = host.step({ kind: 'leaving' }, at(0));
    expect(ended).toMatchObject([{ kind: 'deleteShadow', name: 'first' }]);
    expect(ended[0]).not.toHaveProperty('gracePeriodSeconds');
    created(second);
    expect(kinds(show(shadowOf(second)))).toContain('deleteShadow');
    expect(updates(vanish(shadow))).toMatchObject([{ kind: 'gone', reason: 'HostLeft' }]);
  });

  test('lets go what it holds, and grants nothing, whatever it is configured to', () => {
    const { host, reserve, used } = hosting();
    reserve(2);
    host.step({ kind: 'leaving' }, at(0));
    expect(used()).toBe(0);
    host.configure(hostDefaults);
    expect(host.accepting).toBe(false);
    expect(reserve(1, 'again')).toMatchObject({ granted: 0 });
  });
});
