/** Pod affinity terms as k8s.io/kube-scheduler/framework matches them (AffinityTerm.Matches). */
import type { PodAffinityTerm } from '@spillway/core';
import { matchesLabels } from './selectors.ts';
import type { Snapshot } from './snapshot.ts';

/** What a term may speak of: a pod that is there, or one that would come. */
export interface TermSubject {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Whether `term` of a pod in namespace `owner` speaks of `subject`. Without namespaces it means the
 * owner's own. `matchLabelKeys` and `mismatchLabelKeys` need no care here: the API server merges them
 * into the label selector when the pod is created (KEP-3633).
 */
export function speaksOf(
  term: PodAffinityTerm,
  owner: string,
  subject: TermSubject,
  snapshot: Snapshot,
): boolean {
  return (
    namesNamespace(term, owner, subject, snapshot) &&
    matchesLabels(term.labelSelector, subject.labels)
  );
}

function namesNamespace(
  { namespaces = [], namespaceSelector }: PodAffinityTerm,
  owner: string,
  { namespace }: TermSubject,
  snapshot: Snapshot,
): boolean {
  if (namespaces.length === 0 && namespaceSelector === undefined) return owner === namespace;
  return (
    namespaces.includes(namespace) ||
    (namespaceSelector !== undefined &&
      matchesLabels(namespaceSelector, snapshot.namespaceLabels(namespace) ?? {}))
  );
}
