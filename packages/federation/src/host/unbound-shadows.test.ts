import { type NodeName, type Pod, type PodUid, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { at, cluster, ledgerOf, node, podOf, reserveAt } from '../testing/fixtures.ts';
import { memberOf } from '../testing/adverts.ts';
import { hostDefaults } from './config.ts';
import type { CreateOutcome, HostEffect } from './events.ts';
import { Host } from './host.ts';
import { bindMsMax, silenceMs } from './unbound-guests.ts';
import { shadowSpec } from './binding.ts';
import { doubtMs } from './guests.ts';

const home = memberOf(cluster('home'));
const scheduler = 'default-scheduler';
const pod = podOf('a');
const id = { home: home.cluster, uid: pod.metadata.uid as PodUid };

/** A host with one node of 2 CPUs, whose own scheduler binds its guests. */
function hosting() {
  const ledger = ledgerOf(node('n', '2'));
  const host = new Host({
    ledger,
    config: { ...hostDefaults, scheduler },
    incarnation: 'i',
    guestNamespace: (of, namespace) => `${of}-${namespace}`,
    cluster: cluster('host'),
  });
  let calls = 0;
  const ask = (now: number) => {
    const { namespace = '' } = pod.metadata;
    const { spec } = podOf('sample');
    const request = { homeEpoch: 1, requestId: `${now}`, namespace, labels: {}, spec, count: 1 };
    return reserveAt(host, home, request, now);
  };
  const commit = (of: Pod = pod, now = 0) => {
    const request = { homeEpoch: 1, pods: [of] };
    return host.step({ kind: 'commit', call: calls++, caller: home, request }, at(now));
  };
  const created = (outcome: CreateOutcome = { kind: 'created' }, now = 0) =>
    host.step({ kind: 'created', guest: id, outcome }, at(now));
  const show = (shadow: Pod, now = 0) => {
    ledger.apply({ kind: 'Pod', type: 'set', object: shadow });
    return host.step({ kind: 'shadow', pod: shadow }, at(now));
  };
  const vanish = (shadow: Pod, now = 0) => {
    ledger.apply({ kind: 'Pod', type: 'deleted', object: shadow });
    return host.step({ kind: 'shadowDeleted', pod: shadow }, at(now));
  };
  const release = (now = 0) => {
    const request = { homeEpoch: 1, reservations: [], guests: [{ uid: id.uid }] };
    return host.step({ kind: 'release', caller: home, request }, at(now));
  };
  const tick = (now: number) => host.step({ kind: 'tick' }, at(now));
  const used = () => ledger.snapshot.node('n' as NodeName)?.requested.milliCpu;
  return { host, ask, commit, created, show, vanish, release, tick, used };
}

function unboundOf(of: Pod, status: Pod['status'] = { phase: 'Pending' }): Pod {
  const { name = '', uid = '' } = of.metadata;
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
      annotations: { ...of.metadata.annotations, [wellKnown.homeNameAnnotation]: name },
    },
    spec: shadowSpec(of.spec, { node: 'n' as NodeName, scheduler }),
    status,
  };
}

function bound(shadow: Pod): Pod {
  return { ...shadow, spec: { ...shadow.spec, nodeName: 'n' } };
}

const unbound = unboundOf(pod);
const noRoom = unboundOf(pod, {
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
});
const kinds = (effects: readonly HostEffect[]) => effects.map(({ kind }) => kind);
const results = (effects: readonly HostEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'reply' ? effect.results : []));

describe('a shadow that the host’s scheduler is to bind', () => {
  test('is created unbound, and the commit is answered once it is bound', () => {
    const { commit, created, show, used } = hosting();
    expect(commit()).toMatchObject([{ kind: 'createShadow', place: { node: 'n', scheduler } }]);
    expect(created()).toEqual([]);
    expect(show(unbound)).toEqual([]);
    expect(used()).toBe(1_000);
    expect(show(bound(unbound))).toMatchObject([
      { kind: 'reply', results: [{ outcome: 'created' }] },
      { kind: 'push', update: { kind: 'status' } },
    ]);
    expect(used()).toBe(1_000);
  });

  test('is shown to a home that looks, for it may yet run', () => {
    const { host, commit, created, show } = hosting();
    commit();
    created();
    expect(host.picture(home, 1)).toEqual([{ kind: 'synced' }]);
    show(unbound);
    expect(host.picture(home, 1)).toMatchObject([
      { kind: 'status', status: {}, terminating: false },
      { kind: 'synced' },
    ]);
  });

  test('that was shown and does not fit is gone for its home', () => {
    const { host, commit, created, show, vanish } = hosting();
    commit();
    created();
    show(unbound);
    host.picture(home, 1);
    show(noRoom);
    expect(vanish(noRoom)).toMatchObject([
      { kind: 'push', update: { kind: 'gone', reason: 'OutOfRoom' } },
    ]);
  });

  test('is deleted when it is not bound in time, and its home may commit it again', () => {
    const { host, commit, created, show, vanish, tick, used } = hosting();
    commit();
    created();
    show(unbound, 5);
    expect(host.wakeAt()).toBe(5 + bindMsMax);
    expect(tick(4 + bindMsMax)).toEqual([]);
    const expired = tick(5 + bindMsMax);
    expect(results(expired)).toMatchObject([
      { outcome: 'refused', verdict: { code: 'Unschedulable' } },
    ]);
    expect(expired.at(-1)).toMatchObject({
      kind: 'deleteShadow',
      shadowUid: unbound.metadata.uid,
    });
    expect(used()).toBe(1_000);
    expect(results(commit(pod, 6 + bindMsMax))).toMatchObject([{ outcome: 'refused' }]);
    expect(vanish(unbound, 7 + bindMsMax)).toEqual([]);
    expect(used()).toBe(0);
    expect(kinds(commit(pod, 8 + bindMsMax))).toEqual(['createShadow']);
  });

  test('is deleted at once when its scheduler finds no room on its node', () => {
    const { commit, created, show, host } = hosting();
    commit();
    created();
    const effects = show(noRoom);
    expect(kinds(effects)).toEqual(['reply', 'deleteShadow']);
    expect(results(effects)).toMatchObject([{ outcome: 'refused' }]);
    expect(host.wakeAt()).toBeUndefined();
  });

  test('that is bound after all while it is deleted ends as a guest does', () => {
    const { commit, created, show, vanish } = hosting();
    commit();
    created();
    show(noRoom);
    const late = bound(unbound);
    expect(kinds(show(late))).toEqual(['push']);
    expect(vanish(late)).toMatchObject([
      { kind: 'push', update: { kind: 'gone', reason: 'OutOfRoom' } },
    ]);
    expect(results(commit())).toMatchObject([{ outcome: 'ended' }]);
  });

  test('ends when its home releases it, and is not made again', () => {
    const { commit, created, show, vanish, release } = hosting();
    commit();
    created();
    show(unbound);
    expect(kinds(release())).toEqual(['deleteShadow']);
    expect(results(vanish(unbound))).toMatchObject([{ outcome: 'ended' }]);
    expect(results(commit())).toMatchObject([{ outcome: 'ended' }]);
  });

  test('that did not fit has ended when its host leaves before it is gone', () => {
    const { host, commit, created, show, vanish } = hosting();
    commit();
    created();
    show(noRoom);
    host.step({ kind: 'leaving' }, at(0));
    expect(vanish(noRoom)).toMatchObject([
      { kind: 'push', update: { kind: 'gone', reason: 'HostLeft' } },
    ]);
  });

  test('that is deleted while the watch is interrupted may be committed again', () => {
    const { commit, created, tick, used, host } = hosting();
    commit();
    created();
    expect(commit(pod, 20_000)).toEqual([]);
    expect(host.wakeAt()).toBe(doubtMs);
    expect(results(tick(doubtMs))).toMatchObject([
      { outcome: 'refused', verdict: { reason: 'its API server does not show it' } },
      { outcome: 'refused' },
    ]);
    expect(used()).toBe(0);
    expect(kinds(commit(pod, doubtMs))).toEqual(['createShadow']);
  });

  test('that is deleted while the watch is interrupted is gone once its home has released it', () => {
    const { commit, created, tick, release } = hosting();
    commit();
    created();
    expect(release(1)).toEqual([]);
    expect(tick(doubtMs).at(-1)).toMatchObject({ kind: 'push', update: { kind: 'gone' } });
  });

  test('that somebody deletes at the host has ended', () => {
    const { commit, created, show, vanish } = hosting();
    commit();
    created();
    show(unbound);
    expect(vanish(unbound)).toMatchObject([
      { kind: 'reply', results: [{ outcome: 'ended' }] },
      { kind: 'push', update: { kind: 'gone', reason: 'DeletedAtHost' } },
    ]);
  });

  test('is not taken for one that tips its node over: its scheduler has looked', () => {
    const { commit, created, show, host } = hosting();
    commit();
    created();
    show(unbound);
    const own = podOf('own', { cpu: '2', schedulerName: 'spillway', nodeName: 'n' });
    show(own);
    expect(host.counts().guests).toBe(1);
    expect(kinds(show(bound(unbound)))).toEqual(['reply', 'push']);
  });
});

describe('an agent that starts while a shadow is unbound', () => {
  test('knows its room by the node that it is pinned to, and answers its home when it is bound', () => {
    const { show, commit, used } = hosting();
    expect(show(unbound)).toEqual([]);
    expect(used()).toBe(1_000);
    expect(commit()).toEqual([]);
    expect(kinds(show(bound(unbound)))).toEqual(['reply', 'push']);
    expect(used()).toBe(1_000);
  });

  test('gives up one that nobody binds', () => {
    const { show, tick, vanish, used } = hosting();
    show(unbound, 0);
    expect(kinds(tick(bindMsMax))).toEqual(['deleteShadow']);
    expect(vanish(unbound, bindMsMax)).toEqual([]);
    expect(used()).toBe(0);
  });
});

describe('a fenced pod', () => {
  const annotations = { [wellKnown.partitionAnnotation]: 'fence' };
  const fenced = { ...pod, metadata: { ...pod.metadata, annotations } };
  const shadow = unboundOf(fenced);

  test('whose creation was never answered is not made again before that can come through no more', () => {
    const { commit, created, show, vanish, tick } = hosting();
    commit(fenced);
    created({ kind: 'failed', reason: 'no answer' });
    commit(fenced);
    created();
    show(shadow);
    tick(bindMsMax);
    expect(vanish(shadow, bindMsMax)).toEqual([]);
    expect(results(commit(fenced, bindMsMax))).toMatchObject([{ outcome: 'refused' }]);
    expect(tick(doubtMs)).toEqual([]);
    expect(kinds(commit(fenced, doubtMs))).toEqual(['createShadow']);
  });

  test('that was bound while it was deleted is gone once no creation can come through', () => {
    const { commit, created, show, vanish, tick } = hosting();
    commit(fenced);
    created({ kind: 'failed', reason: 'no answer' });
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }];
    show({ ...shadow, status: { phase: 'Pending', conditions } });
    show(bound(shadow));
    expect(vanish(bound(shadow))).toEqual([]);
    expect(tick(doubtMs)).toMatchObject([{ kind: 'push', update: { kind: 'gone' } }]);
  });
});

describe('a scheduler that leaves a shadow alone', () => {
  /** A host whose scheduler has left a shadow alone for too long. */
  function silent() {
    const tested = hosting();
    tested.commit();
    tested.created();
    tested.show(unbound);
    tested.tick(bindMsMax);
    tested.vanish(unbound, bindMsMax);
    return tested;
  }

  test('keeps the host from granting room for half a minute', () => {
    const { ask, host } = silent();
    expect(host.silentScheduler(at(bindMsMax))).toBe(scheduler);
    expect(ask(bindMsMax)).toMatchObject({
      granted: 0,
      verdicts: [{ reason: 'its scheduler binds no guests' }],
    });
    expect(ask(bindMsMax + silenceMs - 1).granted).toBe(0);
    expect(ask(bindMsMax + silenceMs).granted).toBe(1);
    expect(host.silentScheduler(at(bindMsMax + silenceMs))).toBeUndefined();
  });

  test('is trusted again as soon as it binds one', () => {
    const { ask, commit, created, show } = silent();
    commit(pod, bindMsMax + 1);
    created({ kind: 'created' }, bindMsMax + 1);
    show(unbound, bindMsMax + 1);
    expect(ask(bindMsMax + 1).granted).toBe(0);
    show(bound(unbound), bindMsMax + 2);
    expect(ask(bindMsMax + 3).granted).toBe(1);
  });
});
