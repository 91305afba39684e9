/** Guests that ended, for as long as a late repetition of their commit is conceivable. */
import { after, type MonotonicMs } from '@spillway/core';

export class EndedGuests {
  readonly #ttlMs: number;
  readonly #max: number;
  /** Oldest first. */
  readonly #ended = new Map<string, { readonly reason: string; readonly until: MonotonicMs }>();

  constructor(options: { readonly ttlMs: number; readonly max: number }) {
    this.#ttlMs = options.ttlMs;
    this.#max = options.max;
  }

  add(key: string, reason: string, now: MonotonicMs): void {
    this.#ended.delete(key);
    this.#ended.set(key, { reason, until: after(now, this.#ttlMs) });
    for (const [oldest, { until }] of this.#ended) {
      if (this.#ended.size <= this.#max && until > now) return;
      this.#ended.delete(oldest);
    }
  }

  reason(key: string): string | undefined {
    return this.#ended.get(key)?.reason;
  }
}
