import type { Clock, MonotonicMs } from '@spillway/core';

/** One timer for the earliest instant at which a machine has something to do. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at: MonotonicMs | undefined;
  #stopped = false;

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Replaces the instant set before; undefined for none. */
  set(at: MonotonicMs | undefined): void {
    if (this.#stopped || (at === this.#at && this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = undefined;
    if (at === undefined) return;
    const delayMs = Math.max(0, Math.ceil(at - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#wake();
    }, delayMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
