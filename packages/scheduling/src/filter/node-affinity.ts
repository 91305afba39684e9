import { matchesNodeSelection } from '../selectors.ts';
import { type FilterStage, passes } from '../stage.ts';

const verdict = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: "node(s) didn't match Pod's node affinity/selector",
    stage: 'NodeAffinity',
  },
] as const;

/** nodeSelector and required node affinity. */
export const nodeAffinity: FilterStage = {
  name: 'NodeAffinity',
  prepare(shape) {
    const required = shape.affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required === undefined && Object.keys(shape.nodeSelector).length === 0) return undefined;
    return { check: (node) => (matchesNodeSelection(shape, node) ? passes : verdict) };
  },
};
