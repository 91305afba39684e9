/** Prefers nodes without `PreferNoSchedule` taints that the pod does not tolerate. */
import { tolerates } from '../selectors.ts';
import type { ScoreStage } from '../stage.ts';

export const taintPreference: ScoreStage = {
  name: 'TaintToleration',
  weight: 3,
  prepare({ tolerations }) {
    return {
      score({ taints }) {
        if (taints.length === 0) return 100;
        let intolerable = 0;
        for (const taint of taints) {
          if (taint.effect !== 'PreferNoSchedule') continue;
          if (!tolerations.some((toleration) => tolerates(toleration, taint))) intolerable += 1;
        }
        return Math.floor(100 / (1 + intolerable));
      },
    };
  },
};
