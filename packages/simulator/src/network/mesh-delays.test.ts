import { randomStream } from '@spillway/core';
import { expect, test } from 'vitest';
import { MeshDelays } from './mesh-delays.ts';

test('a message takes the quickest way through the mesh: half an RTT and 2 ms a hop', () => {
  // Three on a ring are all neighbours; from 0 to 2 directly 50 + 2, by way of 1 (5 + 2) + (5 + 2).
  const rtts = [
    [0, 10, 100],
    [10, 0, 10],
    [100, 10, 0],
  ];
  const delays = new MeshDelays({
    size: 3,
    degree: 4,
    rttMs: (a, b) => rtts[a]?.[b] ?? 0,
    random: randomStream(1, 'mesh'),
  });
  expect(delays.ms(0, 1)).toBe(7);
  expect(delays.ms(0, 2)).toBe(14);
  expect(delays.ms(2, 0)).toBe(14);
  expect(delays.ms(1, 1)).toBe(0);
  expect(delays.quantile(0, 0.99)).toBe(14);
});

test('beyond the exact size the delay is an upper bound that any two of a ring respect', () => {
  const size = 1_600;
  const delays = new MeshDelays({
    size,
    degree: 4,
    rttMs: () => 20,
    random: randomStream(1, 'mesh'),
  });
  // Neighbours on the ring are one hop of 12 ms apart, and no way through a mesh of four is longer than 30 hops.
  expect(delays.ms(0, 1)).toBeGreaterThanOrEqual(12);
  expect(delays.quantile(0, 0.99)).toBeLessThan(30 * 12);
});
