/** Medians with bootstrap intervals, and differences of pairs. Seeded: the same numbers give the same interval. */
import { randomStream } from '@spillway/core';

export interface Estimate {
  readonly median: number;
  /** 95 % percentile bootstrap interval of the median (Efron 1979). */
  readonly low: number;
  readonly high: number;
}

const resamples = 1_000;

/** Nearest rank of ascending values; 0 of none. `q` in 0 to 1. */
export function quantileOf(ascending: readonly number[], q: number): number {
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)] ?? 0;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Of one value the interval is that value. */
export function estimate(values: readonly number[]): Estimate {
  const median = medianOf(values);
  if (values.length < 2) return { median, low: median, high: median };
  const random = randomStream(values.length, 'bootstrap');
  const medians = Array.from({ length: resamples }, () =>
    medianOf(values.map(() => values[random.below(values.length)] ?? 0)),
  ).sort((a, b) => a - b);
  return { median, low: quantileOf(medians, 0.025), high: quantileOf(medians, 0.975) };
}

/** a − b for every key that both have. */
export function pairedDifferences(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): readonly number[] {
  return [...a].flatMap(([key, value]) => {
    const other = b.get(key);
    return other === undefined ? [] : [value - other];
  });
}
