/** Preferred node affinity: the matched share of the weights, × 100. */
import { matchesTerm } from '../selectors.ts';
import type { ScoreStage } from '../stage.ts';

export const nodeAffinityPreference: ScoreStage = {
  name: 'NodeAffinity',
  weight: 2,
  prepare({ affinity }) {
    const preferred = affinity.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const total = preferred.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) return undefined;
    return {
      score(node) {
        let matched = 0;
        for (const { weight, preference } of preferred) {
          if (matchesTerm(preference, node)) matched += weight;
        }
        return Math.floor((matched * 100) / total);
      },
    };
  },
};
