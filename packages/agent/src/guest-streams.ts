/**
 * Keeps a guest stream open to every neighbour that has pods of ours, and opens one once to every
 * other neighbour that becomes reachable: an agent that died may have left guests there of which the
 * home's API server knows nothing any more.
 */
import { type ClusterName, jittered, type Random } from '@spillway/core';
import type { HomeEvent, NegotiationClient } from '@spillway/federation';
import type { Log } from './log.ts';

export interface GuestStreamsOptions {
  readonly negotiator: (host: ClusterName) => NegotiationClient;
  readonly homeEpoch: number;
  readonly feed: (event: HomeEvent) => void;
  readonly random: Random;
  readonly log: Log;
}

const reopenMsMin = 250;
const reopenMsMax = 15_000;
/** How many neighbours are looked through for forgotten guests at once. */
const looksMax = 8;

export class GuestStreams {
  readonly #options: GuestStreamsOptions;
  readonly #open = new Map<ClusterName, AbortController>();
  readonly #pauses = new Map<ClusterName, AbortController>();
  readonly #lookedThrough = new Set<ClusterName>();
  readonly #stopping = new AbortController();
  #wanted: ReadonlySet<ClusterName> = new Set();

  constructor(options: GuestStreamsOptions) {
    this.#options = options;
  }

  /** `hosts` have pods of ours; `reachable` can be looked through. Call whenever either changes. */
  keep(hosts: ReadonlySet<ClusterName>, reachable: readonly ClusterName[]): void {
    this.#wanted = hosts;
    for (const host of hosts) this.#start(host);
    let looks = [...this.#open.keys()].filter((host) => !hosts.has(host)).length;
    for (const host of reachable) {
      if (looks >= looksMax) return;
      if (this.#lookedThrough.has(host) || this.#open.has(host)) continue;
      looks += 1;
      this.#start(host);
    }
  }

  /** The neighbour is reachable again: nothing waits for a back-off any more. */
  nudge(host: ClusterName): void {
    this.#pauses.get(host)?.abort();
  }

  stop(): void {
    this.#stopping.abort();
    for (const controller of this.#open.values()) controller.abort();
  }

  #start(host: ClusterName): void {
    if (this.#open.has(host) || this.#stopping.signal.aborted) return;
    const controller = new AbortController();
    this.#open.set(host, controller);
    void this.#run(host, controller).finally(() => this.#open.delete(host));
  }

  async #run(host: ClusterName, controller: AbortController): Promise<void> {
    const { feed, log, random } = this.#options;
    let reopenMs = reopenMsMin;
    while (!controller.signal.aborted) {
      feed({ kind: 'stream', host, state: 'opening' });
      try {
        const synced = await this.#read(host, controller.signal);
        if (synced) reopenMs = reopenMsMin;
      } catch (error) {
        log.info({ host, err: error }, 'guest stream ended');
      }
      feed({ kind: 'stream', host, state: 'closed' });
      if (!this.#wanted.has(host)) return;
      const nudged = new AbortController();
      this.#pauses.set(host, nudged);
      const signal = AbortSignal.any([controller.signal, nudged.signal]);
      await pause(jittered(random, reopenMs, 0.25), signal);
      this.#pauses.delete(host);
      reopenMs = Math.min(reopenMs * 2, reopenMsMax);
    }
  }

  /** Reads until the stream ends, or, where we have no pods, until the host has shown everything. */
  async #read(host: ClusterName, signal: AbortSignal): Promise<boolean> {
    const { negotiator, homeEpoch, feed } = this.#options;
    let synced = false;
    for await (const update of negotiator(host).watchGuests({ homeEpoch }, { signal })) {
      feed({ kind: 'guest', host, update });
      if (update.kind !== 'synced') continue;
      synced = true;
      this.#lookedThrough.add(host);
      if (!this.#wanted.has(host)) return synced;
    }
    return synced;
  }
}

/** Resolves after `ms`, or at once when `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
