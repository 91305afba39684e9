import type { Coordinates } from '@spillway/agent-core';
import type { ClusterName } from '@spillway/core';
import type { Coordinate } from '@spillway/federation';

/** Where a cluster is, as its agent knows. */
export interface Proximity {
  readonly coordinate: () => Coordinate;
  /** Undefined for a neighbour that it has no connection with. */
  readonly measuredRttMs: (other: ClusterName) => number | undefined;
}

/**
 * Coordinates that no measurement moves. This is a class, because a getter in an object literal keeps its
 * closures, and so their whole world. V8 frees them only at the next full garbage collection.
 */
export class GivenCoordinates implements Coordinates {
  readonly #proximity: Proximity;

  constructor(proximity: Proximity) {
    this.#proximity = proximity;
  }

  get coordinate(): Coordinate {
    return this.#proximity.coordinate();
  }

  update(): void {}
}
