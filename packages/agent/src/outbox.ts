/**
 * Writes and calls under way, bounded for each kind. An agent gives its Lease back only when nothing is
 * under way any more: a shadow that is created later could run beside its replacement (docs/adr/0021).
 */
import pLimit, { type LimitFunction } from 'p-limit';

export class Outbox<Kind extends string> {
  readonly #limits: ReadonlyMap<Kind, LimitFunction>;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  /** Maximum number of each kind that runs at once. */
  constructor(bounds: Readonly<Record<Kind, number>>) {
    const entries = Object.entries(bounds) as [Kind, number][];
    this.#limits = new Map(entries.map(([kind, max]) => [kind, pLimit(max)]));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Starts `act` when there is a place for its kind. Nothing after `close`. */
  send(kind: Kind, act: () => Promise<unknown>): void {
    if (this.#closed) return;
    const limit = this.#limits.get(kind);
    void limit?.(async () => {
      const running = act().finally(() => this.#underWay.delete(running));
      this.#underWay.add(running);
      await running;
    });
  }

  /** Drops what has not started. What has, goes on. */
  close(): void {
    this.#closed = true;
    for (const limit of this.#limits.values()) limit.clearQueue();
  }

  /** Resolves when all that has started has ended. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}
