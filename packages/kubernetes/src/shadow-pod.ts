/**
 * The pod that a host creates for a home's pod: same name, so that its hostname is what its owner
 * expects, in the guest namespace, with no more rights than that namespace has.
 */
import { type ClusterName, type NodeName, type Pod, type PodSpec, wellKnown } from '@spillway/core';

export interface ShadowOptions {
  readonly home: ClusterName;
  /** As it travelled: without tokens, owners, scheduler. */
  readonly pod: Pod;
  readonly guestNamespace: string;
  /** Held for it: created and bound are one step. */
  readonly node: NodeName;
}

export function shadowPod({ home, pod, guestNamespace, node }: ShadowOptions): Pod & {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
} {
  const { name = '', namespace = 'default', uid = '', labels = {}, annotations } = pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: guestNamespace,
      labels: {
        ...labels,
        [wellKnown.homeLabel]: home,
        [wellKnown.homeNamespaceLabel]: namespace,
        [wellKnown.homeUidLabel]: uid,
      },
      ...(annotations && { annotations }),
    },
    spec: {
      ...withHomeNamespace(pod.spec, namespace),
      nodeName: node,
      // No other scheduler may ever take it for its own.
      schedulerName: wellKnown.schedulerName,
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: wellKnown.guestPriorityClass,
    },
  };
}

/** A container that asks for its namespace by the downward API gets the one its owner put it in. */
function withHomeNamespace(spec: PodSpec, namespace: string): PodSpec {
  const text = JSON.stringify(spec);
  if (!text.includes('metadata.namespace')) return spec;
  const replaced = JSON.parse(text, (key, value: unknown) => {
    if (key !== 'env' || !Array.isArray(value)) return value;
    return value.map(
      (variable: { name: string; valueFrom?: { fieldRef?: { fieldPath?: string } } }) =>
        variable.valueFrom?.fieldRef?.fieldPath === 'metadata.namespace'
          ? { name: variable.name, value: namespace }
          : variable,
    );
  }) as PodSpec;
  return replaced;
}
