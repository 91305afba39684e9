/** Jittered exponential back-off: min, 2 min, 4 min, … max, each ± 25 %. */
import { after, jittered, type MonotonicMs, type Random } from '@spillway/core';

export class Backoff {
  readonly #msMin: number;
  readonly #msMax: number;
  #ms: number;

  constructor(msMin: number, msMax: number) {
    this.#msMin = msMin;
    this.#msMax = msMax;
    this.#ms = msMin;
  }

  next(now: MonotonicMs, random: Random): MonotonicMs {
    const at = after(now, jittered(random, this.#ms, 0.25));
    this.#ms = Math.min(this.#ms * 2, this.#msMax);
    return at;
  }

  reset(): void {
    this.#ms = this.#msMin;
  }
}

export function earlier(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a < b ? a : b;
}
