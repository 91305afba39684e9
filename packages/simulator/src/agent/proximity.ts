import type { ClusterName } from '@spillway/core';
import type { Coordinate } from '@spillway/federation';

/** Where a cluster is, as its agent knows. */
export interface Proximity {
  readonly coordinate: () => Coordinate;
  /** Undefined for a neighbour that it has no connection with. */
  readonly measuredRttMs: (other: ClusterName) => number | undefined;
}
