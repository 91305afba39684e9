/** The guest streams that homes have open here: what each has yet to read. */
import type { ClusterName, PodUid } from '@spillway/core';
import type { GuestUpdate } from '@spillway/federation';

/**
 * One open guest stream: a queue of updates. Beside the opening picture it has at most one update for each
 * guest, since a newer status replaces one that is not yet read. So the memory that a slow reader costs
 * depends on the number of guests, and not on time.
 */
export class GuestFeed {
  readonly home: ClusterName;
  /** Called when there is something to read again. */
  onReady: () => void = () => {};
  readonly #opening: GuestUpdate[];
  readonly #pending = new Map<PodUid, GuestUpdate>();

  constructor(home: ClusterName, opening: readonly GuestUpdate[]) {
    this.home = home;
    this.#opening = opening.toReversed();
  }

  /** The oldest that has not been read; undefined when there is none. */
  next(): GuestUpdate | undefined {
    const opening = this.#opening.pop();
    if (opening !== undefined) return opening;
    const [first] = this.#pending;
    if (first === undefined) return undefined;
    this.#pending.delete(first[0]);
    return first[1];
  }

  push(update: GuestUpdate): void {
    if (update.kind === 'synced') return;
    this.#pending.delete(update.uid);
    this.#pending.set(update.uid, update);
    this.onReady();
  }
}

export class GuestFeeds {
  readonly #open = new Map<ClusterName, Set<GuestFeed>>();

  open(home: ClusterName, opening: readonly GuestUpdate[]): GuestFeed {
    const feed = new GuestFeed(home, opening);
    const feeds = this.#open.get(home) ?? new Set();
    this.#open.set(home, feeds.add(feed));
    return feed;
  }

  close(feed: GuestFeed): void {
    const feeds = this.#open.get(feed.home);
    feeds?.delete(feed);
    if (feeds?.size === 0) this.#open.delete(feed.home);
  }

  push(home: ClusterName, update: GuestUpdate): void {
    for (const feed of this.#open.get(home) ?? []) feed.push(update);
  }
}
