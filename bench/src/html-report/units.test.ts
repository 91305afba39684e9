import { describe, expect, test } from 'vitest';
import { bytes, duration, percent, points, whole } from './units.ts';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('percent', () => {
  test('has more digits where the ratio is small', () => {
    const texts = [0, 0.000_042, 0.0004, 0.0099, 0.01, 0.3333, 0.9994, 0.9996, 1].map((ratio) =>
      plain(percent(ratio)),
    );
    expect(texts).toEqual([
      '0 %',
      '0.004 %',
      '0.040 %',
      '0.99 %',
      '1.0 %',
      '33.3 %',
      '99.9 %',
      '100 %',
      '100 %',
    ]);
  });

  test('does not call what is above 0 nothing', () => {
    expect(plain(percent(1e-7))).toBe('< 0.001 %');
  });
});

describe('points', () => {
  test('has a sign unless it is 0', () => {
    expect([0.25, -0.001, 0, -0.000_001].map(points).map(plain)).toEqual([
      '+25.0',
      '−0.10',
      '0',
      '≈ 0',
    ]);
  });
});

describe('duration', () => {
  test('takes the unit that keeps the number short', () => {
    const texts = [0, 8.24, 999.4, 1_000, 9_940, 9_960, 59_000, 90_000, 5_400_000].map((ms) =>
      plain(duration(ms)),
    );
    expect(texts).toEqual([
      '0 ms',
      '8.2 ms',
      '999 ms',
      '1 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1.5 min',
      '1.5 h',
    ]);
  });

  test('never rounds up to a whole of the next unit', () => {
    expect([999.9, 59_999, 3_599_999].map((ms) => plain(duration(ms)))).toEqual([
      '1 s',
      '1 min',
      '1 h',
    ]);
  });
});

describe('bytes', () => {
  test('counts in thousands', () => {
    const texts = [512, 2_340, 999_999, 4_200_000].map((count) => plain(bytes(count)));
    expect(texts).toEqual(['512 B', '2.3 kB', '1 MB', '4.2 MB']);
  });
});

describe('whole', () => {
  test('groups digits in threes', () => {
    expect([7, 1_000, 1_234_567.4].map(whole)).toEqual(['7', '1,000', '1,234,567']);
  });
});
