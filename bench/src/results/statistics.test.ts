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
});
