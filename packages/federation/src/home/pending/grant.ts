/**
 * The granted slots of one reservation, from grant to the last commit. What is left when every pod that
 * was to use one is settled goes back to the host at once, and not only when the hold expires.
 */
import { assert, type ClusterName, type ReservationId } from '@spillway/core';

export class Grant {
  readonly host: ClusterName;
  readonly reservation: ReservationId;
  readonly #granted: number;
  #open: number;
  #committed = 0;

  /** `open` pods, at most `granted`, are about to use a slot each. */
  constructor(host: ClusterName, reservation: ReservationId, granted: number, open: number) {
    assert(open <= granted, `${open} pods on ${granted} granted slots`);
    this.host = host;
    this.reservation = reservation;
    this.#granted = granted;
    this.#open = open;
  }

  /** One pod is settled. Returns true when that was the last one and slots are left to give back. */
  settle(committed: boolean): boolean {
    assert(this.#open > 0, 'a slot is settled once');
    this.#open -= 1;
    if (committed) this.#committed += 1;
    return this.#open === 0 && this.#committed < this.#granted;
  }
}
