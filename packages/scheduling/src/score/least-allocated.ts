/** Prefers nodes with much left: mean over CPU and memory of the free share after placing, × 100. */
import type { ScoreStage } from '../stage.ts';

export const leastAllocated: ScoreStage = {
  name: 'NodeResourcesFit',
  weight: 1,
  prepare({ scoringRequests }) {
    const { milliCpu, memoryBytes } = scoringRequests;
    return {
      score({ allocatable, scoringRequested }) {
        const cpu = freeShare(allocatable.milliCpu, scoringRequested.milliCpu + milliCpu);
        const memory = freeShare(
          allocatable.memoryBytes,
          scoringRequested.memoryBytes + memoryBytes,
        );
        return Math.floor((cpu + memory) / 2);
      },
    };
  },
};

function freeShare(capacity: number, asked: number): number {
  return capacity === 0 || asked > capacity ? 0 : Math.floor(((capacity - asked) * 100) / capacity);
}
