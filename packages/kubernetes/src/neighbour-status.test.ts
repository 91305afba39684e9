import type { WallMs } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { looksAlike, neighbourStatus } from './neighbour-status.ts';
import { factsOf } from './testing/neighbour-facts.ts';

const at = (ms: number): WallMs => (1_800_000_000_000 + ms) as WallMs;

describe('neighbourStatus', () => {
  test('says what a person reads', () => {
    const status = neighbourStatus(factsOf('berlin'), undefined, at(0));
    expect(status).toMatchObject({
      state: 'alive',
      connected: true,
      rtt: '12ms',
      rttMs: 12,
      lastHeard: '2027-01-15T08:00:00Z',
      room: { cpuFree: '24', memoryFree: '48.2Gi', gpusFree: 2 },
    });
    // 24.05 CPUs and 48.25 GiB on one node.
    expect(status.room.summary).toBe('24 x 1/1Gi, 2 GPU');
    expect(status.room.shapes).toContainEqual({ name: '2/4Gi', fits: 12 });
    expect(status.conditions.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      'Reachable=True',
      'AcceptsGuests=True',
    ]);
  });

  test('marks a predicted round-trip time', () => {
    const predicted = neighbourStatus(factsOf('b', { rttMeasured: false }), undefined, at(0));
    expect(predicted.rtt).toBe('~12ms');
  });

  test.each([
    // Within a tenth of what is shown: it stays.
    [100, 109.9, 100],
    [100, 90.1, 100],
    [100, 111, 110],
    [100, 89, 89],
    // A tenth of 0.4 is less than the half a millisecond that is never worth a word.
    [0.4, 0.85, 0.4],
    [0.4, 1, 1],
    [1230, 1400, 1400],
  ])('shows %d ms, measures %d and then shows %d', (shown, measured, expected) => {
    const before = neighbourStatus(factsOf('b', { rttMs: shown }), undefined, at(0));
    const after = neighbourStatus(factsOf('b', { rttMs: measured }), before, at(1));
    expect(after.rttMs).toBe(expected);
  });

  test('a round-trip time that jitters by a twentieth is written once', () => {
    let shown = neighbourStatus(factsOf('b', { rttMs: 105 }), undefined, at(0));
    let changes = 0;
    for (let i = 0; i < 1_000; i++) {
      const next = neighbourStatus(factsOf('b', { rttMs: 105 + 5 * Math.sin(i) }), shown, at(i));
      if (!looksAlike(shown, next)) changes += 1;
      shown = next;
    }
    expect(changes).toBe(0);
  });

  test('keeps a condition’s transition time while its status stays', () => {
    const first = neighbourStatus(factsOf('b'), undefined, at(0));
    const closed = neighbourStatus(factsOf('b', { accepting: false }), first, at(60_000));
    const times = Object.fromEntries(
      closed.conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    expect(times).toEqual({
      Reachable: '2027-01-15T08:00:00Z',
      AcceptsGuests: '2027-01-15T08:01:00Z',
    });
  });

  test('keeps within the bounds of its schema', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`l${i}`, 'x']));
    const addresses = Array.from({ length: 100 }, (_, i) => `/ip4/192.0.2.${i}/tcp/1`);
    const status = neighbourStatus(factsOf('b', { labels: many, addresses }), undefined, at(0));
    expect(Object.keys(status.labels)).toHaveLength(64);
    expect(status.addresses).toHaveLength(16);
  });
});

describe('looksAlike', () => {
  test('does not look at the time last heard', () => {
    const first = neighbourStatus(factsOf('b'), undefined, at(0));
    const later = neighbourStatus(factsOf('b', { lastHeard: at(9_000) }), first, at(9_000));
    expect(looksAlike(first, later)).toBe(true);
    const more = neighbourStatus(factsOf('b', { podsThere: 5 }), first, at(9_000));
    expect(looksAlike(first, more)).toBe(false);
  });
});
