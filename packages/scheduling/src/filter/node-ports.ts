import type { HostPort } from '@spillway/core';
import { type FilterStage, passes } from '../stage.ts';

const verdict = [
  {
    code: 'Unschedulable',
    reason: "node(s) didn't have free ports for the requested pod ports",
    stage: 'NodePorts',
  },
] as const;

export const nodePorts: FilterStage = {
  name: 'NodePorts',
  prepare({ hostPorts }) {
    if (hostPorts.length === 0) return undefined;
    return {
      check(node) {
        for (const pod of node.pods.values()) {
          for (const used of pod.hostPorts) {
            if (hostPorts.some((wanted) => conflict(wanted, used))) return verdict;
          }
        }
        return passes;
      },
    };
  },
};

/** Equal port and protocol on one address, or on all of them. */
export function conflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}
