/** Prefers nodes whose CPU and memory would be used alike: (1 − half their difference) × 100. */
import type { ScoreStage } from '../stage.ts';

export const balancedAllocation: ScoreStage = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  prepare({ requests }) {
    return ({ allocatable, requested }) => {
      const cpu = usedShare(allocatable.milliCpu, requested.milliCpu + requests.milliCpu);
      const memory = usedShare(
        allocatable.memoryBytes,
        requested.memoryBytes + requests.memoryBytes,
      );
      return Math.floor((1 - Math.abs(cpu - memory) / 2) * 100);
    };
  },
};

function usedShare(capacity: number, used: number): number {
  return capacity === 0 ? 1 : Math.min(1, used / capacity);
}
