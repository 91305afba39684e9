/**
 * Prefers nodes that the pod brings nearer to using CPU and memory alike: about 75 where it changes
 * nothing, 50 where it unbalances, 100 where it balances (noderesources/balanced_allocation.go).
 */
import type { Resources } from '@spillway/core';
import type { ScoreStage } from '../stage.ts';

export const balancedAllocation: ScoreStage = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  prepare({ requests }) {
    if (requests.milliCpu === 0 && requests.memoryBytes === 0) return undefined;
    return {
      score({ allocatable, requested }) {
        const before = balance(allocatable, requested.milliCpu, requested.memoryBytes);
        const after = balance(
          allocatable,
          requested.milliCpu + requests.milliCpu,
          requested.memoryBytes + requests.memoryBytes,
        );
        return 50 + Math.trunc((50 + after - before) / 2);
      },
    };
  },
};

function balance(all: Resources, milliCpu: number, memoryBytes: number): number {
  if (all.milliCpu === 0 || all.memoryBytes === 0) return 100;
  const cpu = Math.min(1, milliCpu / all.milliCpu);
  const memory = Math.min(1, memoryBytes / all.memoryBytes);
  return Math.trunc((1 - Math.abs(cpu - memory) / 2) * 100);
}
