/**
 * Which guests each host's stream has still to show. Only guests known to exist before a stream was
 * opened can be found missing by it: one created meanwhile may be older than the stream's picture.
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

  /** All guests were shown: returns those that were not, which therefore no longer exist. */
  synced(host: ClusterName): readonly PodUid[] {
    const missing = [...(this.#unseen.get(host) ?? [])];
    this.#unseen.get(host)?.clear();
    this.#whole.add(host);
    return missing;
  }
}
