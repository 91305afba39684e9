/**
 * A home that leaves its federation. Each offloaded pod is deleted with its own grace period, as its owner
 * would delete it. So its guest is released first, and its controller, if it has one, creates another pod.
 */
import type { OffloadedEntries } from './entries.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import type { HomeEffect } from '../events.ts';

export class Departure {
  readonly #emit: (effect: HomeEffect) => void;
  #isUnderWay = false;

  constructor(emit: (effect: HomeEffect) => void) {
    this.#emit = emit;
  }

  begin(entries: OffloadedEntries): void {
    this.#isUnderWay = true;
    entries.wakeAll();
  }

  /** Finished pods are evicted too, so that hosts keep nothing of them. Pods that are ending are left alone. */
  evicts(entry: OffloadedPod): boolean {
    if (!this.#isUnderWay || entry.state === 'ending') return false;
    if (entry.homePod === 'present') this.#evict(entry);
    return true;
  }

  #evict(entry: OffloadedPod): void {
    entry.homePodOn('evict');
    const { ref } = entry;
    const message =
      'this cluster leaves the federation: its controller, if it has one, makes another';
    this.#emit({ kind: 'tell', ref, reason: 'GuestEnded', message, warning: true });
    this.#emit({ kind: 'evict', ref });
  }
}
