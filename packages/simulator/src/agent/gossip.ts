/** How adverts get about. */
import type { ClusterName } from '@spillway/core';
import type { Advert } from '@spillway/federation';

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
