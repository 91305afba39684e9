/** Room that a host's own pods may need, kept from guests. */
import { noResources, type Resources, type Verdict } from '@spillway/core';
import type { NodeState } from './node-state.ts';

/** What a host keeps for itself on each node, as fractions of its allocatable. */
export interface KeepFree {
  readonly cpuFraction: number;
  readonly memoryFraction: number;
}

export const kept: readonly Verdict[] = [
  { code: 'Unschedulable', reason: 'node(s) keep the rest for their own pods', stage: 'KeepFree' },
];

/** What `keepFree` keeps on a node; undefined: nothing. */
export function keptOn(node: NodeState, keepFree: KeepFree | undefined): Resources | undefined {
  if (!keepFree?.cpuFraction && !keepFree?.memoryFraction) return undefined;
  return {
    milliCpu: Math.ceil(node.allocatable.milliCpu * keepFree.cpuFraction),
    memoryBytes: Math.ceil(node.allocatable.memoryBytes * keepFree.memoryFraction),
    ephemeralStorageBytes: 0,
    extended: noResources.extended,
  };
}
