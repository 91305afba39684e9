/**
 * Who the neighbours are, what they last said, and whether they are alive. Merging an advert is O(1).
 *
 * Unreachable is not gone. A silent neighbour becomes `suspect`, and `gone` after a longer silence. It is
 * `alive` again only after lasting proof of life, so that a bad link does not flap. One lost message or
 * failed call changes nothing. Any proof of life counts: an advert, an answer, a ping.
 */
import {
  after,
  type ClusterName,
  Fault,
  type MonotonicMs,
  type PeerId,
  type Taint,
} from '@spillway/core';
import type { Advert, AdvertVersion } from '../advert/advert.ts';
import { type Coordinate, predictedRttMs } from './coordinates.ts';
import type { Member } from '../negotiation.ts';

export type Liveness = 'alive' | 'suspect' | 'gone';

export interface Neighbour {
  readonly cluster: ClusterName;
  readonly peer: PeerId;
  /** Signed by the federation's root. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly advert: Advert;
  readonly liveness: Liveness;
  /** Measured recently, or else predicted from coordinates. */
  readonly rttMs: number;
  readonly rttMeasured: boolean;
  readonly lastHeard: MonotonicMs;
  /** When its advert came. */
  readonly advertAt: MonotonicMs;
  /** What people of the home have put on its virtual node, if anything. */
  readonly marks?: NodeMarks;
}

/** The home's people say by these that a neighbour gets nothing new, or not everything. */
export interface NodeMarks {
  readonly cordoned: boolean;
  /** Of effect NoSchedule or NoExecute; neither Spillway's nor Kubernetes' own. */
  readonly taints: readonly Taint[];
}

export interface LivenessChange {
  readonly cluster: ClusterName;
  readonly from: Liveness;
  readonly to: Liveness;
}

export interface DirectoryConfig {
  /** Maximum time between two adverts, changed or not (ms). */
  readonly heartbeatMs: number;
  /** How long an advert is believed: `suspectMs` + `goneMs` or more. */
  readonly ttlMs: number;
  /** Silence until `suspect`: several heartbeats. */
  readonly suspectMs: number;
  /** Further silence until `gone`. */
  readonly goneMs: number;
  /** How long proofs of life must keep coming until a suspect is `alive` again. */
  readonly recoverMs: number;
  /** How long a measured RTT is preferred to a predicted one (ms). */
  readonly rttFreshMs: number;
  readonly neighboursMax: number;
}

/** `lan`: quick to judge. `wan`. `edge`: links that stall for tens of seconds. */
export const directoryPresets: Readonly<Record<'lan' | 'wan' | 'edge', DirectoryConfig>> = {
  lan: preset({ heartbeatMs: 1_000, suspectMs: 5_000, goneMs: 15_000, recoverMs: 2_000 }),
  wan: preset({ heartbeatMs: 3_000, suspectMs: 15_000, goneMs: 45_000, recoverMs: 6_000 }),
  edge: preset({ heartbeatMs: 5_000, suspectMs: 25_000, goneMs: 95_000, recoverMs: 10_000 }),
};

type Timing = 'heartbeatMs' | 'suspectMs' | 'goneMs' | 'recoverMs';

function preset(timing: Pick<DirectoryConfig, Timing>): DirectoryConfig {
  return checkedDirectoryConfig({
    ...timing,
    ttlMs: timing.suspectMs + timing.goneMs,
    rttFreshMs: 60_000,
    neighboursMax: 10_000,
  });
}

/** @throws Fault `InvalidConfig` naming the knobs whose relation does not hold. */
export function checkedDirectoryConfig(config: DirectoryConfig): DirectoryConfig {
  if (config.suspectMs < 3 * config.heartbeatMs) {
    throw new Fault(
      'InvalidConfig',
      'directory: suspectMs must be at least 3 heartbeatMs, so that lost messages change nothing',
    );
  }
  if (config.ttlMs < config.suspectMs + config.goneMs) {
    throw new Fault('InvalidConfig', 'directory: ttlMs must be at least suspectMs + goneMs');
  }
  if (config.recoverMs < config.heartbeatMs) {
    throw new Fault('InvalidConfig', 'directory: recoverMs must be at least heartbeatMs');
  }
  return Object.freeze({ ...config });
}

/** Measured RTTs that are remembered: at one every 10 s, a longer way is believed after 50 s. */
const rttSamplesMax = 5;

interface Entry {
  readonly cluster: ClusterName;
  peer: PeerId;
  attributes: Readonly<Record<string, string>>;
  advert: Advert;
  advertAt: MonotonicMs;
  liveness: Liveness;
  lastHeard: MonotonicMs;
  /** Since when proofs of life have come without a pause of `suspectMs`. */
  heardSince: MonotonicMs;
  /** The last few measured, newest last. */
  rttsMs: readonly number[];
  rttAt: MonotonicMs | undefined;
}

export type Receipt = 'accepted' | 'replayed' | 'mismatch' | 'full';

export class Directory {
  readonly #config: DirectoryConfig;
  readonly #self: ClusterName;
  readonly #coordinate: () => Coordinate;
  readonly #entries = new Map<ClusterName, Entry>();
  #listed: readonly Neighbour[] | undefined;

  constructor(options: {
    readonly config: DirectoryConfig;
    readonly self: ClusterName;
    /** Our own, for predictions. */
    readonly coordinate: () => Coordinate;
  }) {
    this.#config = options.config;
    this.#self = options.self;
    this.#coordinate = options.coordinate;
  }

  /** An advert whose signature and certificate have been checked: `from` is who signed it. */
  receive(advert: Advert, from: Member, now: MonotonicMs): Receipt {
    if (advert.cluster !== from.cluster || advert.peer !== from.peer) return 'mismatch';
    if (advert.cluster === this.#self) return 'mismatch';
    const entry = this.#entries.get(advert.cluster);
    if (entry === undefined) {
      if (this.#entries.size >= this.#config.neighboursMax) return 'full';
      this.#entries.set(advert.cluster, {
        cluster: advert.cluster,
        peer: advert.peer,
        attributes: from.attributes,
        advert,
        advertAt: now,
        liveness: 'alive',
        lastHeard: now,
        heardSince: now,
        rttsMs: [],
        rttAt: undefined,
      });
    } else {
      // Kept for gone ones too: an old advert that is sent again does not make its cluster alive.
      if (!isNewer(advert.version, entry.advert.version)) return 'replayed';
      entry.advert = advert;
      entry.advertAt = now;
      entry.peer = advert.peer;
      entry.attributes = from.attributes;
      this.#heard(entry, now);
    }
    this.#listed = undefined;
    return 'accepted';
  }

  /** It is no longer a neighbour, as if it had never been one. */
  forget(cluster: ClusterName): boolean {
    this.#listed = undefined;
    return this.#entries.delete(cluster);
  }

  /** Any proof of life: an answered call, a ping, an open stream's message. */
  heardFrom(cluster: ClusterName, now: MonotonicMs): void {
    const entry = this.#entries.get(cluster);
    if (entry !== undefined) this.#heard(entry, now);
  }

  /**
   * A measured RTT, which is also a proof of life. The least of the last few counts, since a busy machine or
   * a full queue can only increase it (Cardwell and others, BBR, 2016).
   */
  rttSample(cluster: ClusterName, rttMs: number, now: MonotonicMs): void {
    const entry = this.#entries.get(cluster);
    if (entry === undefined || !(rttMs >= 0)) return;
    const fresh = entry.rttAt !== undefined && now - entry.rttAt <= this.#config.rttFreshMs;
    entry.rttsMs = [...(fresh ? entry.rttsMs.slice(1 - rttSamplesMax) : []), rttMs];
    entry.rttAt = now;
    this.#heard(entry, now);
    this.#listed = undefined;
  }

  /** The neighbour is reached by another way than before: what was measured says nothing of this one. */
  rttVoid(cluster: ClusterName): void {
    const entry = this.#entries.get(cluster);
    if (entry === undefined || entry.rttsMs.length === 0) return;
    entry.rttsMs = [];
    entry.rttAt = undefined;
    this.#listed = undefined;
  }

  /** Judges by the time that has passed. Call about once a second. O(neighbours). */
  tick(now: MonotonicMs): readonly LivenessChange[] {
    const changes: LivenessChange[] = [];
    for (const entry of this.#entries.values()) {
      const to = this.#livenessOf(entry, now);
      if (to === entry.liveness) continue;
      changes.push({ cluster: entry.cluster, from: entry.liveness, to });
      entry.liveness = to;
    }
    if (changes.length > 0) this.#listed = undefined;
    return changes;
  }

  /** Gone ones included. The list is made again only after a change. */
  neighbours(): readonly Neighbour[] {
    this.#listed ??= [...this.#entries.values()].map((entry) => this.#neighbour(entry));
    return this.#listed;
  }

  get size(): number {
    return this.#entries.size;
  }

  neighbour(cluster: ClusterName): Neighbour | undefined {
    const entry = this.#entries.get(cluster);
    return entry && this.#neighbour(entry);
  }

  /**
   * The neighbour whose RTT should be measured next, of the living ones that may be measured. It is the one
   * that seems nearest of those never measured. When all are measured, it is the one measured longest ago,
   * since routes change. O(neighbours).
   */
  surveyNext(may: (cluster: ClusterName) => boolean): ClusterName | undefined {
    let nearest: { cluster: ClusterName; rttMs: number } | undefined;
    let oldest: { cluster: ClusterName; rttAt: MonotonicMs } | undefined;
    for (const entry of this.#entries.values()) {
      const { cluster, rttAt, liveness, advert } = entry;
      if (liveness !== 'alive' || !may(cluster)) continue;
      if (rttAt !== undefined) {
        if (oldest === undefined || rttAt < oldest.rttAt) oldest = { cluster, rttAt };
        continue;
      }
      const rttMs = predictedRttMs(this.#coordinate(), advert.coordinate);
      if (nearest === undefined || rttMs < nearest.rttMs) nearest = { cluster, rttMs };
    }
    return (nearest ?? oldest)?.cluster;
  }

  #livenessOf(entry: Entry, now: MonotonicMs): Liveness {
    const patience = patienceWith(entry.advert, this.#config);
    const suspectMs = patience * this.#config.suspectMs;
    const goneMs = patience * this.#config.goneMs;
    const recoverMs = patience * this.#config.recoverMs;
    const silenceMs = now - entry.lastHeard;
    if (silenceMs > suspectMs + goneMs) return 'gone';
    if (silenceMs > suspectMs) return entry.liveness === 'gone' ? 'gone' : 'suspect';
    if (entry.liveness === 'alive') return 'alive';
    return now >= after(entry.heardSince, recoverMs) && silenceMs <= recoverMs
      ? 'alive'
      : entry.liveness;
  }

  #heard(entry: Entry, now: MonotonicMs): void {
    const suspectMs = patienceWith(entry.advert, this.#config) * this.#config.suspectMs;
    if (now - entry.lastHeard > suspectMs) entry.heardSince = now;
    entry.lastHeard = now;
  }

  #neighbour(entry: Entry): Neighbour {
    const { cluster, peer, attributes, advert, advertAt, liveness, lastHeard } = entry;
    const measured = entry.rttsMs.length > 0;
    const rttMs = measured
      ? Math.min(...entry.rttsMs)
      : predictedRttMs(this.#coordinate(), advert.coordinate);
    return {
      cluster,
      peer,
      attributes,
      advert,
      advertAt,
      liveness,
      rttMs,
      rttMeasured: measured,
      lastHeard,
    };
  }
}

/** A neighbour that has to speak more rarely (see AdvertPacing) says so by a longer time to live. */
function patienceWith({ ttlMs }: Advert, config: DirectoryConfig): number {
  return Math.max(1, ttlMs / config.ttlMs);
}

export function isNewer(a: AdvertVersion, b: AdvertVersion): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}
