/** Says what a cluster has free, when it may, as packages/agent/src/advertiser.ts does. */
import type { ClusterName } from '@spillway/core';
import {
  type Advert,
  AdvertPacing,
  type Coordinate,
  type DirectoryConfig,
  type Host,
  roomOf,
  roomTotals,
} from '@spillway/federation';
import type { Ledger } from '@spillway/scheduling';
import { memberOf } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** How adverts get about. */
export interface ModelGossip {
  /** How many clusters share it. */
  readonly clusters: number;
  /** Returns the bytes of its payload. `changedAt`: since when it was true and not said; undefined for a heartbeat. */
  publish(advert: Advert, changedAt: number | undefined): number;
  /** Undefined for one that was not published here. */
  saidAt(advert: Advert): number | undefined;
  /** The agent listens from now on: it hears of what is on its way to it, too. */
  attend(cluster: ClusterName): void;
}

/** An agent, as far as adverts go. */
interface Voice {
  readonly cluster: ClusterName;
  readonly epoch: number;
  readonly host: Host;
  readonly ledger: Ledger;
  alive(): boolean;
}

export interface SpeakerOptions {
  readonly time: VirtualTime;
  readonly gossip: ModelGossip;
  readonly directory: DirectoryConfig;
  readonly proximity: { readonly coordinate: () => Coordinate };
}

/** The agent's default. */
const bytesPerSecond = 10_000;

export class Speaker {
  readonly #voice: Voice;
  readonly #options: SpeakerOptions;
  readonly #pacing: AdvertPacing;
  #started = false;
  #sequence = 0;
  #lastSaid = '';
  #changedAt: number | undefined;
  #speakAt: number | undefined;

  constructor(voice: Voice, options: SpeakerOptions) {
    this.#voice = voice;
    this.#options = options;
    this.#pacing = new AdvertPacing({ ...options.directory, bytesPerSecond });
  }

  start(): void {
    this.#started = true;
    this.#wait();
  }

  changed(): void {
    if (!this.#started) return;
    this.#changedAt ??= this.#options.time.now;
    this.#pacing.changed();
    this.#wait();
  }

  #wait(): void {
    const { time } = this.#options;
    const at = Math.max(this.#pacing.wakeAt(time.now), time.now);
    if (this.#speakAt !== undefined && this.#speakAt <= at) return;
    this.#speakAt = at;
    time.after(at - time.now, () => {
      if (!this.#voice.alive() || this.#speakAt !== at) return;
      this.#speakAt = undefined;
      this.#speak();
    });
  }

  #speak(): void {
    const { time, gossip } = this.#options;
    if (this.#pacing.wakeAt(time.now) <= time.now) {
      const advert = this.#advert();
      const said = JSON.stringify([advert.room.bins, advert.guestsFree], plainMaps);
      const news = said === this.#lastSaid ? undefined : this.#changedAt;
      const speaks = this.#pacing.mustSpeak(time.now) || said !== this.#lastSaid;
      this.#pacing.looked(time.now, speaks);
      this.#lastSaid = said;
      this.#changedAt = undefined;
      if (speaks) {
        this.#sequence += 1;
        const payloadBytes = gossip.publish(advert, news);
        this.#pacing.share({ clusters: gossip.clusters, payloadBytes });
      }
    }
    this.#wait();
  }

  #advert(): Advert {
    const { cluster, epoch, host, ledger } = this.#voice;
    return {
      cluster,
      peer: memberOf(cluster).peer,
      version: { epoch, sequence: this.#sequence },
      ttlMs: this.#pacing.ttlMs,
      addresses: [],
      coordinate: this.#options.proximity.coordinate(),
      labels: {},
      accepting: host.accepting,
      guestsFree: host.guestsFree,
      room: roomOf(ledger.snapshot),
      totals: roomTotals(ledger.snapshot),
    };
  }
}

function plainMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...(value as Map<string, number>)] : value;
}
