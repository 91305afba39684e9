/**
 * Topology spread constraints that must hold (`DoNotSchedule`), after podtopologyspread/filtering.go. A node
 * passes if its skew is at most `maxSkew`. The skew is:
 *
 *     matches in the node's domain + 1 if the pod matches itself − fewest matches in any domain
 */
import type { PodShape, TopologySpreadConstraint, Verdict } from '@spillway/core';
import { DomainCounts } from '../domains.ts';
import type { NodeState } from '../node-state.ts';
import { isEmptySelector, matchesLabels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { isIncluded, matchingPods, spreadSelector } from '../spread-constraint.ts';
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
  readonly counts: DomainCounts;
  /** Whether the pod matches its own selector, and whether the next of its shape will count it. */
  readonly selfMatch: boolean;
  readonly countsItself: boolean;
  fewest: number;
}

export const podTopologySpread: FilterStage = {
  name: stage,
  prepare(shape, snapshot) {
    const hard = shape.spread.filter(
      ({ whenUnsatisfiable }) => whenUnsatisfiable !== 'ScheduleAnyway',
    );
    if (hard.length === 0) return undefined;
    const spreads = hard.map((constraint) => spreadOf(constraint, hard, shape, snapshot));
    return {
      check(node) {
        for (const { constraint, counts, selfMatch, fewest } of spreads) {
          const matches = counts.at(node);
          if (matches === undefined) return unlabelled;
          if (matches + (selfMatch ? 1 : 0) - fewest > constraint.maxSkew) return skewed;
        }
        return passes;
      },
      placed(node) {
        if (!hasAllKeys(node, hard)) return;
        for (const spread of spreads) {
          if (!spread.countsItself || !isIncluded(spread.constraint, shape, node)) continue;
          spread.counts.add(node, 1);
          spread.fewest = fewestOf(spread.constraint, spread.counts);
        }
      },
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
  const counts = new DomainCounts(constraint.topologyKey);
  for (const node of snapshot.nodes()) {
    if (!node.exists || !hasAllKeys(node, all) || !isIncluded(constraint, shape, node)) continue;
    counts.add(node, matchingPods(node, selector, shape.namespace));
  }
  const selfMatch = matchesLabels(selector, shape.labels);
  return {
    constraint,
    counts,
    selfMatch,
    countsItself: selfMatch && selector !== undefined && !isEmptySelector(selector),
    fewest: fewestOf(constraint, counts),
  };
}

/** With fewer domains than `minDomains`, assume one additional empty domain (KEP-3022). */
function fewestOf({ minDomains = 1 }: TopologySpreadConstraint, counts: DomainCounts): number {
  return counts.size < minDomains ? 0 : counts.least();
}

function hasAllKeys(node: NodeState, constraints: readonly TopologySpreadConstraint[]): boolean {
  return constraints.every(({ topologyKey }) => topologyKey in node.labels);
}
