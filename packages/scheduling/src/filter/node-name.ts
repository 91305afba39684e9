import { type FilterStage, passes } from '../stage.ts';

const verdict = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: "node(s) didn't match the requested node name",
    stage: 'NodeName',
  },
] as const;

/** A pod that names its node. */
export const nodeName: FilterStage = {
  name: 'NodeName',
  prepare({ nodeName: wanted }) {
    return wanted === undefined
      ? undefined
      : { check: (node) => (node.name === wanted ? passes : verdict) };
  },
};
