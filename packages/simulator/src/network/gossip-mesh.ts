/**
 * Adverts over GossipSub, as packages/mesh runs it: every message floods a random mesh of `gossip.degree`
 * neighbours each, so it reaches an agent by the quickest way through the mesh. Bytes are those of the
 * real encoding, times the copies that an agent gets to see.
 *
 * An agent that has nothing to decide is not woken by every advert: it catches up when it has. That
 * changes nothing that it does, and makes a thousand clusters affordable.
 */
import type { ClusterName, Random } from '@spillway/core';
import { type Advert, gossip, heardBytes } from '@spillway/federation';
import { encodeAdvert } from '@spillway/wire';
import type { ModelAgent } from '../agent/agent.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { MeshDelays } from './mesh-delays.ts';

export interface GossipMeshOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly names: readonly ClusterName[];
  readonly rttMs: (a: number, b: number) => number;
  readonly agentOf: (cluster: number) => ModelAgent | undefined;
  /** Whether nothing passes between two clusters now, by whatever way. */
  readonly separated: (a: number, b: number) => boolean;
}

/** Up to so many clusters, everybody is told of everything as it comes. */
const eagerMax = 64;
/** Said before the last one, it may be all that has arrived yet. */
const rememberedMax = 4;
/** As certificates of two attributes are. */
const certificate = new Uint8Array(240);

interface Said {
  readonly advert: Advert;
  readonly saidAt: number;
}

export class GossipMesh {
  readonly #options: GossipMeshOptions;
  readonly #delays: MeshDelays;
  readonly #said: Said[][];
  readonly #indices: ReadonlyMap<ClusterName, number>;
  /** Adverts said, and what they cost each agent to hear, bytes. */
  adverts = 0;
  heardBytesPerAgent = 0;
  /** From a change of room until 99 % of the agents knew of it, ms, since this was last taken; one per advert of a change. */
  #known99Ms: number[] = [];
  /** The part of it after the advert was said, ms. */
  #spread99Ms: number[] = [];

  constructor(options: GossipMeshOptions) {
    this.#options = options;
    const { names, rttMs, random } = options;
    this.#delays = new MeshDelays({ size: names.length, degree: gossip.degree, rttMs, random });
    this.#said = names.map(() => []);
    this.#indices = new Map(names.map((name, i) => [name, i]));
  }

  takeDelays(): { readonly known99Ms: readonly number[]; readonly spread99Ms: readonly number[] } {
    const taken = { known99Ms: this.#known99Ms, spread99Ms: this.#spread99Ms };
    this.#known99Ms = [];
    this.#spread99Ms = [];
    return taken;
  }

  get clusters(): number {
    return this.#options.names.length;
  }

  get eager(): boolean {
    return this.clusters <= eagerMax;
  }

  /** `changedAt`: since when it was true and not said; undefined for a heartbeat. */
  publish(advert: Advert, changedAt: number | undefined): number {
    const { time, agentOf } = this.#options;
    const from = this.#indices.get(advert.cluster) ?? 0;
    const said = { advert, saidAt: time.now };
    const remembered = this.#said[from] ?? [];
    remembered.push(said);
    if (remembered.length > rememberedMax) remembered.shift();
    const payloadBytes = encodeAdvert({ certificate, advert }).length;
    this.adverts += 1;
    this.heardBytesPerAgent += heardBytes(payloadBytes);
    if (changedAt !== undefined) {
      const spreadMs = this.#delays.quantile(from, 0.99);
      this.#spread99Ms.push(spreadMs);
      this.#known99Ms.push(time.now - changedAt + spreadMs);
    }
    for (let to = 0; to < this.clusters; to++) {
      if (to === from || !(this.eager || agentOf(to)?.listens)) continue;
      time.after(this.#delays.ms(from, to), () => this.#deliver(from, to, said));
    }
    return payloadBytes;
  }

  catchUp(cluster: ClusterName): void {
    const { time } = this.#options;
    const to = this.#indices.get(cluster) ?? 0;
    for (const [from, remembered] of this.#said.entries()) {
      if (from === to) continue;
      const arrived = remembered.findLast(
        ({ saidAt }) => saidAt + this.#delays.ms(from, to) <= time.now,
      );
      if (arrived !== undefined) this.#deliver(from, to, arrived);
    }
  }

  #deliver(from: number, to: number, { advert, saidAt }: Said): void {
    const { agentOf, separated } = this.#options;
    if (separated(from, to)) return;
    agentOf(to)?.heard(advert, { saidAt, at: saidAt + this.#delays.ms(from, to) });
  }
}
