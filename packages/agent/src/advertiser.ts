/**
 * Says what this cluster has free, when `AdvertPacing` lets it. Room is computed at most once per
 * advert, so a burst of watch events costs one computation.
 */
import { after, type Clock, type ClusterName, type PeerId } from '@spillway/core';
import {
  type Advert,
  type AdvertPacing,
  type Coordinate,
  type Host,
  type HostConfig,
  type Room,
  roomOf,
  roomTotals,
} from '@spillway/federation';
import type { Ledger } from '@spillway/scheduling';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { WakeTimer } from './wake-timer.ts';

export interface AdvertiserOptions {
  readonly cluster: ClusterName;
  readonly peer: PeerId;
  readonly epoch: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly ledger: Ledger;
  readonly host: Host;
  readonly keepFree: HostConfig['keepFree'];
  readonly addresses: () => readonly string[];
  readonly coordinate: () => Coordinate;
  /** How many clusters hear us, us included. */
  readonly clusters: () => number;
  readonly pacing: AdvertPacing;
  /** Returns how many bytes it took. */
  readonly publish: (advert: Advert) => Promise<number>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A new peer has subscribed to the topic by then. */
const greetingMs = 400;

export class Advertiser {
  readonly #options: AdvertiserOptions;
  readonly #timer: WakeTimer;
  #sequence = 0;
  #lastSaid = '';
  #started = false;

  constructor(options: AdvertiserOptions) {
    this.#options = options;
    this.#timer = new WakeTimer(options.clock, () => this.#speak());
  }

  start(): void {
    this.#started = true;
    this.#speak();
  }

  /** Something may have changed; cheap to call for every watch event. */
  changed(): void {
    if (!this.#started) return;
    this.#options.pacing.changed();
    this.#wait();
  }

  /** A peer has connected that may know nothing of us yet. */
  greet(): void {
    if (!this.#started) return;
    const { pacing, clock } = this.#options;
    pacing.greet(after(clock.monotonicMs(), greetingMs));
    this.#wait();
  }

  stop(): void {
    this.#timer.stop();
  }

  #wait(): void {
    const { pacing, clock } = this.#options;
    this.#timer.set(pacing.wakeAt(clock.monotonicMs()));
  }

  #speak(): void {
    const { ledger, host, keepFree, pacing, clock } = this.#options;
    const now = clock.monotonicMs();
    if (pacing.wakeAt(now) <= now) {
      const room = roomOf(ledger.snapshot, { keepFree });
      const said = saidOf(room, host.accepting, host.guestsFree);
      const speaks = pacing.mustSpeak(now) || said !== this.#lastSaid;
      pacing.looked(now, speaks);
      if (speaks) {
        this.#lastSaid = said;
        this.#publish(room);
      }
    }
    this.#wait();
  }

  #publish(room: Room): void {
    const { host, ledger, pacing, metrics, log, ...options } = this.#options;
    const advert: Advert = {
      cluster: options.cluster,
      peer: options.peer,
      version: { epoch: options.epoch, sequence: this.#sequence++ },
      ttlMs: pacing.ttlMs,
      addresses: options.addresses(),
      coordinate: options.coordinate(),
      labels: options.labels,
      accepting: host.accepting,
      guestsFree: host.guestsFree,
      room,
      totals: roomTotals(ledger.snapshot),
    };
    options.publish(advert).then(
      (payloadBytes) => {
        metrics.adverts.inc({ outcome: 'sent' });
        pacing.share({ clusters: options.clusters(), payloadBytes });
      },
      (error: unknown) => {
        metrics.adverts.inc({ outcome: 'failed' });
        log.warn({ err: error }, 'advert could not be published');
      },
    );
  }
}

function saidOf(room: Room, accepting: boolean, guestsFree: number): string {
  return JSON.stringify([room, accepting, guestsFree], (_key, value: unknown) =>
    value instanceof Map ? [...(value as Map<string, number>)] : value,
  );
}
