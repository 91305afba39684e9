/** What pods' owners are told, as Kubernetes events and, where nobody else writes it, as a condition. */
import type { ClusterName, NodeName } from '@spillway/core';
import type { HomeEffect, PodRef } from '@spillway/federation';

export interface PodOwnerNews {
  bound(ref: PodRef, node: NodeName, host: ClusterName | undefined): void;
  explain(ref: PodRef, message: string, options: { readonly condition: boolean }): void;
  tell(news: Extract<HomeEffect, { kind: 'tell' }>): void;
}
