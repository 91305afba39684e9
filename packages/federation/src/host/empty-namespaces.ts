/** Guest namespaces without guests, which go some time after the last one: who comes back finds a new one. */
import { after, type MonotonicMs } from '@spillway/core';

export interface NamespaceRef {
  readonly name: string;
  readonly uid: string;
}

export class EmptyNamespaces {
  readonly #afterMs: number;
  /** As many as the cluster has guest namespaces. */
  readonly #namespaces = new Map<string, { readonly uid: string; since: MonotonicMs }>();

  /** `afterMs`: 0 ends none. */
  constructor({ afterMs }: { readonly afterMs: number }) {
    this.#afterMs = afterMs;
  }

  /** A guest namespace that exists; its time begins when it is first seen. */
  seen({ name, uid }: NamespaceRef, now: MonotonicMs): void {
    if (this.#namespaces.get(name)?.uid !== uid) this.#namespaces.set(name, { uid, since: now });
  }

  gone(name: string): void {
    this.#namespaces.delete(name);
  }

  /**
   * Those to end now, the maximum of them at once. Who is named is not named again before the same time has
   * passed: it may have been kept. `occupied`: where guests are, or are about to be.
   */
  due(occupied: ReadonlySet<string>, now: MonotonicMs): readonly NamespaceRef[] {
    const due: NamespaceRef[] = [];
    for (const [name, known] of this.#namespaces) {
      if (occupied.has(name)) known.since = now;
      const isDue = this.#afterMs > 0 && after(known.since, this.#afterMs) <= now;
      if (!isDue || due.length >= endsAtOnceMax) continue;
      known.since = now;
      due.push({ name, uid: known.uid });
    }
    return due;
  }
}

export const endsAtOnceMax = 8;
