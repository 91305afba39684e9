/**
 * Preferred pod affinity and anti-affinity of the newcomer, after interpodaffinity/scoring.go: each
 * pod that a term speaks of is worth the term's weight in its domain. Preferences that pods already
 * there have about newcomers are not heeded.
 */
import type { PodAffinityTerm } from '@spillway/core';
import { speaksOf } from '../affinity-term.ts';
import { DomainCounts } from '../domains.ts';
import type { ScoreStage } from '../stage.ts';

interface Preference {
  readonly term: PodAffinityTerm;
  /** Negative repels. */
  readonly weight: number;
  readonly counts: DomainCounts;
}

export const podAffinityPreference: ScoreStage = {
  name: 'InterPodAffinity',
  weight: 2,
  prepare(shape, snapshot) {
    const { podAffinity, podAntiAffinity } = shape.affinity;
    const preference = (sign: 1 | -1, term: PodAffinityTerm, weight: number): Preference => ({
      term,
      weight: sign * weight,
      counts: new DomainCounts(term.topologyKey),
    });
    const preferences = [
      ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm, weight }) => preference(1, podAffinityTerm, weight),
      ),
      ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm, weight }) => preference(-1, podAffinityTerm, weight),
      ),
    ];
    if (preferences.length === 0) return undefined;
    for (const node of snapshot.nodes()) {
      for (const { term, counts } of preferences) {
        let matches = 0;
        for (const pod of node.pods.values()) {
          if (speaksOf(term, shape.namespace, pod, snapshot)) matches += 1;
        }
        counts.add(node, matches);
      }
    }
    let range = rangeOf(preferences);
    return {
      score(node) {
        if (range.most === range.least) return 0;
        let points = 0;
        for (const { weight, counts } of preferences) points += weight * (counts.at(node) ?? 0);
        return Math.floor((100 * (points - range.least)) / (range.most - range.least));
      },
      placed(node) {
        for (const { term, counts } of preferences) {
          if (speaksOf(term, shape.namespace, shape, snapshot)) counts.add(node, 1);
        }
        range = rangeOf(preferences);
      },
    };
  },
};

/** The best and the worst that a node could get; nodes outside every domain get 0 points. */
function rangeOf(preferences: readonly Preference[]): {
  readonly least: number;
  readonly most: number;
} {
  let [least, most] = [0, 0];
  for (const { weight, counts } of preferences) {
    if (weight > 0) most += weight * counts.most();
    else least += weight * counts.most();
  }
  return { least, most };
}
