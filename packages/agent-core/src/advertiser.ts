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

/** A new peer has subscribed to the topic by then. */
const greetingMs = 400;

export class Advertiser {
  readonly #options: AdvertiserOptions;
  readonly #pacing: AdvertPacing;
  #sequence = 0;
  #lastSaid = '';
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
    const { ledger, host, keepFree } = this.#options;
    const freeCapacity = freeCapacityOf(ledger.snapshot, { keepFree });
    const said = saidOf(freeCapacity, host.accepting, host.guestsFree);
    const isNews = said !== this.#lastSaid;
    const changedAt = isNews ? this.#changedAt : undefined;
    const speaks = isNews || this.#pacing.mustSpeak(now);
    this.#pacing.looked(now, speaks);
    this.#changedAt = undefined;
    if (!speaks) return undefined;
    this.#lastSaid = said;
    return { advert: this.#advert(freeCapacity), changedAt };
  }

  #advert(freeCapacity: FreeCapacity): Advert {
    const { cluster, epoch, labels, host, ledger, whereabouts } = this.#options;
    return {
      cluster,
      ...whereabouts(),
      version: { epoch, sequence: this.#sequence++ },
      ttlMs: this.#pacing.ttlMs,
      labels,
      accepting: host.accepting,
      guestsFree: host.guestsFree,
      freeCapacity,
      totals: capacityTotals(ledger.snapshot),
    };
  }
}

function saidOf(freeCapacity: FreeCapacity, accepting: boolean, guestsFree: number): string {
  return JSON.stringify([freeCapacity, accepting, guestsFree], (_key, value: unknown) =>
    value instanceof Map ? [...(value as Map<string, number>)] : value,
  );
}
