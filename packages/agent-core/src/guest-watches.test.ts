import { type ClusterName, type MonotonicMs, type PodUid, randomStream } from '@spillway/core';
import type { GuestUpdate, HomeEvent } from '@spillway/federation';
import { beforeEach, describe, expect, it } from 'vitest';
import { GuestWatches } from './guest-watches.ts';

const at = (ms: number): MonotonicMs => ms as MonotonicMs;
const name = (text: string): ClusterName => text as ClusterName;
const gone: GuestUpdate = { kind: 'gone', uid: 'a' as PodUid, reason: 'released', message: '' };
const synced: GuestUpdate = { kind: 'synced' };
const none: ReadonlySet<ClusterName> = new Set();
const lyon = name('lyon');
const toLyon: ReadonlySet<ClusterName> = new Set([lyon]);

const reach = (...hosts: readonly ClusterName[]): ReadonlyMap<ClusterName, number> =>
  new Map(hosts.map((host) => [host, 1]));

let watches: GuestWatches;
let told: HomeEvent[];
let opened: ClusterName[];
let closed: number[];

beforeEach(() => {
  [told, opened, closed] = [[], [], []];
  watches = new GuestWatches({
    random: randomStream(1, 'streams'),
    home: (event) => told.push(event),
    open: (host) => opened.push(host),
    close: (watch) => closed.push(watch),
  });
});

describe('guest watches', () => {
  it('hold a stream open where pods of ours are, and pass on what it says', () => {
    watches.keep(toLyon, reach(), at(0));
    watches.update(1, gone, at(1));
    watches.update(1, synced, at(2));
    watches.keep(toLyon, reach(lyon), at(250));
    expect(opened).toEqual([lyon]);
    expect(told).toEqual([
      { kind: 'stream', host: lyon, state: 'opening' },
      { kind: 'guest', host: lyon, update: gone },
      { kind: 'guest', host: lyon, update: synced },
    ]);
    expect(watches.wakeAt()).toBeUndefined();
  });

  it('open a stream that has ended again, ever later while it fails, up to a maximum', () => {
    watches.keep(toLyon, reach(), at(0));
    let now = 0;
    const pauses: number[] = [];
    for (let id = 1; id <= 12; id++) {
      watches.closed(id, at(now));
      const next = watches.wakeAt() ?? at(0);
      pauses.push(next - now);
      watches.tick(at(next - 1));
      expect(opened).toHaveLength(id);
      watches.tick(next);
      now = next;
    }
    expect(opened).toHaveLength(13);
    expect(pauses[0]).toBeLessThanOrEqual(250 * 1.25);
    expect(pauses[3]).toBeGreaterThan(1_400);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(15_000 * 1.25);
  });

  it('open it at once when the neighbour connects again', () => {
    watches.keep(toLyon, reach(), at(0));
    watches.closed(1, at(0));
    watches.nudge(lyon, at(1));
    expect(opened).toEqual([lyon, lyon]);
  });

  it('look through every neighbour once, and let it go then', () => {
    watches.keep(none, reach(lyon), at(0));
    watches.update(1, synced, at(1));
    watches.keep(none, reach(lyon), at(250));
    expect(opened).toEqual([lyon]);
    expect(closed).toEqual([1]);
    expect(told.at(-1)).toEqual({ kind: 'stream', host: lyon, state: 'closed' });
  });

  it('look through it again when its agent is another: the last one may have died over a creation', () => {
    watches.keep(none, reach(lyon), at(0));
    watches.update(1, synced, at(1));
    watches.keep(none, new Map([[lyon, 2]]), at(250));
    expect(opened).toEqual([lyon, lyon]);
    watches.update(2, synced, at(251));
    watches.keep(none, new Map([[lyon, 2]]), at(500));
    expect(opened).toHaveLength(2);
  });

  it('look through a maximum of eight at once', () => {
    const all = Array.from({ length: 20 }, (_, i) => name(`c${i}`));
    watches.keep(none, reach(...all), at(0));
    expect(opened).toHaveLength(8);
    watches.update(1, synced, at(1));
    watches.keep(none, reach(...all), at(250));
    expect(opened).toHaveLength(9);
  });

  it('look through one that fails again after a pause, as long as it is reachable', () => {
    watches.keep(none, reach(lyon), at(0));
    watches.closed(1, at(0));
    watches.keep(none, reach(lyon), at(1));
    expect(opened).toHaveLength(1);
    watches.tick(watches.wakeAt() ?? at(0));
    expect(opened).toHaveLength(2);
    watches.closed(2, at(400));
    watches.keep(none, reach(), at(500));
    watches.tick(watches.wakeAt() ?? at(0));
    expect(opened).toHaveLength(2);
    expect(watches.wakeAt()).toBeUndefined();
  });

  it('give up on a stream that says nothing before it has shown all guests', () => {
    watches.keep(toLyon, reach(), at(0));
    watches.update(1, gone, at(9_000));
    expect(watches.wakeAt()).toBe(24_000);
    watches.tick(at(24_000));
    expect(closed).toEqual([1]);
    watches.tick(watches.wakeAt() ?? at(0));
    expect(opened).toHaveLength(2);
  });

  it('hear nothing of a stream that has been ended', () => {
    watches.keep(none, reach(lyon), at(0));
    watches.update(1, synced, at(1));
    told = [];
    watches.update(1, gone, at(2));
    watches.closed(1, at(3));
    expect(told).toEqual([]);
  });
});
