/**
 * Spread that may be broken (`ScheduleAnyway`): prefers domains with few matching pods. As in
 * podtopologyspread/scoring.go, a pod weighs more where there are more domains, and a large `maxSkew` makes
 * differences smaller.
 *
 * Unlike there, the range for normalising is that of all domains, and not of the feasible nodes. So the
 * score of one node does not depend on whether another is feasible.
 */
import type { TopologySpreadConstraint } from '@spillway/core';
import { DomainCounts } from '../domains.ts';
import { isEmptySelector, matchesLabels } from '../selectors.ts';
import { isIncluded, matchingPods, spreadSelector } from '../spread-constraint.ts';
import type { ScoreStage } from '../stage.ts';

interface SoftSpread {
  readonly constraint: TopologySpreadConstraint;
  readonly counts: DomainCounts;
  readonly countsItself: boolean;
}

export const spreadPreference: ScoreStage = {
  name: 'PodTopologySpread',
  weight: 2,
  prepare(shape, snapshot) {
    const soft = shape.spread.filter(
      ({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway',
    );
    if (soft.length === 0) return undefined;
    const spreads = soft.map((constraint): SoftSpread => {
      const selector = spreadSelector(constraint, shape.labels);
      const counts = new DomainCounts(constraint.topologyKey);
      for (const node of snapshot.nodes()) {
        if (!node.exists || !isIncluded(constraint, shape, node)) continue;
        counts.add(node, matchingPods(node, selector, shape.namespace));
      }
      const countsItself =
        selector !== undefined &&
        !isEmptySelector(selector) &&
        matchesLabels(selector, shape.labels);
      return { constraint, counts, countsItself };
    });
    let range = rangeOf(spreads);
    return {
      score(node) {
        let cost = 0;
        for (const { constraint, counts } of spreads) {
          const matches = counts.at(node);
          if (matches === undefined) return 0;
          cost += costOf(constraint, counts, matches);
        }
        return range.most === 0
          ? 100
          : Math.floor((100 * (range.most + range.least - cost)) / range.most);
      },
      placed(node) {
        for (const { constraint, counts, countsItself } of spreads) {
          if (countsItself && isIncluded(constraint, shape, node)) counts.add(node, 1);
        }
        range = rangeOf(spreads);
      },
    };
  },
};

function costOf({ maxSkew }: TopologySpreadConstraint, counts: DomainCounts, n: number): number {
  return n * Math.log(counts.size + 2) + maxSkew - 1;
}

function rangeOf(spreads: readonly SoftSpread[]): {
  readonly least: number;
  readonly most: number;
} {
  let [least, most] = [0, 0];
  for (const { constraint, counts } of spreads) {
    least += costOf(constraint, counts, counts.least());
    most += costOf(constraint, counts, counts.most());
  }
  return { least, most };
}
