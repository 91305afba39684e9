/**
 * Where a version of kube-scheduler does otherwise than the API documents, and we do not follow it. The
 * comparison judges the pod as that version reads it, so that everything else is still compared.
 */
import type { Affinity, LabelSelector, Pod, PodAffinity } from '@spillway/core';
import { isEmptySelector, matchesLabels } from '@spillway/scheduling';

/** The first minor version of Kubernetes 1 without the fault of `readsNamespaceSelectorAsEvery`. */
const mendedIn = 37;

/** The pod as kube-scheduler of Kubernetes 1.`minor` reads it: the same object where it reads it rightly. */
export function asReadBy(minor: number, pod: Pod): Pod {
  const { affinity } = pod.spec;
  if (minor >= mendedIn || affinity === undefined) return pod;
  const read: Affinity = {
    ...affinity,
    ...(affinity.podAffinity && { podAffinity: termsAsRead(affinity.podAffinity) }),
    ...(affinity.podAntiAffinity && { podAntiAffinity: termsAsRead(affinity.podAntiAffinity) }),
  };
  const same = JSON.stringify(read) === JSON.stringify(affinity);
  return same ? pod : { ...pod, spec: { ...pod.spec, affinity: read } };
}

/** Preferred terms are read so, too, but decide only scores, which are not compared. */
function termsAsRead(affinity: PodAffinity): PodAffinity {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return affinity;
  return {
    ...affinity,
    requiredDuringSchedulingIgnoredDuringExecution: required.map((term) =>
      readsNamespaceSelectorAsEvery(term.namespaceSelector)
        ? { ...term, namespaceSelector: {} }
        : term,
    ),
  };
}

/**
 * `mergeAffinityTermNamespacesIfNotEmpty` of interpodaffinity/plugin.go takes its term by value, up to 1.36.3.
 * It adds the matching namespaces, and loses that the selector is done with. The scheduler then matches the
 * selector against no labels at all, so one that no label satisfies (NotIn, DoesNotExist) means every namespace.
 */
function readsNamespaceSelectorAsEvery(selector: LabelSelector | undefined): boolean {
  return selector !== undefined && !isEmptySelector(selector) && matchesLabels(selector, {});
}
