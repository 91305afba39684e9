/** Guests whose shadow is there, unbound: how long the host's scheduler may take, and whether it works at all. */
import { after, type MonotonicMs } from '@spillway/core';
import type { Guest } from './guests.ts';

/**
 * How long a shadow may stay unbound. By default kube-scheduler binds 50 pods a second, so this is enough for
 * 1,500 guests at once. A home whose commit is not answered repeats it, and waits for the same shadow.
 */
export const bindMsMax = 30_000;

/** How long no room is granted after a scheduler has left a shadow alone for `bindMsMax`. */
export const silenceMs = 30_000;

const none: readonly Guest[] = [];

export class UnboundGuests {
  /** The soonest first, since all may take equally long. Bounded by the guests. */
  readonly #bindBy = new Map<Guest, MonotonicMs>();
  #silentUntil: MonotonicMs | undefined;

  /** Its shadow is there. */
  wait(guest: Guest, now: MonotonicMs): void {
    if (!this.#bindBy.has(guest)) this.#bindBy.set(guest, after(now, bindMsMax));
  }

  /** Its scheduler has decided, either way: so the scheduler works. */
  decided(guest: Guest): void {
    if (this.#bindBy.delete(guest)) this.#silentUntil = undefined;
  }

  forget(guest: Guest): void {
    this.#bindBy.delete(guest);
  }

  /** Those that have waited long enough. */
  overdue(now: MonotonicMs): readonly Guest[] {
    if (this.#bindBy.size === 0) return none;
    const overdue: Guest[] = [];
    for (const [guest, bindBy] of this.#bindBy) {
      if (now < bindBy) break;
      this.#bindBy.delete(guest);
      overdue.push(guest);
    }
    if (overdue.length > 0) this.#silentUntil = after(now, silenceMs);
    return overdue;
  }

  nextOverdue(): MonotonicMs | undefined {
    for (const first of this.#bindBy.values()) return first;
    return undefined;
  }

  /** Whether the scheduler has left a shadow alone, and has decided on none since. */
  isSilent(now: MonotonicMs): boolean {
    return this.#silentUntil !== undefined && now < this.#silentUntil;
  }
}
