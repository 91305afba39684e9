/**
 * An advert: what a cluster says of itself to its federation. It is signed by its agent's key, has a
 * version, and expires. It has the free capacity of nodes as bins, and not as sums or as a fixed list of
 * shapes (docs/adr/0003). From bins a home computes how many pods of *its* shape fit, fragmentation
 * included.
 */
import type { ClusterName, PeerId, Taint } from '@spillway/core';
import type { Coordinate } from '../membership/coordinates.ts';

export interface Advert {
  readonly cluster: ClusterName;
  readonly peer: PeerId;
  readonly version: AdvertVersion;
  /** How long the receiver may believe it, counted on the receiver's own clock from its arrival. */
  readonly ttlMs: number;
  /** Multiaddrs, with or without `/p2p/…`, at which the agent listens. At most `addressesMax`. */
  readonly addresses: readonly string[];
  readonly coordinate: Coordinate;
  /** What the cluster says of itself, beside what the root signed into its certificate. */
  readonly labels: Readonly<Record<string, string>>;
  /** False while it drains or takes no guests. */
  readonly accepting: boolean;
  /** How many more guests its cap lets in. */
  readonly guestsFree: number;
  readonly freeCapacity: FreeCapacity;
  /** Sums over all nodes, for people to look at; never used to place. */
  readonly totals: { readonly allocatable: Amounts; readonly free: Amounts };
}

/** Newer if the epoch is greater, or the epoch is equal and the sequence greater. */
export interface AdvertVersion {
  /**
   * Grows with each agent that becomes active in the cluster (its Lease). So it is a fencing token: a
   * message with an older epoch comes from an agent that has been replaced.
   */
  readonly epoch: number;
  readonly sequence: number;
}

/** Free room, node by node, in groups. */
export interface FreeCapacity {
  /** Kinds of node: what a pod's constraints can tell apart. At most `nodeClassesMax`. */
  readonly classes: readonly NodeClass[];
  /** At most `binsMax`; merged towards less room where a cluster has more kinds of free node. */
  readonly bins: readonly CapacityBin[];
}

export interface NodeClass {
  /** The advertised labels of these nodes; a label that is not advertised may still be there. */
  readonly labels: Readonly<Record<string, string>>;
  /** Taints with effect NoSchedule or NoExecute. */
  readonly taints: readonly Taint[];
}

/** `nodes` nodes of one class, each of which has at least `free`. */
export interface CapacityBin {
  /** Index into `classes`. */
  readonly nodeClass: number;
  readonly nodes: number;
  readonly free: Amounts;
}

/** As `Resources`, with the number of pods a node still takes. */
export interface Amounts {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  readonly pods: number;
  readonly extended: ReadonlyMap<string, number>;
}
