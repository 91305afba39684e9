/** Keeps the directory fed and judged, and a virtual node for every neighbour that is worth one. */
import type { Clock, ClusterName, MonotonicMs } from '@spillway/core';
import {
  type Advert,
  type CoordinateClient,
  type Directory,
  isRevoked,
  type Member,
  type Neighbour,
  type Neighbourhood,
  type Receipt,
  type RevokedClusters,
} from '@spillway/federation';
import type { NodeMembership, VirtualNodes } from '@spillway/kubernetes';
import pLimit from 'p-limit';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface NeighboursOptions {
  readonly directory: Directory;
  readonly virtualNodes: VirtualNodes;
  readonly coordinates: CoordinateClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** By which certificate a neighbour last proved itself. */
  readonly membershipOf: (cluster: ClusterName) => NodeMembership | undefined;
}

/** As the directory last knew it; it is in there no more. */
export interface RevokedNeighbour {
  readonly last: Neighbour;
  readonly message: string;
}

const judgeMs = 1_000;
/** Virtual nodes are for people to look at: no neighbour's is written more often. */
const nodeGapMs = 5_000;
const nodeWritesMax = 4;
/** A neighbour gone for so long loses its virtual node, unless pods of ours are still bound to it. */
export const nodeRemovedMs = 24 * 3_600_000;

export class Neighbours implements Neighbourhood {
  readonly #options: NeighboursOptions;
  readonly #limit = pLimit(nodeWritesMax);
  readonly #nextWrite = new Map<ClusterName, number>();
  readonly #revoked = new Map<ClusterName, RevokedNeighbour>();
  /** Virtual nodes that have yet to say that their cluster is revoked, and why it is. */
  readonly #unmarked = new Map<ClusterName, string>();
  /** Since when those that say so need not be there any more. */
  readonly #marked = new Map<ClusterName, MonotonicMs>();
  #timer: NodeJS.Timeout | undefined;
  /** Called when a neighbour's room, or who is a neighbour, may have changed. */
  onRoom: () => void = () => {};
  /** This cluster leaves the federation: nodes that are there are kept while pods are on them, no new ones made. */
  leaving = false;
  /** Whether pods of ours are bound to a neighbour's node. */
  hostsOurs: (cluster: ClusterName) => boolean = () => true;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#judge(), judgeMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#limit.clearQueue();
  }

  /** Those that pods can be bound to. */
  neighbours(): readonly Neighbour[] {
    const { directory, virtualNodes } = this.#options;
    return directory
      .neighbours()
      .filter(({ cluster }) => virtualNodes.has(cluster))
      .map((neighbour) => this.#withMarks(neighbour));
  }

  neighbour(cluster: ClusterName): Neighbour | undefined {
    const { directory, virtualNodes } = this.#options;
    const neighbour = virtualNodes.has(cluster) ? directory.neighbour(cluster) : undefined;
    return neighbour && this.#withMarks(neighbour);
  }

  cordoned(): ClusterName[] {
    return this.neighbours().flatMap(({ cluster, marks }) => (marks?.cordoned ? [cluster] : []));
  }

  #withMarks(neighbour: Neighbour): Neighbour {
    return { ...neighbour, marks: this.#options.virtualNodes.marks(neighbour.cluster) };
  }

  advert(advert: Advert, from: Member): Receipt {
    const { directory, clock, metrics, virtualNodes } = this.#options;
    const receipt = directory.receive(advert, from, clock.monotonicMs());
    metrics.adverts.inc({ outcome: receipt });
    if (receipt === 'accepted') {
      if (!virtualNodes.has(advert.cluster)) this.#keepNode(advert.cluster);
      this.onRoom();
    }
    return receipt;
  }

  peer({ cluster }: Member, state: 'connected' | 'disconnected'): void {
    const { directory, clock, log } = this.#options;
    log.info({ neighbour: cluster, state }, 'connection');
    if (state === 'connected') directory.heardFrom(cluster, clock.monotonicMs());
  }

  rtt({ cluster }: Member, rttMs: number): void {
    const { directory, coordinates, clock, metrics } = this.#options;
    directory.rttSample(cluster, rttMs, clock.monotonicMs());
    metrics.rttSeconds.set({ neighbour: cluster }, rttMs / 1000);
    const neighbour = directory.neighbour(cluster);
    if (neighbour !== undefined) coordinates.update(cluster, neighbour.advert.coordinate, rttMs);
  }

  /** Reached by another way than before. */
  moved({ cluster }: Member, path: string): void {
    const { directory, log } = this.#options;
    directory.rttVoid(cluster);
    log.info({ neighbour: cluster, path }, 'connection path changed');
  }

  /** For people to look at: no pods go there. Unknown after a restart. */
  get revoked(): ReadonlyMap<ClusterName, RevokedNeighbour> {
    return this.#revoked;
  }

  /**
   * All that are revoked now, and why. They are forgotten as neighbours; the node of each says so, and is
   * kept while pods are bound to it. `nodes`: clusters whose node exists, known or not.
   */
  revoke(
    clusters: RevokedClusters,
    nodes: Iterable<ClusterName>,
    why: (cluster: ClusterName) => string,
  ): void {
    const { directory, metrics } = this.#options;
    for (const last of directory.neighbours()) {
      const { cluster } = last;
      if (!isRevoked(clusters, cluster)) continue;
      directory.forget(cluster);
      metrics.rttSeconds.remove({ neighbour: cluster });
      this.#revoked.set(cluster, { last, message: why(cluster) });
    }
    const named = clusters === 'all' ? [...this.#revoked.keys(), ...nodes] : clusters;
    for (const cluster of named) {
      const known = this.#options.virtualNodes.has(cluster) || new Set(nodes).has(cluster);
      if (known && !this.#marked.has(cluster)) this.#unmarked.set(cluster, why(cluster));
    }
    for (const cluster of [
      ...this.#revoked.keys(),
      ...this.#unmarked.keys(),
      ...this.#marked.keys(),
    ]) {
      if (isRevoked(clusters, cluster)) continue;
      // Admitted again.
      this.#revoked.delete(cluster);
      this.#unmarked.delete(cluster);
      this.#marked.delete(cluster);
    }
    this.#markNodes();
    this.onRoom();
  }

  #markNodes(): void {
    const { virtualNodes, clock, log } = this.#options;
    const now = clock.monotonicMs();
    for (const [cluster, revoked] of this.#unmarked) {
      this.#unmarked.delete(cluster);
      this.#marked.set(cluster, now);
      const state = { cluster, addresses: [], reachable: false, revoked };
      void this.#limit(async () => {
        try {
          await virtualNodes.keep(state, new Date(clock.wallMs()));
        } catch (error) {
          log.warn(
            { neighbour: cluster, err: error },
            'virtual node could not be written; retrying',
          );
          if (this.#marked.delete(cluster)) this.#unmarked.set(cluster, revoked);
        }
      });
    }
    for (const [cluster, since] of this.#marked) {
      if (now - since > nodeRemovedMs && !this.hostsOurs(cluster)) this.#removeNode(cluster);
    }
  }

  #judge(): void {
    this.#markNodes();
    const { directory, clock, log, metrics } = this.#options;
    const now = clock.monotonicMs();
    const changes = directory.tick(now);
    for (const { cluster, from, to } of changes) {
      log.info({ neighbour: cluster, from, to }, 'liveness of neighbour changed');
      this.#nextWrite.delete(cluster);
    }
    if (changes.length > 0) this.onRoom();
    const counts = { alive: 0, suspect: 0, gone: 0, revoked: this.#revoked.size };
    for (const { cluster, liveness, lastHeard } of directory.neighbours()) {
      counts[liveness] += 1;
      if (now < (this.#nextWrite.get(cluster) ?? 0)) continue;
      const removable = now - lastHeard > nodeRemovedMs && !this.hostsOurs(cluster);
      if (removable) this.#removeNode(cluster);
      else this.#keepNode(cluster);
    }
    for (const [liveness, count] of Object.entries(counts))
      metrics.neighbours.set({ liveness }, count);
  }

  #removeNode(cluster: ClusterName): void {
    const { virtualNodes, clock, log } = this.#options;
    if (!virtualNodes.has(cluster)) return;
    this.#nextWrite.set(cluster, clock.monotonicMs() + nodeGapMs);
    void this.#limit(async () => {
      try {
        await virtualNodes.remove(cluster);
        log.info({ neighbour: cluster }, 'neighbour gone for one day; removing its virtual node');
      } catch (error) {
        log.warn({ neighbour: cluster, err: error }, 'virtual node could not be removed');
      }
    });
  }

  #keepNode(cluster: ClusterName): void {
    const { directory, virtualNodes, membershipOf, clock, log } = this.#options;
    this.#nextWrite.set(cluster, clock.monotonicMs() + nodeGapMs);
    void this.#limit(async () => {
      const neighbour = directory.neighbour(cluster);
      if (neighbour === undefined) return;
      if (this.leaving && !virtualNodes.has(cluster)) return;
      const isNew = !virtualNodes.has(cluster);
      try {
        const membership = membershipOf(cluster);
        await virtualNodes.keep(
          {
            cluster,
            addresses: neighbour.advert.addresses,
            reachable: neighbour.liveness !== 'gone',
            ...(membership && { membership }),
          },
          new Date(clock.wallMs()),
        );
        if (isNew) this.onRoom();
      } catch (error) {
        log.warn({ neighbour: cluster, err: error }, 'virtual node could not be written; retrying');
      }
    });
  }
}
