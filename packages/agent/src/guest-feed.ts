import type { PodUid } from '@spillway/core';
import type { GuestUpdate } from '@spillway/federation';

/**
 * One open guest stream: a queue of updates, at most one per guest beside the opening picture, since
 * a newer status replaces one not yet read. A slow reader therefore costs memory in proportion to the
 * home's guests, not to time.
 */
export class GuestFeed implements AsyncIterable<GuestUpdate> {
  #opening: GuestUpdate[];
  readonly #pending = new Map<PodUid, GuestUpdate>();
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(opening: readonly GuestUpdate[]) {
    this.#opening = opening.toReversed();
  }

  push(update: GuestUpdate): void {
    if (this.#closed || update.kind === 'synced') return;
    this.#pending.delete(update.uid);
    this.#pending.set(update.uid, update);
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<GuestUpdate> {
    while (!this.#closed) {
      const opening = this.#opening.pop();
      if (opening !== undefined) {
        yield opening;
        continue;
      }
      const [first] = this.#pending.values();
      if (first === undefined || first.kind === 'synced') {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      this.#pending.delete(first.uid);
      yield first;
    }
  }
}
