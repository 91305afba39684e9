/**
 * Says what this cluster has free, when `AdvertPacing` lets it. Room is computed once per look at most,
 * so a burst of watch events costs one computation.
 */
import { after, type ClusterName, type MonotonicMs } from '@spillway/core';
import {
  type Advert,
  AdvertPacing,
  type AdvertPacingConfig,
  type Host,
  type HostConfig,
  type FreeCapacity,
  freeCapacityOf,
  isSameCapacity,
  capacityTotals,
} from '@spillway/federation';
import type { Ledger } from '@spillway/scheduling';

export interface AdvertiserOptions {
  readonly cluster: ClusterName;
  readonly epoch: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly ledger: Ledger;
  readonly host: Host;
  readonly keepFree: HostConfig['keepFree'];
  /** How this agent is reached now. */
  readonly whereabouts: () => Pick<Advert, 'peer' | 'addresses' | 'coordinate'>;
  readonly pacing: AdvertPacingConfig;
}

export interface Publication {
  readonly advert: Advert;
  /** Since when it was true and not said; undefined for a heartbeat. */
  readonly changedAt: MonotonicMs | undefined;
}

/** What is news when it changes. */
type Said = Pick<Advert, 'freeCapacity' | 'accepting' | 'guestsFree'>;

interface Computed {
  readonly snapshot: Ledger['snapshot'];
  readonly freeCapacity: FreeCapacity;
}

/** A new peer has subscribed to the topic by then. */
const greetingMs = 400;

export class Advertiser {
  readonly #options: AdvertiserOptions;
  readonly #pacing: AdvertPacing;
  #sequence = 0;
  #lastSaid: Said | undefined;
  #computed: Computed | undefined;
  #changedAt: MonotonicMs | undefined;

  constructor(options: AdvertiserOptions) {
    this.#options = options;
    this.#pacing = new AdvertPacing(options.pacing);
  }

  /** Something may have changed; cheap to call for every watch event. */
  changed(now: MonotonicMs): void {
    this.#changedAt ??= now;
    this.#pacing.changed();
  }

  /** A peer has connected that may know nothing of us yet, or we are reached otherwise than before. */
  greet(now: MonotonicMs): void {
    this.#pacing.greet(after(now, greetingMs));
  }

  /** What the last advert took, and how many clusters heard it, ours included. */
  published(of: { readonly clusters: number; readonly payloadBytes: number }): void {
    this.#pacing.share(of);
  }

  wakeAt(now: MonotonicMs): MonotonicMs {
    return this.#pacing.wakeAt(now);
  }

  /** What is to be said now, if anything. */
  due(now: MonotonicMs): Publication | undefined {
    if (this.#pacing.wakeAt(now) > now) return undefined;
    const { host } = this.#options;
    const { accepting, guestsFree } = host;
    const said: Said = { freeCapacity: this.#freeCapacity(), accepting, guestsFree };
    const isNews = this.#lastSaid === undefined || !isSame(said, this.#lastSaid);
    const changedAt = isNews ? this.#changedAt : undefined;
    const speaks = isNews || this.#pacing.mustSpeak(now);
    this.#pacing.looked(now, speaks);
    this.#changedAt = undefined;
    if (!speaks) return undefined;
    this.#lastSaid = said;
    return { advert: this.#advert(said), changedAt };
  }

  /** Computed once for each snapshot: between two heartbeats of a quiet cluster nothing changes. */
  #freeCapacity(): FreeCapacity {
    const { ledger, keepFree } = this.#options;
    const { snapshot } = ledger;
    if (this.#computed?.snapshot !== snapshot) {
      this.#computed = { snapshot, freeCapacity: freeCapacityOf(snapshot, { keepFree }) };
    }
    return this.#computed.freeCapacity;
  }

  #advert(said: Said): Advert {
    const { cluster, epoch, labels, ledger, whereabouts } = this.#options;
    return {
      cluster,
      ...whereabouts(),
      version: { epoch, sequence: this.#sequence++ },
      ttlMs: this.#pacing.ttlMs,
      labels,
      ...said,
      totals: capacityTotals(ledger.snapshot),
    };
  }
}

function isSame(a: Said, b: Said): boolean {
  return (
    a.accepting === b.accepting &&
    a.guestsFree === b.guestsFree &&
    isSameCapacity(a.freeCapacity, b.freeCapacity)
  );
}
