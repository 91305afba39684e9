import { describe, expect, it } from 'vitest';
import { jittered, randomStream } from './random.ts';

describe('randomStream', () => {
  it('repeats itself for the same seed and stream', () => {
    const [a, b] = [randomStream(7, 'probe'), randomStream(7, 'probe')];
    const draws = Array.from({ length: 100 }, () => a.below(1000));
    expect(Array.from({ length: 100 }, () => b.below(1000))).toEqual(draws);
  });

  it('gives every stream of one seed numbers of its own', () => {
    const [a, b] = [randomStream(7, 'probe'), randomStream(7, 'backoff')];
    const equal = Array.from({ length: 1000 }, () => a.below(1000) === b.below(1000));
    // 1,000 draws that agree by chance 1 in 1,000: 20 agreements would be 19 too many.
    expect(equal.filter(Boolean).length).toBeLessThan(20);
  });

  it('spreads evenly', () => {
    const random = randomStream(1, 'even');
    const counts = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 100_000; i++) {
      const bucket = random.below(10);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    // 10,000 each, standard deviation 95.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

describe('jittered', () => {
  it('stays within the fraction', () => {
    const random = randomStream(3, 'jitter');
    for (let i = 0; i < 1000; i++) {
      const value = jittered(random, 1000, 0.2);
      expect(value).toBeGreaterThanOrEqual(800);
      expect(value).toBeLessThan(1200);
    }
  });
});
