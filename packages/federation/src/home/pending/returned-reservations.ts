/** Room at neighbours that was granted and is given back unused. */
import { after, type ClusterName, type MonotonicMs, type ReservationId } from '@spillway/core';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect } from '../events.ts';

export class ReturnedReservations {
  readonly #config: HomeConfig;
  readonly #emit: (effect: HomeEffect) => void;
  /** When a reservation was last given back whole. Bounded by the federation's members. */
  readonly #wholeAt = new Map<ClusterName, MonotonicMs>();

  constructor(config: HomeConfig, emit: (effect: HomeEffect) => void) {
    this.#config = config;
    this.#emit = emit;
  }

  giveBack(host: ClusterName, reservation: ReservationId): void {
    this.#emit({ kind: 'release', host, reservations: [reservation], guests: [] });
  }

  giveBackWhole(host: ClusterName, reservation: ReservationId, now: MonotonicMs): void {
    this.giveBack(host, reservation);
    this.#wholeAt.set(host, now);
  }

  /** Whether a host that was asked just now may still have counted what we held there. */
  lately(host: ClusterName, now: MonotonicMs): boolean {
    const at = this.#wholeAt.get(host);
    return at !== undefined && now < after(at, this.#config.askPatienceMs);
  }
}
