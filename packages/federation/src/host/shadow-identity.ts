/**
 * Which pods of this cluster are shadows. Labels alone prove nothing, since people copy pods with their
 * labels. A shadow is in a namespace where this host creates it, and has its own name as a mark. A copy in
 * the same namespace must have another name, so its mark is wrong.
 */
import { type ClusterName, type Pod, type PodUid, wellKnown } from '@spillway/core';
import type { GuestId } from './events.ts';

/** Whose guest `pod` is; undefined when it is no shadow that this host made. */
export function shadowIdOf(
  pod: Pod,
  guestNamespace: (home: ClusterName, namespace: string) => string,
): GuestId | undefined {
  const id = labelledIdOf(pod);
  if (id === undefined) return undefined;
  const { name, namespace, labels, annotations } = pod.metadata;
  const homeNamespace = labels?.[wellKnown.homeNamespaceLabel] ?? '';
  if (namespace !== guestNamespace(id.home, homeNamespace)) return undefined;
  const mark = annotations?.[wellKnown.homeNameAnnotation];
  // Shadows of version 0.1 have no mark; who copies labels only does not copy these.
  const unmarked =
    pod.spec.schedulerName === wellKnown.schedulerName &&
    pod.spec.priorityClassName === wellKnown.guestPriorityClass;
  return (mark === undefined ? unmarked : mark === name) ? id : undefined;
}

/** Whose guest its labels say it is: all that is left of some pods that are gone. */
export function labelledIdOf({ metadata: { labels } }: Pod): GuestId | undefined {
  const home = labels?.[wellKnown.homeLabel];
  const uid = labels?.[wellKnown.homeUidLabel];
  return home && uid ? { home: home as ClusterName, uid: uid as PodUid } : undefined;
}
