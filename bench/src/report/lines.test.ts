import { describe, expect, test } from 'vitest';
import { quantilesOf } from '../observation/quantiles.ts';
import { latencyLine, milliseconds, rttLine } from './lines.ts';

describe('a summary', () => {
  test('says nothing of how long nothing took', () => {
    expect(quantilesOf([])).toBeNull();
    expect(latencyLine(quantilesOf([]), 0)).toMatch(/^ {2}creation to shadow bound +–$/);
    expect(rttLine(null)).toMatch(/^ {2}mean RTT of what went away +–$/);
    expect(milliseconds(undefined)).toBe('–');
  });

  test('says what was measured, a zero too', () => {
    // Nearest rank: of four, the median is the second.
    expect(quantilesOf([30.4, 10, 0, 20])).toEqual({ p50: 10, p99: 30, max: 30 });
    expect(latencyLine(quantilesOf([0]), 1)).toContain('0 ms at the median, 0 ms at P99');
    expect(rttLine({ mean: 13.8, best: 11.5 })).toContain('13.8 ms, best possible 11.5 ms');
  });
});
