/**
 * Guests that a host shows and that belong to no known pod. The home asks its API server for the pod until
 * it answers, because it may not open the host's stream again.
 */
import type { ClusterName, MonotonicMs, PodUid, Random } from '@spillway/core';
import { Backoff } from '../backoff.ts';
import type { HomeEffect, PodRef } from '../events.ts';

interface Check {
  readonly host: ClusterName;
  readonly ref: PodRef;
  readonly backoff: Backoff;
  at: MonotonicMs;
}

/** Longer than a read takes that is answered at all. */
const retryMsMin = 5_000;
const retryMsMax = 60_000;
/** Maximum checks at a time. The next stream of the host shows the other guests again. */
const checksMax = 4_096;

export class OrphanChecks {
  readonly #checks = new Map<PodUid, Check>();
  readonly #random: Random;
  readonly #emit: (effect: HomeEffect) => void;

  constructor(random: Random, emit: (effect: HomeEffect) => void) {
    this.#random = random;
    this.#emit = emit;
  }

  /** To be asked at the next tick, and again until `answered`. */
  ask(host: ClusterName, ref: PodRef): void {
    if (this.#checks.size >= checksMax) return;
    const backoff = new Backoff(retryMsMin, retryMsMax);
    this.#checks.set(ref.uid, { host, ref, backoff, at: 0 as MonotonicMs });
  }

  answered(uid: PodUid): void {
    this.#checks.delete(uid);
  }

  tick(now: MonotonicMs): void {
    for (const check of this.#checks.values()) {
      if (check.at > now) continue;
      check.at = check.backoff.next(now, this.#random);
      this.#emit({ kind: 'checkOrphan', host: check.host, ref: check.ref });
    }
  }

  wakeAt(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const { at } of this.#checks.values()) if (first === undefined || at < first) first = at;
    return first;
  }
}
