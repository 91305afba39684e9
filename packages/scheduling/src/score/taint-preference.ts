/** Prefers nodes without `PreferNoSchedule` taints that the pod does not tolerate. */
import { tolerates } from '../selectors.ts';
import type { ScoreStage } from '../stage.ts';

export const taintPreference: ScoreStage = {
  name: 'TaintToleration',
  weight: 3,
  prepare({ tolerations }) {
    return ({ taints }) => {
      if (taints.length === 0) return 100;
      const intolerable = taints.filter(
        (taint) =>
          taint.effect === 'PreferNoSchedule' &&
          !tolerations.some((toleration) => tolerates(toleration, taint)),
      );
      return Math.floor(100 / (1 + intolerable.length));
    };
  },
};
