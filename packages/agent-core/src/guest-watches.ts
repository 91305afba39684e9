/**
 * Keeps a guest stream open to every neighbour that has pods of this home. To each agent of another
 * neighbour that becomes reachable, it opens a stream once.
 *
 * An agent that died, of this home or of the host, may have left guests there that the home's API server
 * does not know. Its last creation was not seen.
 */
import {
  after,
  type ClusterName,
  earliest,
  jittered,
  type MonotonicMs,
  type Random,
} from '@spillway/core';
import type { GuestUpdate, HomeEvent } from '@spillway/federation';

export interface GuestWatchesOptions {
  readonly random: Random;
  readonly home: (event: HomeEvent) => void;
  /** The driver opens the stream, and says `update` and, once, `closed` of it. */
  readonly open: (host: ClusterName, watch: number) => void;
  /** The driver ends it, and reports nothing more about it. */
  readonly close: (watch: number) => void;
}

const reopenMsMin = 250;
const reopenMsMax = 15_000;
/** Maximum number of neighbours that are looked through for forgotten guests at once. */
const looksMax = 8;
/** How long the host may take for the next update until it has shown all guests (ms). */
const openingSilenceMsMax = 15_000;

interface Watch {
  readonly host: ClusterName;
  /** Of the host's agent when the stream was opened, as far as is known. */
  epoch: number | undefined;
  /** Undefined while it waits to be opened again. */
  id: number | undefined;
  synced: boolean;
  reopenMs: number;
  /** When to give up on the opening, or to open it again; undefined while it is open and synced. */
  at: MonotonicMs | undefined;
}

export class GuestWatches {
  readonly #options: GuestWatchesOptions;
  readonly #watches = new Map<ClusterName, Watch>();
  readonly #byId = new Map<number, Watch>();
  /** By which epoch of its agent. */
  readonly #lookedThrough = new Map<ClusterName, number | undefined>();
  #wanted: ReadonlySet<ClusterName> = new Set();
  #reachable: ReadonlyMap<ClusterName, number> = new Map();
  #nextId = 1;

  constructor(options: GuestWatchesOptions) {
    this.#options = options;
  }

  /** `hosts` have pods of ours; `reachable`, with their agents' epochs, can be looked through. Call whenever either changes. */
  keep(
    hosts: ReadonlySet<ClusterName>,
    reachable: ReadonlyMap<ClusterName, number>,
    now: MonotonicMs,
  ): void {
    this.#wanted = hosts;
    this.#reachable = reachable;
    for (const host of hosts) if (!this.#watches.has(host)) this.#add(host, now);
    let looks = 0;
    for (const { host, id } of this.#watches.values()) {
      if (id !== undefined && !hosts.has(host)) looks += 1;
    }
    for (const [host, epoch] of reachable) {
      if (looks >= looksMax) return;
      if (this.#lookedThrough.get(host) === epoch || this.#watches.has(host)) continue;
      looks += 1;
      this.#add(host, now);
    }
  }

  /** The neighbour is reachable again: it no longer waits for a back-off. */
  nudge(host: ClusterName, now: MonotonicMs): void {
    const watch = this.#watches.get(host);
    if (watch !== undefined && watch.id === undefined) this.#open(watch, now);
  }

  update(id: number, update: GuestUpdate, now: MonotonicMs): void {
    const watch = this.#byId.get(id);
    if (watch === undefined) return;
    this.#options.home({ kind: 'guest', host: watch.host, update });
    if (update.kind !== 'synced') {
      if (!watch.synced) watch.at = after(now, openingSilenceMsMax);
      return;
    }
    watch.synced = true;
    watch.at = undefined;
    this.#lookedThrough.set(watch.host, watch.epoch);
    if (!this.#wanted.has(watch.host)) this.#end(watch, id, now);
  }

  closed(id: number, now: MonotonicMs): void {
    const watch = this.#byId.get(id);
    if (watch !== undefined) this.#pause(watch, id, now);
  }

  tick(now: MonotonicMs): void {
    for (const watch of this.#watches.values()) {
      const { host, id, at } = watch;
      if (at === undefined || at > now) continue;
      if (id !== undefined) this.#end(watch, id, now);
      else if (this.#wanted.has(host) || this.#reachable.has(host)) this.#open(watch, now);
      else this.#watches.delete(host);
    }
  }

  wakeAt(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const { at } of this.#watches.values()) first = earliest(first, at);
    return first;
  }

  #add(host: ClusterName, now: MonotonicMs): void {
    const watch: Watch = {
      host,
      epoch: undefined,
      id: undefined,
      synced: false,
      reopenMs: reopenMsMin,
      at: now,
    };
    this.#watches.set(host, watch);
    this.#open(watch, now);
  }

  #open(watch: Watch, now: MonotonicMs): void {
    const { home, open } = this.#options;
    const id = this.#nextId++;
    watch.id = id;
    watch.epoch = this.#reachable.get(watch.host);
    watch.synced = false;
    watch.at = after(now, openingSilenceMsMax);
    this.#byId.set(id, watch);
    home({ kind: 'stream', host: watch.host, state: 'opening' });
    open(watch.host, id);
  }

  #end(watch: Watch, id: number, now: MonotonicMs): void {
    this.#options.close(id);
    this.#pause(watch, id, now);
  }

  #pause(watch: Watch, id: number, now: MonotonicMs): void {
    const { home, random } = this.#options;
    this.#byId.delete(id);
    watch.id = undefined;
    home({ kind: 'stream', host: watch.host, state: 'closed' });
    if (watch.synced && !this.#wanted.has(watch.host)) {
      this.#watches.delete(watch.host);
      return;
    }
    if (watch.synced) watch.reopenMs = reopenMsMin;
    watch.at = after(now, jittered(random, watch.reopenMs, 0.25));
    watch.reopenMs = Math.min(watch.reopenMs * 2, reopenMsMax);
  }
}
