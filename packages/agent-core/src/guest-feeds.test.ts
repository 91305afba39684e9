import type { ClusterName, PodUid } from '@spillway/core';
import type { GuestUpdate } from '@spillway/federation';
import { describe, expect, it } from 'vitest';
import { type GuestFeed, GuestFeeds } from './guest-feeds.ts';

const paris = 'paris' as ClusterName;

function gone(uid: string, message: string): GuestUpdate {
  return { kind: 'gone', uid: uid as PodUid, reason: 'released', message };
}

function read(feed: GuestFeed): GuestUpdate[] {
  const updates: GuestUpdate[] = [];
  for (let next = feed.next(); next !== undefined; next = feed.next()) updates.push(next);
  return updates;
}

describe('guest feeds', () => {
  it('show the opening in its order, then what has been pushed', () => {
    const feeds = new GuestFeeds();
    const opening = [gone('a', ''), gone('b', ''), { kind: 'synced' } as const];
    const feed = feeds.open(paris, opening);
    feeds.push(paris, gone('a', 'later'));
    expect(read(feed)).toEqual([...opening, gone('a', 'later')]);
  });

  it('keep only the newest update of each guest for a slow reader', () => {
    const feeds = new GuestFeeds();
    const feed = feeds.open(paris, []);
    for (let i = 0; i < 1_000; i++) feeds.push(paris, gone(`${i % 3}`, `${i}`));
    expect(read(feed)).toEqual(
      [gone('1', '997'), gone('2', '998'), gone('0', '999')].toSorted(byMessage),
    );
  });

  it('tell a reader that waits, of its own home only, and nobody after the close', () => {
    const feeds = new GuestFeeds();
    const feed = feeds.open(paris, []);
    let ready = 0;
    feed.onReady = () => (ready += 1);
    feeds.push('lyon' as ClusterName, gone('a', ''));
    expect(ready).toBe(0);
    feeds.push(paris, gone('a', ''));
    expect(ready).toBe(1);
    feeds.close(feed);
    feeds.push(paris, gone('b', ''));
    expect(ready).toBe(1);
  });
});

function byMessage(a: GuestUpdate, b: GuestUpdate): number {
  const text = (update: GuestUpdate): string =>
    update.kind === 'gone' ? (update.message ?? '') : '';
  return text(a) < text(b) ? -1 : 1;
}
