/**
 * Which clusters the federation's root has revoked, as the machines need to know it: the whole of it,
 * each time it changes. `all`: our own certificate is revoked, so that this cluster has no neighbours.
 */
import type { ClusterName } from '@spillway/core';

export type RevokedClusters = ReadonlySet<ClusterName> | 'all';

export function isRevoked(revoked: RevokedClusters, cluster: ClusterName): boolean {
  return revoked === 'all' || revoked.has(cluster);
}
