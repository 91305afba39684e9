/**
 * Room that stays taken after a guest is gone, since one request to create it was never answered. The API
 * server may still carry that request out, even if another request for the same guest has succeeded
 * meanwhile. A pod that it creates is ended as soon as it is seen. Until then its place is given to no other
 * pod.
 */
import type { MonotonicMs, PodUid } from '@spillway/core';
import type { Ledger } from '@spillway/scheduling';
import { assumedUid } from './answers.ts';
import type { GuestId } from './events.ts';
import type { LateCreation } from './guests.ts';

export class LateCreations {
  readonly #ledger: Ledger;
  readonly #until = new Map<PodUid, MonotonicMs>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** `late.pod` has the UID under which guests count that are not seen. */
  keep(id: GuestId, { pod, place, until }: LateCreation): void {
    this.#ledger.assume(pod, place.node);
    this.#until.set(assumedUid(id), until);
  }

  /** It has come through, and counts as itself. */
  seen(id: GuestId): void {
    const uid = assumedUid(id);
    if (this.#until.delete(uid)) this.#ledger.forget(uid);
  }

  expire(now: MonotonicMs): void {
    for (const [uid, until] of this.#until) {
      if (now < until) continue;
      this.#until.delete(uid);
      this.#ledger.forget(uid);
    }
  }

  nextExpiry(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const until of this.#until.values())
      if (first === undefined || until < first) first = until;
    return first;
  }
}
