/**
 * Prefers nodes where the pod makes the shares of used CPU and used memory more alike. The score is about 75
 * where nothing changes, 50 where they become less alike, and 100 where they become equal. After
 * noderesources/balanced_allocation.go.
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
