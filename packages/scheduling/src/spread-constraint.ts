/** What topology spread constraints count, for the hard ones (filter) and the soft ones (score) alike. */
import type { LabelSelector, PodShape, TopologySpreadConstraint } from '@spillway/core';
import type { NodeState } from './node-state.ts';
import {
  isEmptySelector,
  matchesLabels,
  matchesNodeSelection,
  untoleratedTaint,
} from './selectors.ts';

/** The selector narrowed by `matchLabelKeys` to the pod's own values (KEP-3243). */
export function spreadSelector(
  { labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint,
  labels: Readonly<Record<string, string>>,
): LabelSelector | undefined {
  const own = matchLabelKeys.filter((key) => key in labels);
  if (own.length === 0 || labelSelector === undefined) return labelSelector;
  return {
    ...labelSelector,
    matchExpressions: [
      ...(labelSelector.matchExpressions ?? []),
      ...own.map((key) => ({ key, operator: 'In', values: [labels[key] ?? ''] })),
    ],
  };
}

/** Pods on the node that a constraint counts. An empty selector counts none (countPodsMatchSelector). */
export function matchingPods(
  node: NodeState,
  selector: LabelSelector | undefined,
  namespace: string,
): number {
  if (selector === undefined || isEmptySelector(selector)) return 0;
  let matches = 0;
  for (const pod of node.pods.values()) {
    if (pod.terminating || pod.namespace !== namespace) continue;
    if (matchesLabels(selector, pod.labels)) matches += 1;
  }
  return matches;
}

/** Whether a node is (part of) a domain: nodeAffinityPolicy and nodeTaintsPolicy (KEP-3094). */
export function isIncluded(
  { nodeAffinityPolicy, nodeTaintsPolicy }: TopologySpreadConstraint,
  shape: PodShape,
  node: NodeState,
): boolean {
  if (nodeAffinityPolicy !== 'Ignore' && !matchesNodeSelection(shape, node)) return false;
  return (
    nodeTaintsPolicy !== 'Honor' || untoleratedTaint(node.taints, shape.tolerations) === undefined
  );
}
