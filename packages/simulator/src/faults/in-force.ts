/** Which faults are in force, and where: for those who count what a world has been through. */
import type { ClusterName } from '@spillway/core';
import type { FaultKind } from './fault-kinds.ts';

export class FaultsInForce {
  /** Called when a fault begins at a cluster. */
  onBegin: (kind: FaultKind, cluster: ClusterName) => void = () => {};
  readonly #counts = new Map<ClusterName, Map<FaultKind, number>>();

  /** A fault begins at these clusters. @returns what ends it, once. */
  begin(kind: FaultKind, clusters: readonly ClusterName[]): () => void {
    for (const cluster of clusters) {
      this.#add(cluster, kind, 1);
      this.onBegin(kind, cluster);
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      for (const cluster of clusters) this.#add(cluster, kind, -1);
    };
  }

  at(cluster: ClusterName): Iterable<FaultKind> {
    return this.#counts.get(cluster)?.keys() ?? [];
  }

  #add(cluster: ClusterName, kind: FaultKind, by: number): void {
    const counts = this.#counts.get(cluster) ?? new Map<FaultKind, number>();
    this.#counts.set(cluster, counts);
    const count = (counts.get(kind) ?? 0) + by;
    if (count > 0) counts.set(kind, count);
    else counts.delete(kind);
  }
}
