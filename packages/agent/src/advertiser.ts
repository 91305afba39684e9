/**
 * Says what this cluster has free: on change, at a bounded rate, and as a heartbeat. Room is
 * computed at most once per advert, so a burst of watch events costs one computation.
 */
import type { Clock, ClusterName, MonotonicMs, PeerId } from '@spillway/core';
import {
  type Advert,
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
  readonly publish: (advert: Advert) => Promise<void>;
  readonly heartbeatMs: number;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** No two adverts closer than this. */
const advertGapMs = 200;
/** A new peer has subscribed to the topic by then. */
const greetingMs = 400;

export class Advertiser {
  readonly #options: AdvertiserOptions;
  #sequence = 0;
  #lastSent: MonotonicMs | undefined;
  #lastSaid = '';
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** The timer that runs is for a change, not for a heartbeat. */
  #soon = false;

  constructor(options: AdvertiserOptions) {
    this.#options = options;
  }

  start(): void {
    this.#send(true);
  }

  /** Something may have changed; cheap to call for every watch event. */
  changed(): void {
    if (this.#lastSent === undefined) return;
    this.#schedule(advertGapMs, false);
  }

  /** A peer has connected that may know nothing of us yet. */
  greet(): void {
    if (this.#lastSent === undefined || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#soon = false;
    this.#timer = setTimeout(() => this.#send(true), greetingMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(gapMs: number, heartbeat: boolean): void {
    if (this.#stopped || (this.#soon && !heartbeat)) return;
    clearTimeout(this.#timer);
    this.#soon = !heartbeat;
    const sinceMs =
      this.#lastSent === undefined ? gapMs : this.#options.clock.monotonicMs() - this.#lastSent;
    this.#timer = setTimeout(() => this.#send(heartbeat), Math.max(0, gapMs - sinceMs));
  }

  #send(heartbeat: boolean): void {
    const options = this.#options;
    this.#soon = false;
    const room = roomOf(options.ledger.snapshot, { keepFree: options.keepFree });
    const { accepting, guestsFree } = options.host;
    const said = saidOf(room, accepting, guestsFree);
    if (heartbeat || said !== this.#lastSaid) {
      this.#lastSaid = said;
      this.#lastSent = options.clock.monotonicMs();
      const advert: Advert = {
        cluster: options.cluster,
        peer: options.peer,
        version: { epoch: options.epoch, sequence: this.#sequence++ },
        ttlMs: options.ttlMs,
        addresses: options.addresses(),
        coordinate: options.coordinate(),
        labels: options.labels,
        accepting,
        guestsFree,
        room,
        totals: roomTotals(options.ledger.snapshot),
      };
      options.publish(advert).then(
        () => options.metrics.adverts.inc({ outcome: 'sent' }),
        (error: unknown) => {
          options.metrics.adverts.inc({ outcome: 'failed' });
          options.log.warn({ err: error }, 'advert could not be published');
        },
      );
    }
    this.#schedule(options.heartbeatMs, true);
  }
}

function saidOf(room: Room, accepting: boolean, guestsFree: number): string {
  return JSON.stringify([room, accepting, guestsFree], (_key, value: unknown) =>
    value instanceof Map ? [...(value as Map<string, number>)] : value,
  );
}
