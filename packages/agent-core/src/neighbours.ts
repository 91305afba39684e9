/**
 * Who is a neighbour, as the home decides by, and which virtual nodes there must be: one for every
 * neighbour that is worth one. It feeds the directory and checks its liveness.
 */
import { after, type ClusterName, type MonotonicMs, type Node } from '@spillway/core';
import {
  type Advert,
  type Coordinate,
  Directory,
  type DirectoryConfig,
  isRevoked,
  type LivenessChange,
  marksOf,
  type Member,
  type Neighbour,
  type Neighbourhood,
  type NodeMarks,
  type NodeMembership,
  noMarks,
  type Receipt,
  type RevokedClusters,
  type VirtualNodeState,
} from '@spillway/federation';

/** This cluster's place among the others. */
export interface Coordinates {
  readonly coordinate: Coordinate;
  /** `other` is `rttMs` away, and where it says. */
  update(other: ClusterName, coordinate: Coordinate, rttMs: number): void;
}

export interface NeighboursOptions {
  readonly cluster: ClusterName;
  readonly directory: DirectoryConfig;
  readonly coordinates: Coordinates;
  /** By which certificate a neighbour last proved itself. */
  readonly membershipOf: (cluster: ClusterName) => NodeMembership | undefined;
  /** `given`: there is a node for every neighbour, and the agent does not write it. */
  readonly virtualNodes: 'kept' | 'given';
  /** Whether pods of ours are bound to a neighbour's node. */
  readonly hostsOurs: (cluster: ClusterName) => boolean;
  readonly keepNode: (state: VirtualNodeState) => void;
  readonly removeNode: (cluster: ClusterName) => void;
  /** The home may have more room than before, or less. */
  readonly changed: () => void;
  readonly livenessChanged: (change: LivenessChange) => void;
}

/** As the directory last knew it. It is no longer in the directory. */
export interface RevokedNeighbour {
  readonly last: Neighbour;
  readonly message: string;
}

const livenessCheckMs = 1_000;
/** Virtual nodes are for people to look at: minimum time between two writes of one (ms). */
const nodeGapMs = 5_000;
/** How long a neighbour must be gone until its virtual node is deleted (ms), unless pods of ours are still bound to it. */
export const nodeRemovedMs = 24 * 3_600_000;

export class Neighbours implements Neighbourhood {
  readonly directory: Directory;
  readonly #options: NeighboursOptions;
  /** Neighbours whose node exists, so that pods can be bound to it. */
  readonly #nodes = new Set<ClusterName>();
  readonly #underWay = new Set<ClusterName>();
  readonly #nextWrite = new Map<ClusterName, MonotonicMs>();
  /** What people have put on the nodes. A cordon stays when the node is deleted. */
  readonly #marks = new Map<ClusterName, NodeMarks>();
  readonly #revoked = new Map<ClusterName, RevokedNeighbour>();
  /** Virtual nodes that have yet to say that their cluster is revoked, and why it is. */
  readonly #unmarked = new Map<ClusterName, string>();
  /** Virtual nodes that say so, and since when. */
  readonly #marked = new Map<ClusterName, MonotonicMs>();
  #leaving = false;
  #livenessCheckAt: MonotonicMs | undefined;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.directory = new Directory({
      config: options.directory,
      self: options.cluster,
      coordinate: () => options.coordinates.coordinate,
    });
  }

  /** Those that pods can be bound to. */
  neighbours(): readonly Neighbour[] {
    if (this.#options.virtualNodes === 'given') return this.directory.neighbours();
    return this.directory
      .neighbours()
      .filter(({ cluster }) => this.#nodes.has(cluster))
      .map((neighbour) => this.#withMarks(neighbour));
  }

  neighbour(cluster: ClusterName): Neighbour | undefined {
    if (this.#options.virtualNodes === 'given') return this.directory.neighbour(cluster);
    const neighbour = this.#nodes.has(cluster) ? this.directory.neighbour(cluster) : undefined;
    return neighbour && this.#withMarks(neighbour);
  }

  marks(cluster: ClusterName): NodeMarks {
    return this.#marks.get(cluster) ?? noMarks;
  }

  /** For people to look at. No pods go there. Unknown after a restart. */
  get revoked(): ReadonlyMap<ClusterName, RevokedNeighbour> {
    return this.#revoked;
  }

  /** What people had put on a node when an earlier agent last saw it: where it is gone, it is made so again. */
  markedBefore(cluster: ClusterName, marks: NodeMarks): void {
    if (!this.#marks.has(cluster)) this.#marks.set(cluster, marks);
  }

  receive(advert: Advert, from: Member, now: MonotonicMs): Receipt {
    const receipt = this.directory.receive(advert, from, now);
    if (receipt !== 'accepted') return receipt;
    if (!this.#nodes.has(advert.cluster) && this.#mayWrite(advert.cluster, now)) {
      this.#keepNode(advert.cluster, now);
    }
    this.#options.changed();
    return receipt;
  }

  rtt(cluster: ClusterName, rttMs: number, now: MonotonicMs): void {
    this.directory.rttSample(cluster, rttMs, now);
    const neighbour = this.directory.neighbour(cluster);
    if (neighbour === undefined) return;
    this.#options.coordinates.update(cluster, neighbour.advert.coordinate, rttMs);
  }

  /** What the watch shows of a virtual node; undefined: it is deleted. @returns whether others deleted it. */
  nodeSeen(cluster: ClusterName, node: Node | undefined): boolean {
    const before = this.marks(cluster);
    const marks = node === undefined ? { ...noMarks, cordoned: before.cordoned } : marksOf(node);
    this.#marks.set(cluster, marks);
    const deleted = node === undefined && this.#nodes.delete(cluster);
    if (deleted) this.#nextWrite.delete(cluster);
    if (deleted || JSON.stringify(before) !== JSON.stringify(marks)) this.#options.changed();
    return deleted;
  }

  /** How `keepNode` ended. */
  nodeKept({ cluster, revoked }: VirtualNodeState, ok: boolean): void {
    this.#underWay.delete(cluster);
    if (!ok) {
      if (revoked !== undefined && this.#marked.delete(cluster)) {
        this.#unmarked.set(cluster, revoked);
      }
      return;
    }
    if (this.#nodes.has(cluster)) return;
    this.#nodes.add(cluster);
    this.#options.changed();
  }

  /** How `removeNode` ended. */
  nodeRemoved(cluster: ClusterName): void {
    this.#underWay.delete(cluster);
  }

  leave(): void {
    this.#leaving = true;
  }

  /**
   * All that are revoked now, and why. They are forgotten as neighbours; the node of each says so, and is
   * kept while pods are bound to it. `nodes`: clusters whose node exists, known or not.
   */
  revoke(
    clusters: RevokedClusters,
    nodes: ReadonlySet<ClusterName>,
    why: (cluster: ClusterName) => string,
  ): readonly ClusterName[] {
    const forgotten: ClusterName[] = [];
    for (const last of this.directory.neighbours()) {
      const { cluster } = last;
      if (!isRevoked(clusters, cluster)) continue;
      this.directory.forget(cluster);
      forgotten.push(cluster);
      this.#revoked.set(cluster, { last, message: why(cluster) });
    }
    const named = clusters === 'all' ? [...this.#revoked.keys(), ...nodes] : clusters;
    for (const cluster of named) {
      const known = this.#nodes.has(cluster) || nodes.has(cluster);
      if (known && !this.#marked.has(cluster)) this.#unmarked.set(cluster, why(cluster));
    }
    for (const admittedAgain of [this.#revoked, this.#unmarked, this.#marked]) {
      for (const cluster of admittedAgain.keys()) {
        if (!isRevoked(clusters, cluster)) admittedAgain.delete(cluster);
      }
    }
    this.#options.changed();
    return forgotten;
  }

  tick(now: MonotonicMs): void {
    if (this.#livenessCheckAt !== undefined && now < this.#livenessCheckAt) return;
    this.#livenessCheckAt = after(now, livenessCheckMs);
    const changes = this.directory.tick(now);
    for (const change of changes) {
      this.#nextWrite.delete(change.cluster);
      this.#options.livenessChanged(change);
    }
    if (changes.length > 0) this.#options.changed();
    this.#markNodes(now);
    for (const { cluster, lastHeard } of this.directory.neighbours()) {
      if (!this.#mayWrite(cluster, now)) continue;
      const removable = now - lastHeard > nodeRemovedMs && !this.#options.hostsOurs(cluster);
      if (removable) this.#removeNode(cluster, now);
      else this.#keepNode(cluster, now);
    }
  }

  wakeAt(): MonotonicMs | undefined {
    return this.#livenessCheckAt;
  }

  #mayWrite(cluster: ClusterName, now: MonotonicMs): boolean {
    return (
      this.#options.virtualNodes === 'kept' &&
      !this.#underWay.has(cluster) &&
      now >= (this.#nextWrite.get(cluster) ?? now)
    );
  }

  #keepNode(cluster: ClusterName, now: MonotonicMs): void {
    const neighbour = this.directory.neighbour(cluster);
    // When this cluster leaves, nodes are kept while pods are on them, and no new ones made.
    if (neighbour === undefined || (this.#leaving && !this.#nodes.has(cluster))) return;
    const membership = this.#options.membershipOf(cluster);
    this.#write(cluster, now, () =>
      this.#options.keepNode({
        cluster,
        addresses: neighbour.advert.addresses,
        reachable: neighbour.liveness !== 'gone',
        cordoned: this.marks(cluster).cordoned,
        ...(membership && { membership }),
      }),
    );
  }

  #removeNode(cluster: ClusterName, now: MonotonicMs): void {
    if (!this.#nodes.delete(cluster)) return;
    this.#write(cluster, now, () => this.#options.removeNode(cluster));
  }

  #markNodes(now: MonotonicMs): void {
    for (const [cluster, revoked] of this.#unmarked) {
      if (this.#underWay.has(cluster)) continue;
      this.#unmarked.delete(cluster);
      this.#marked.set(cluster, now);
      const { cordoned } = this.marks(cluster);
      const state = { cluster, addresses: [], reachable: false, cordoned, revoked };
      this.#write(cluster, now, () => this.#options.keepNode(state));
    }
    for (const [cluster, since] of this.#marked) {
      const removable = now - since > nodeRemovedMs && !this.#options.hostsOurs(cluster);
      if (removable && !this.#underWay.has(cluster)) this.#removeNode(cluster, now);
    }
  }

  /** One write at a time for each node. */
  #write(cluster: ClusterName, now: MonotonicMs, write: () => void): void {
    this.#underWay.add(cluster);
    this.#nextWrite.set(cluster, after(now, nodeGapMs));
    write();
  }

  #withMarks(neighbour: Neighbour): Neighbour {
    return { ...neighbour, marks: this.marks(neighbour.cluster) };
  }
}
