/**
 * Which guests each host's stream has still to show. A stream can only miss guests that were known before it
 * was opened. A guest that was created meanwhile may not be in the stream's list.
 */
import type { ClusterName, PodUid } from '@spillway/core';

export class GuestStreams {
  readonly #unseen = new Map<ClusterName, Set<PodUid>>();
  readonly #whole = new Set<ClusterName>();

  /** Whether the host's open stream has shown every guest of ours there. */
  isWhole(host: ClusterName): boolean {
    return this.#whole.has(host);
  }

  opening(host: ClusterName, existing: readonly PodUid[]): void {
    this.#whole.delete(host);
    this.#unseen.set(host, new Set(existing));
  }

  closed(host: ClusterName): void {
    this.#whole.delete(host);
    this.#unseen.delete(host);
  }

  seen(host: ClusterName, uid: PodUid): void {
    this.#unseen.get(host)?.delete(uid);
  }

  /** The stream has listed all guests. Returns the known guests that it did not list: they do not exist. */
  synced(host: ClusterName): readonly PodUid[] {
    const missing = [...(this.#unseen.get(host) ?? [])];
    this.#unseen.get(host)?.clear();
    this.#whole.add(host);
    return missing;
  }
}
