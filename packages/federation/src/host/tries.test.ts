import type { Pod, ReservationId } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { memberOf } from '../testing/adverts.ts';
import { at, cluster, ledgerOf, node, podOf, reserveAt } from '../testing/fixtures.ts';
import { hostDefaults } from './config.ts';
import type { HostEffect, TryOutcome } from './events.ts';
import { Host } from './host.ts';

const home = memberOf('home');
const { triesTtlMs, reservationTtlMs } = hostDefaults;

/** A host that has granted `home` room for one pod. */
function hosting() {
  const host = new Host({
    ledger: ledgerOf(node('n', '2')),
    config: hostDefaults,
    incarnation: 'i',
    cluster: cluster('host'),
    guestNamespace: (of, namespace) => `${of}-${namespace}`,
  });
  let calls = 0;
  const reserve = (now: number) => {
    const { spec } = podOf('sample');
    const request = { homeEpoch: 1, requestId: `${now}`, namespace: 'default', labels: {}, spec };
    const { reservation } = reserveAt(host, home, { ...request, count: 1 }, now);
    return reservation?.id ?? ('none' as ReservationId);
  };
  const reservation = reserve(0);
  return {
    host,
    reserve,
    reservation,
    tryGuests: (pods: readonly Pod[], now = 0, reservationId = reservation, caller = home) => {
      const request = { homeEpoch: 1, reservationId, pods };
      return host.step({ kind: 'tryGuests', call: calls++, caller, request }, at(now));
    },
    tried: (effect: HostEffect | undefined, outcome: TryOutcome, now = 0) => {
      if (effect?.kind !== 'tryShadow') throw new Error(`a try was expected, not ${effect?.kind}`);
      return host.step({ kind: 'tried', id: effect.id, outcome }, at(now));
    },
  };
}

const accepted: TryOutcome = { kind: 'accepted' };
const reasons = (effects: readonly HostEffect[]): readonly string[] =>
  effects.flatMap((effect) =>
    effect.kind === 'tryReply'
      ? effect.results.map((each) => (each.outcome === 'ok' ? 'ok' : each.verdict.reason))
      : [],
  );

describe('a host tries pods', () => {
  test('on a node that it holds, and answers all of a call in its order', () => {
    const { tryGuests, tried } = hosting();
    const [first, second, ...more] = tryGuests([podOf('a'), podOf('b', { cpu: '2' })]);
    expect([first, second]).toMatchObject([
      { kind: 'tryShadow', home: 'home', place: { node: 'n' } },
      { kind: 'tryShadow' },
    ]);
    expect(more).toEqual([]);
    expect(tried(second, { kind: 'rejected', reason: 'too big' })).toEqual([]);
    expect(reasons(tried(first, accepted))).toEqual(['ok', 'too big']);
  });

  test('once for calls that come while it is at it, and for those that come soon after', () => {
    const { tryGuests, tried } = hosting();
    const [first] = tryGuests([podOf('a')]);
    expect(tryGuests([podOf('b')])).toEqual([]);
    const replies = tried(first, { kind: 'rejected', reason: 'no' });
    expect(reasons(replies)).toEqual(['no', 'no']);
    expect(reasons(tryGuests([podOf('c')], triesTtlMs - 1))).toEqual(['no']);
    expect(tryGuests([podOf('d')], triesTtlMs)).toMatchObject([{ kind: 'tryShadow' }]);
  });

  test('and does not answer for one pod by the name of another', () => {
    const { tryGuests, tried } = hosting();
    const [first] = tryGuests([podOf('x-7')]);
    const said = ['such a pod is forbidden: exceeded quota'];
    const reason = 'pods "x-7" is forbidden: exceeded quota';
    expect(reasons(tried(first, { kind: 'rejected', reason }))).toEqual(said);
    expect(reasons(tryGuests([podOf('y-3')]))).toEqual(said);
  });

  test('again when its API server gave no answer', () => {
    const { tryGuests, tried } = hosting();
    const [first] = tryGuests([podOf('a')]);
    const [reply] = tried(first, { kind: 'failed', reason: 'no answer' });
    expect(reply).toMatchObject({ results: [{ verdict: { code: 'Unschedulable' } }] });
    expect(tryGuests([podOf('a')])).toMatchObject([{ kind: 'tryShadow' }]);
  });

  test('by name of what they need and do not find', () => {
    const { tryGuests, tried } = hosting();
    const [first] = tryGuests([podOf('a')]);
    const effects = tried(first, { kind: 'lacks', missing: ['ConfigMap x', 'Secret y'] });
    expect(reasons(effects)).toEqual(['it needs ConfigMap x, Secret y, which is not there']);
  });

  test.each([
    ['no home has been granted room', 'unknown' as ReservationId, home, 0],
    ['another home was granted it', undefined, memberOf('other'), 0],
    ['it is not held any more', undefined, home, reservationTtlMs],
  ])('not when %s', (_, id, caller, now) => {
    const { tryGuests, reservation } = hosting();
    const effects = tryGuests([podOf('a')], now, id ?? reservation, caller);
    expect(reasons(effects)).toEqual(['holds no room for it any more']);
  });

  test('not for an agent that has been replaced', () => {
    const { host, reservation } = hosting();
    const request = { homeEpoch: 0, reservationId: reservation, pods: [podOf('a')] };
    const event = { kind: 'tryGuests', call: 0, caller: home, request } as const;
    expect(() => host.step(event, at(0))).toThrow(/was replaced/);
  });
});
