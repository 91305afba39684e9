/**
 * The granted slots of one reservation, from grant to the last commit. When every pod that was to use one is
 * settled, the other slots go back to the host at once. They do not wait until the hold expires.
 */
import { assert, type ClusterName, type PodUid, type ReservationId } from '@spillway/core';

/** `refused`: by its host, after the binding. `unused`: for any other reason. */
export type SlotEnd = 'created' | 'refused' | 'unused';

type OnSettled = (uid: PodUid, end: SlotEnd) => void;

export class Grant {
  readonly host: ClusterName;
  readonly reservation: ReservationId;
  readonly #granted: number;
  readonly #onSettled: OnSettled;
  #open: number;
  #committed = 0;

  constructor(options: {
    readonly host: ClusterName;
    readonly reservation: ReservationId;
    readonly granted: number;
    /** Pods that are about to use a slot each. Maximum `granted`. */
    readonly open: number;
    readonly onSettled: OnSettled;
  }) {
    const { host, reservation, granted, open, onSettled } = options;
    assert(open <= granted, `${open} pods on ${granted} granted slots`);
    this.host = host;
    this.reservation = reservation;
    this.#granted = granted;
    this.#open = open;
    this.#onSettled = onSettled;
  }

  /** One pod is settled. Returns true when that was the last one and slots are left to give back. */
  settle(uid: PodUid, end: SlotEnd): boolean {
    assert(this.#open > 0, 'a slot is settled once');
    this.#open -= 1;
    if (end === 'created') this.#committed += 1;
    this.#onSettled(uid, end);
    return this.#open === 0 && this.#committed < this.#granted;
  }
}
