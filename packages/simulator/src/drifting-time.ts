/**
 * One process's clock, which runs at a rate of its own: what it counts as 10 s is 9 s or 11 s to others.
 * It wakes nobody early, by its own count.
 */
import type { MonotonicMs } from '@spillway/core';
import { VirtualTime } from './virtual-time.ts';

export class DriftingTime extends VirtualTime {
  readonly #time: VirtualTime;
  readonly #rate: number;

  constructor(time: VirtualTime, rate: number) {
    super();
    this.#time = time;
    this.#rate = rate;
  }

  override get now(): MonotonicMs {
    return (this.#time.now * this.#rate) as MonotonicMs;
  }

  override after(ms: number, run: () => void): void {
    // More than what a sum of floating-point numbers may be short of.
    this.#time.after(Math.ceil(ms / this.#rate + 1e-6), run);
  }

  override at(instant: number, run: () => void): void {
    this.after(instant - this.now, run);
  }
}
