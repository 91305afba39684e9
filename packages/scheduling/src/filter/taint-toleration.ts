import { untoleratedTaint } from '../selectors.ts';
import { type FilterStage, passes } from '../stage.ts';

const verdict = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: 'node(s) had untolerated taint(s)',
    stage: 'TaintToleration',
  },
] as const;

export const taintToleration: FilterStage = {
  name: 'TaintToleration',
  prepare({ tolerations }) {
    return {
      check: (node) =>
        node.taints.length === 0 || untoleratedTaint(node.taints, tolerations) === undefined
          ? passes
          : verdict,
    };
  },
};
