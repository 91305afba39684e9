/**
 * Adverts over GossipSub, as packages/mesh runs it. Every message floods a random mesh of `gossip.degree`
 * neighbours each, so it reaches an agent on the quickest way through the mesh. Bytes are those of the real
 * encoding, times the copies that an agent gets.
 *
 * Where adverts are `handed`, each is an event at each agent. Where they are `fetched`, an agent fetches
 * what has reached it when it looks for room. Only agents with waiting pods that would be tried again are
 * told that an advert has reached them.
 *
 * Without cuts this changes nothing that any agent does, and makes ten thousand clusters possible
 * (simulate.test.ts compares the two). With cuts, silence is evaluated when an agent fetches, and not every
 * second.
 */
import type { ClusterName, MonotonicMs, Random } from '@spillway/core';
import { type Advert, gossip, heardBytes, type Member } from '@spillway/federation';
import { encodeAdvert } from '@spillway/wire';
import type { Arrival, Arrivals } from '../agent/fetched-neighbours.ts';
import type { ModelGossip } from '../agent/gossip.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { MeshDelays } from './mesh-delays.ts';
import { memberOf } from './network.ts';

/** An agent, as far as adverts go. */
interface Listener {
  /** Whether news may change what it does now. */
  readonly listens: boolean;
  /** An advert has reached it that it may fetch. */
  news(): void;
  /** An advert is handed to it. */
  heard(advert: Advert): void;
}

export interface GossipMeshOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly names: readonly ClusterName[];
  readonly rttMs: (a: number, b: number) => number;
  readonly adverts: 'handed' | 'fetched';
  readonly agentOf: (cluster: number) => Listener | undefined;
  /** Whether nothing passes between two clusters at that instant, by whatever way. */
  readonly separated: (a: number, b: number, at: number) => boolean;
}

/** Said before the last one, it may be all that has arrived yet. */
const rememberedMax = 4;
/** As certificates of two attributes are. */
const certificate = new Uint8Array(240);

interface Said {
  readonly from: number;
  readonly advert: Advert;
  readonly saidAt: number;
}

export class GossipMesh implements ModelGossip, Arrivals {
  readonly #options: GossipMeshOptions;
  readonly #delays: MeshDelays;
  readonly #members: readonly Member[];
  readonly #said: Said[][];
  readonly #saidAt = new WeakMap<Advert, number>();
  readonly #indices: ReadonlyMap<ClusterName, number>;
  /** What may still be on its way to somebody, and older, oldest first. */
  #underWay: Said[] = [];
  /** Who listens, and some who have stopped. */
  readonly #listeners = new Set<number>();
  /** Adverts said, and what they cost each agent to hear, bytes. */
  adverts = 0;
  heardBytesPerAgent = 0;
  /** From a change's advert until 99 % of the agents knew of it, ms. */
  readonly spread99Ms: number[] = [];
  /** The same from the change, since this was last taken. */
  #known99Ms: number[] = [];

  constructor(options: GossipMeshOptions) {
    this.#options = options;
    const { names, rttMs, random } = options;
    this.#delays = new MeshDelays({ size: names.length, degree: gossip.degree, rttMs, random });
    this.#members = names.map(memberOf);
    this.#said = names.map(() => []);
    this.#indices = new Map(names.map((name, i) => [name, i]));
  }

  takeKnown99Ms(): readonly number[] {
    const taken = this.#known99Ms;
    this.#known99Ms = [];
    return taken;
  }

  get clusters(): number {
    return this.#options.names.length;
  }

  publish(advert: Advert, changedAt: number | undefined): number {
    const { time } = this.#options;
    const from = this.#indexOf(advert.cluster);
    const said = { from, advert, saidAt: time.now };
    this.#saidAt.set(advert, time.now);
    const remembered = this.#said[from] ?? [];
    remembered.push(said);
    if (remembered.length > rememberedMax) remembered.shift();
    const payloadBytes = encodeAdvert({ certificate, advert }).length;
    this.adverts += 1;
    this.heardBytesPerAgent += heardBytes(payloadBytes);
    if (changedAt !== undefined) {
      const spreadMs = this.#delays.quantile(from, 0.99);
      this.spread99Ms.push(spreadMs);
      this.#known99Ms.push(time.now - changedAt + spreadMs);
    }
    if (this.#options.adverts === 'handed') this.#hand(said);
    else this.#announce(said);
    return payloadBytes;
  }

  saidAt(advert: Advert): number | undefined {
    return this.#saidAt.get(advert);
  }

  attend(cluster: ClusterName): void {
    const { time, separated } = this.#options;
    const to = this.#indexOf(cluster);
    this.#listeners.add(to);
    let first: Said | undefined;
    let firstAt = Number.POSITIVE_INFINITY;
    for (let i = this.#underWay.length - 1; i >= 0; i--) {
      const said = this.#underWay[i];
      if (said === undefined || said.saidAt + this.#delays.longestMs < time.now) break;
      const at = this.#arrivesAt(said, to);
      if (said.from === to || at <= time.now || at >= firstAt) continue;
      if (!separated(said.from, to, at)) [first, firstAt] = [said, at];
    }
    if (first !== undefined) this.#tell(first, to);
  }

  *arrived(cluster: ClusterName): Iterable<Arrival> {
    const to = this.#indexOf(cluster);
    for (let from = 0; from < this.clusters; from++) {
      const arrival = this.#lastArrived(from, to);
      if (arrival !== undefined) yield arrival;
    }
  }

  lastArrived(from: ClusterName, to: ClusterName): Arrival | undefined {
    return this.#lastArrived(this.#indexOf(from), this.#indexOf(to));
  }

  #lastArrived(from: number, to: number): Arrival | undefined {
    const { time, separated } = this.#options;
    const member = this.#members[from];
    const said = this.#said[from];
    if (from === to || said === undefined || member === undefined) return undefined;
    for (let i = said.length - 1; i >= 0; i--) {
      const each = said[i];
      if (each === undefined) continue;
      const at = this.#arrivesAt(each, to);
      if (at <= time.now && !separated(from, to, at)) {
        return { advert: each.advert, from: member, at: at as MonotonicMs };
      }
    }
    return undefined;
  }

  #hand({ from, advert, saidAt }: Said): void {
    const { time, agentOf, separated } = this.#options;
    for (let to = 0; to < this.clusters; to++) {
      if (to === from) continue;
      const at = saidAt + this.#delays.ms(from, to);
      time.at(at, () => {
        if (!separated(from, to, at)) agentOf(to)?.heard(advert);
      });
    }
  }

  #announce(said: Said): void {
    const { agentOf, time } = this.#options;
    this.#underWay.push(said);
    if (this.#underWay.length > 2 * this.clusters) {
      const stillMs = time.now - this.#delays.longestMs;
      this.#underWay = this.#underWay.filter(({ saidAt }) => saidAt >= stillMs);
    }
    for (const to of this.#listeners) {
      if (!agentOf(to)?.listens) this.#listeners.delete(to);
      else if (to !== said.from) this.#tell(said, to);
    }
  }

  /** Who has stopped listening by then is not told: when it begins again, it attends again. */
  #tell(said: Said, to: number): void {
    const { time, agentOf, separated } = this.#options;
    const at = this.#arrivesAt(said, to);
    time.at(at, () => {
      if (!separated(said.from, to, at)) agentOf(to)?.news();
    });
  }

  #arrivesAt({ from, saidAt }: Said, to: number): number {
    return saidAt + this.#delays.ms(from, to);
  }

  #indexOf(cluster: ClusterName): number {
    return this.#indices.get(cluster) ?? 0;
  }
}
