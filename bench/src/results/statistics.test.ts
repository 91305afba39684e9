import { describe, expect, test } from 'vitest';
import { estimate, medianOf, pairedDifferences, quantileOf } from './statistics.ts';

describe('quantileOf', () => {
  test('takes the nearest rank', () => {
    // 4 values: the 50th percentile is the ceil(0.5 · 4) = 2nd, the 99th the ceil(3.96) = 4th.
    expect(quantileOf([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantileOf([1, 2, 3, 4], 0.99)).toBe(4);
    expect(quantileOf([], 0.5)).toBe(0);
  });
});

describe('medianOf', () => {
  test('is the middle, or the mean of both middles', () => {
    expect(medianOf([5, 1, 3])).toBe(3);
    expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('estimate', () => {
  test('has an interval that holds the median and shrinks to it where all are equal', () => {
    const { median, low, high } = estimate([1, 2, 3, 4, 100]);
    expect(median).toBe(3);
    expect(low).toBeGreaterThanOrEqual(1);
    expect(low).toBeLessThan(3);
    expect(high).toBeGreaterThan(3);
    expect(estimate([7, 7, 7])).toEqual({ median: 7, low: 7, high: 7 });
  });

  test('leaves a fortieth of the resampled medians out on either side', () => {
    // A median of 7 draws is at most the k-th smallest when 4 or more draws are. With p = k/7 this has the
    // probability Σ C(7,i) pⁱ (1−p)⁷⁻ⁱ over i ≥ 4. k = 1: 0.0102, below 0.025. k = 2: 0.107, above it. So the
    // interval is from the 2nd smallest to the 2nd largest.
    expect(estimate([70, 10, 60, 20, 50, 30, 40])).toEqual({ median: 40, low: 20, high: 60 });
    // Of 2 values the resampled medians are 0 (1/4), 0.5 (1/2) and 1 (1/4): all are within.
    expect(estimate([0, 1])).toEqual({ median: 0.5, low: 0, high: 1 });
  });

  test('of one value is that value', () => {
    expect(estimate([0.3])).toEqual({ median: 0.3, low: 0.3, high: 0.3 });
  });

  test('is the same for the same values', () => {
    expect(estimate([1, 5, 9, 2])).toEqual(estimate([1, 5, 9, 2]));
  });
});

describe('pairedDifferences', () => {
  test('leaves out what only one has', () => {
    const a = new Map([
      ['seed 1', 5],
      ['seed 2', 7],
    ]);
    const b = new Map([
      ['seed 2', 4],
      ['seed 3', 1],
    ]);
    expect(pairedDifferences(a, b)).toEqual([3]);
  });

  test('cancels what trials have in common', () => {
    // Trials differ by hundreds, the systems always by 2: 102 − 100, 302 − 300, 502 − 500.
    const slow = new Map([102, 302, 502].map((value, seed) => [`seed ${seed}`, value]));
    const fast = new Map([100, 300, 500].map((value, seed) => [`seed ${seed}`, value]));
    expect(estimate(pairedDifferences(slow, fast))).toEqual({ median: 2, low: 2, high: 2 });
  });
});
