/**
 * The pod that a host creates for a home's pod. It is in the guest namespace, with no more rights than that
 * namespace has. Its name is the same, so that its hostname is what its owner expects.
 */
import { type ClusterName, type Pod, wellKnown } from '@spillway/core';
import { madeFrom, type ShadowPlace, shadowSpec } from '@spillway/federation';
import type { GuestNamespace } from './guest-namespaces.ts';

export interface ShadowOptions {
  readonly home: ClusterName;
  /** As the host honours it (federation, guest-pod.ts). */
  readonly pod: Pod;
  readonly guestNamespace: GuestNamespace;
  readonly place: ShadowPlace;
}

/** cluster-autoscaler may remove the node of a guest: the home's controllers replace the pod. */
const evictable = { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' };

export function shadowPod({ home, pod, guestNamespace, place }: ShadowOptions): Pod & {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
} {
  const { name = '', namespace = 'default', uid = '', labels, annotations } = pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: guestNamespace.name,
      labels: {
        ...labels,
        [wellKnown.homeLabel]: home,
        [wellKnown.homeNamespaceLabel]: namespace,
        [wellKnown.homeUidLabel]: uid,
      },
      annotations: {
        ...annotations,
        ...evictable,
        [wellKnown.homeNameAnnotation]: name,
        [wellKnown.madeFromAnnotation]: madeFrom(pod),
      },
      ownerReferences: [controllerOf(guestNamespace)],
    },
    spec: {
      ...shadowSpec(pod.spec, place),
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: wellKnown.guestPriorityClass,
    },
  };
}

/**
 * kubectl drain, autoscalers and the descheduler leave pods alone that no controller would replace, and
 * ReplicaSets adopt them. The namespace is the one object that is there for as long as its guests are:
 * the garbage collector never finds it missing before them.
 */
function controllerOf({ name, uid }: GuestNamespace) {
  return { apiVersion: 'v1', kind: 'Namespace', name, uid, controller: true };
}
