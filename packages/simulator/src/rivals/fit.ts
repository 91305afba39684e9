/** How often a pod fits by the sums that a trial's nodes keep. */
import type { PodAsk, TrialNode } from '../trial.ts';

export const resources = ['milliCpu', 'memoryMib', 'milliGpu'] as const;

/**
 * How many such pods the node takes; Infinity when the pod asks for nothing.
 *
 * @param free what the node has left, 0 or more of each.
 */
export function timesOn(free: TrialNode, ask: PodAsk): number {
  const serves =
    ask.gpuModels === undefined ||
    (free.gpuModel !== undefined && ask.gpuModels.includes(free.gpuModel));
  if (!serves) return 0;
  return Math.min(...resources.map((resource) => times(free[resource], ask[resource])));
}

/** How often `asked` fits into `free`; Infinity when nothing is asked. */
export function times(free: number, asked: number): number {
  return asked === 0 ? Infinity : Math.floor(free / asked);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all + n, 0);
}
