/**
 * Soft rules about other pods: preferred pod affinity and anti-affinity, and `ScheduleAnyway` spread.
 * Counts the pods that each rule speaks of in the node's domain; 50 is indifferent.
 */
import type { PodShape } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { matchesLabels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import type { ScoreStage } from '../stage.ts';

interface Rule {
  readonly key: string;
  /** Positive attracts, negative repels; one pod's worth, in points. */
  readonly points: number;
  readonly matchesByDomain: ReadonlyMap<string, number>;
}

export const neighbourly: ScoreStage = {
  name: 'InterPodAffinity',
  weight: 2,
  prepare(shape, snapshot) {
    const rules = rulesOf(shape, snapshot);
    if (rules.length === 0) return undefined;
    return ({ labels }) => {
      let points = 50;
      for (const { key, points: each, matchesByDomain } of rules) {
        const value = labels[key];
        if (value !== undefined) points += each * (matchesByDomain.get(value) ?? 0);
      }
      return Math.max(0, Math.min(100, Math.round(points)));
    };
  },
};

function rulesOf(shape: PodShape, snapshot: Snapshot): readonly Rule[] {
  const { podAffinity, podAntiAffinity } = shape.affinity;
  const soft = [
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => ({
      key: term.podAffinityTerm.topologyKey,
      selector: term.podAffinityTerm.labelSelector,
      points: term.weight / 2,
    })),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => ({
      key: term.podAffinityTerm.topologyKey,
      selector: term.podAffinityTerm.labelSelector,
      points: -term.weight / 2,
    })),
    ...shape.spread
      .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway')
      .map(({ topologyKey, labelSelector }) => ({
        key: topologyKey,
        selector: labelSelector,
        points: -5,
      })),
  ];
  return soft.map(({ key, selector, points }) => ({
    key,
    points,
    matchesByDomain: countByDomain(snapshot.nodes(), key, (node) => {
      let matches = 0;
      for (const pod of node.pods.values()) {
        if (pod.namespace === shape.namespace && matchesLabels(selector, pod.labels)) matches += 1;
      }
      return matches;
    }),
  }));
}

function countByDomain(
  nodes: Iterable<NodeState>,
  key: string,
  count: (node: NodeState) => number,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const value = node.labels[key];
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + count(node));
  }
  return counts;
}
