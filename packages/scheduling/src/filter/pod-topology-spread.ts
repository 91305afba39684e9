/**
 * Topology spread constraints that must hold (`DoNotSchedule`), after podtopologyspread/filtering.go:
 * matches in the node's domain + 1 if the pod matches itself − fewest matches in any domain ≤ maxSkew.
 */
import type { LabelSelector, PodShape, TopologySpreadConstraint, Verdict } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { matchesLabels, matchesNodeSelection, untoleratedTaint } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { type FilterStage, passes } from '../stage.ts';

const stage = 'PodTopologySpread';
const skewed: readonly Verdict[] = [
  { code: 'Unschedulable', reason: "node(s) didn't match pod topology spread constraints", stage },
];
const unlabelled: readonly Verdict[] = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: "node(s) didn't match pod topology spread constraints (missing required label)",
    stage,
  },
];

interface Spread {
  readonly constraint: TopologySpreadConstraint;
  readonly selfMatch: number;
  readonly matchesByDomain: ReadonlyMap<string, number>;
  readonly fewest: number;
}

export const podTopologySpread: FilterStage = {
  name: stage,
  prepare(shape, snapshot) {
    const hard = shape.spread.filter(
      ({ whenUnsatisfiable }) => whenUnsatisfiable !== 'ScheduleAnyway',
    );
    if (hard.length === 0) return undefined;
    const spreads = hard.map((constraint) => spreadOf(constraint, hard, shape, snapshot));
    return (node) => {
      for (const { constraint, selfMatch, matchesByDomain, fewest } of spreads) {
        const domain = node.labels[constraint.topologyKey];
        if (domain === undefined) return unlabelled;
        const skew = (matchesByDomain.get(domain) ?? 0) + selfMatch - fewest;
        if (skew > constraint.maxSkew) return skewed;
      }
      return passes;
    };
  },
};

function spreadOf(
  constraint: TopologySpreadConstraint,
  all: readonly TopologySpreadConstraint[],
  shape: PodShape,
  snapshot: Snapshot,
): Spread {
  const selector = spreadSelector(constraint, shape.labels);
  const matchesByDomain = new Map<string, number>();
  for (const node of snapshot.nodes()) {
    if (!node.exists || !all.every(({ topologyKey }) => topologyKey in node.labels)) continue;
    if (!counts(constraint, shape, node)) continue;
    const domain = node.labels[constraint.topologyKey] ?? '';
    let matches = matchesByDomain.get(domain) ?? 0;
    for (const pod of node.pods.values()) {
      if (pod.terminating || pod.namespace !== shape.namespace) continue;
      if (matchesLabels(selector, pod.labels)) matches += 1;
    }
    matchesByDomain.set(domain, matches);
  }
  const tooFewDomains =
    constraint.minDomains !== undefined && matchesByDomain.size < constraint.minDomains;
  return {
    constraint,
    selfMatch: matchesLabels(selector, shape.labels) ? 1 : 0,
    matchesByDomain,
    fewest: tooFewDomains ? 0 : Math.min(...matchesByDomain.values()),
  };
}

/** Whether a node counts as (part of) a domain: nodeAffinityPolicy and nodeTaintsPolicy (KEP-3094). */
function counts(constraint: TopologySpreadConstraint, shape: PodShape, node: NodeState): boolean {
  if (constraint.nodeAffinityPolicy !== 'Ignore' && !matchesNodeSelection(shape, node))
    return false;
  return (
    constraint.nodeTaintsPolicy !== 'Honor' ||
    untoleratedTaint(node.taints, shape.tolerations) === undefined
  );
}

/** The selector narrowed by `matchLabelKeys` to the pod's own values (KEP-3243). */
function spreadSelector(
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
