import type { Taint } from '@spillway/core';
import { tolerates } from '../selectors.ts';
import { type FilterStage, passes } from '../stage.ts';

const taint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const verdict = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: 'node(s) were unschedulable',
    stage: 'NodeUnschedulable',
  },
] as const;

/** Cordoned nodes, unless the pod tolerates the taint that stands for it. */
export const nodeUnschedulable: FilterStage = {
  name: 'NodeUnschedulable',
  prepare(shape) {
    if (shape.tolerations.some((toleration) => tolerates(toleration, taint))) return undefined;
    return { check: (node) => (node.unschedulable ? verdict : passes) };
  },
};
