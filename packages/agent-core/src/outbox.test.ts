import type { PodUid } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { laneMax, Outbox } from './outbox.ts';
import type { Work } from './work.ts';

function eviction(i: number): Work {
  const ref = { namespace: 'default', name: `p${i}`, uid: `uid-${i}` as PodUid };
  return { kind: 'evict', ref };
}

/** One more than may be under way. */
function filled(): Outbox {
  const outbox = new Outbox();
  for (let i = 0; i <= laneMax.write; i++) outbox.send('write', eviction(i));
  return outbox;
}

describe('outbox', () => {
  it('starts as much of a lane as its maximum, and the next when one has ended', () => {
    const outbox = filled();
    const started = outbox.takeStarted();
    expect(started).toHaveLength(laneMax.write);
    expect(outbox.ended(started[3]!.id)).toEqual(eviction(3));
    expect(outbox.takeStarted()).toMatchObject([{ work: eviction(laneMax.write) }]);
    expect(outbox.underWay).toBe(laneMax.write);
  });

  it('holds no lane up for another', () => {
    const outbox = filled();
    outbox.takeStarted();
    outbox.send('call', eviction(99));
    expect(outbox.takeStarted()).toHaveLength(1);
  });

  it('starts nothing after its close, neither what waited nor what is new; what had started may end', () => {
    const outbox = filled();
    const started = outbox.takeStarted();
    outbox.close();
    outbox.send('write', eviction(99));
    for (const { id } of started) outbox.ended(id);
    expect(outbox.takeStarted()).toEqual([]);
    expect(outbox.underWay).toBe(0);
  });

  it('refuses an end of what is not under way', () => {
    const outbox = filled();
    const [first] = outbox.takeStarted();
    outbox.ended(first!.id);
    expect(() => outbox.ended(first!.id)).toThrow(/is under way/u);
  });
});
