/** Where a home's pods live at a host: one namespace per home and namespace of it. */
import { createHash } from 'node:crypto';
import { type ClusterName, type Namespace, wellKnown } from '@spillway/core';

const lengthMax = 63;

/**
 * `spillway-<home>-<namespace>`, with a digest where that is ambiguous, too long or no name at all.
 * Always a valid name: `namespace` was sent by a neighbour, and may be anything.
 */
export function guestNamespaceName(home: ClusterName, namespace: string): string {
  const name = `spillway-${home}-${namespace.replaceAll(/[^a-z0-9-]/g, '-')}`;
  // A home `a-b` with namespace `c` and a home `a` with `b-c` must not share one: the label tells.
  const digest = createHash('sha256').update(`${home}/${namespace}`).digest('hex').slice(0, 8);
  const plain = /^[a-z0-9]+$/;
  const ambiguous = !plain.test(home) || !plain.test(namespace);
  if (!ambiguous && name.length <= lengthMax) return name;
  return `${name.slice(0, lengthMax - digest.length - 1).replace(/-+$/, '')}-${digest}`;
}

export function guestNamespace(home: ClusterName, namespace: string): Namespace {
  return {
    metadata: {
      name: guestNamespaceName(home, namespace),
      labels: {
        [wellKnown.homeLabel]: home,
        [wellKnown.homeNamespaceLabel]: namespace,
        'app.kubernetes.io/managed-by': 'spillway',
        // What a home sends gets no more than any tenant would.
        'pod-security.kubernetes.io/enforce': 'baseline',
      },
    },
  };
}
