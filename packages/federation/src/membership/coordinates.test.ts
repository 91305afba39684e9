import { type Random, randomStream } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import {
  type Coordinate,
  CoordinateClient,
  coordinateConfig,
  isValidCoordinate,
  originCoordinate,
  predictedRttMs,
} from './coordinates.ts';

/** RTT in ms between every two of `count` nodes. */
type Truth = readonly (readonly number[])[];

/** `rttMs` is asked once for each pair. */
function truthOf(count: number, rttMs: (i: number, j: number) => number): Truth {
  const truth = Array.from({ length: count }, () => Array.from({ length: count }, () => 0));
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) truth[i]![j] = truth[j]![i] = rttMs(i, j);
  }
  return truth;
}

function clientsFor(
  truth: Truth,
  {
    seed,
    dimensions = coordinateConfig.dimensions,
  }: { seed: number; dimensions?: number | undefined },
) {
  const start = { ...originCoordinate, vector: Array.from({ length: dimensions }, () => 0) };
  return truth.map((_, i) => new CoordinateClient(randomStream(seed, `client ${i}`), start));
}

/** In each cycle each client measures the RTT to one other, drawn at random, as Serf's phantom.go does. */
function simulate(
  clients: readonly CoordinateClient[],
  { truth, cycles, random }: { truth: Truth; cycles: number; random: Random },
): void {
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (const [i, client] of clients.entries()) {
      const j = random.below(clients.length);
      if (j !== i) client.update(`${j}`, clients[j]!.coordinate, truth[i]![j]!);
    }
  }
}

/** Relative errors of all predictions. */
function errorsOf(clients: readonly CoordinateClient[], truth: Truth) {
  const errors = clients.flatMap((a, i) =>
    clients.slice(i + 1).map((b, k) => {
      const actual = truth[i]![i + 1 + k]!;
      return Math.abs(a.distanceMs(b.coordinate) - actual) / actual;
    }),
  );
  return {
    mean: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    max: Math.max(...errors),
  };
}

/** The mean of two uniform sums of 12 draws is near enough to normal. */
function normal(random: Random): number {
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += random.unit();
  return sum - 6;
}

interface Topology {
  readonly name: string;
  readonly truth: (random: Random) => Truth;
  readonly dimensions?: number;
  /** Serf's bounds on the relative error of all predictions after 1,000 cycles. */
  readonly meanMax: number;
  readonly maxMax: number;
}

const angle = (i: number): number => (2 * Math.PI * i) / 25;

const circle: Topology = {
  name: 'circle of 100 ms with one node above its middle',
  truth: () =>
    truthOf(25, (i, j) =>
      i === 0
        ? 200
        : 100 *
          Math.hypot(
            Math.cos(angle(i)) - Math.cos(angle(j)),
            Math.sin(angle(i)) - Math.sin(angle(j)),
          ),
    ),
  dimensions: 2,
  meanMax: 0.0028,
  maxMax: 0.064,
};

/** Of hashicorp/serf coordinate/performance_test.go. */
const topologies: readonly Topology[] = [
  {
    name: 'line of 10, 10 ms apart',
    truth: () => truthOf(10, (i, j) => (j - i) * 10),
    meanMax: 0.0031,
    maxMax: 0.013,
  },
  {
    name: 'grid of 5 by 5, 10 ms apart',
    truth: () =>
      truthOf(
        25,
        (i, j) => 10 * Math.hypot((i % 5) - (j % 5), Math.floor(i / 5) - Math.floor(j / 5)),
      ),
    meanMax: 0.0016,
    maxMax: 0.023,
  },
  {
    name: 'two places 10 ms apart, 1 ms within each',
    truth: () => truthOf(25, (i, j) => 1 + (i <= 12 && j > 12 ? 10 : 0)),
    meanMax: 0.00006,
    maxMax: 0.00048,
  },
  circle,
  {
    name: 'random RTTs, normal about 100 ms with deviation 10 ms',
    truth: (random) => truthOf(25, () => 100 + 10 * normal(random)),
    meanMax: 0.075,
    maxMax: 0.33,
  },
];

function converged({ truth: make, dimensions }: Topology, seed: number) {
  const truth = make(randomStream(seed, 'truth'));
  const clients = clientsFor(truth, { seed, dimensions });
  simulate(clients, { truth, cycles: 1_000, random: randomStream(seed, 'peers') });
  return { clients, ...errorsOf(clients, truth) };
}

describe('coordinates › Serf’s topologies', () => {
  /** As Serf's bounds do, these hold for one seed: who measures whom decides how far 1,000 cycles come. */
  const seed = 16;

  it.each(topologies)('$name: at or below Serf’s error bounds', (topology) => {
    const { mean, max } = converged(topology, seed);
    expect(mean).toBeLessThanOrEqual(topology.meanMax);
    expect(max).toBeLessThanOrEqual(topology.maxMax);
  });

  it.each(topologies)('$name: the median of 15 other seeds is near them', (topology) => {
    const means = Array.from({ length: 15 }, (_, i) => converged(topology, 100 + i).mean);
    const median = means.sort((a, b) => a - b)[7];
    expect(median).toBeLessThanOrEqual(1.25 * topology.meanMax);
  });

  it('circle: the node above the middle gets the height, and no other', () => {
    const [middle, ...others] = converged(circle, seed).clients.map(
      ({ coordinate }) => coordinate.heightMs,
    );
    expect(middle).toBeGreaterThanOrEqual(97);
    expect(Math.max(...others)).toBeLessThanOrEqual(3);
  });

  it('drift: gravity pulls a square in the first quadrant back to the origin', () => {
    const corners = [
      [0, 0],
      [0, 500],
      [500, 500],
      [500, 500],
    ];
    const truth = truthOf(4, (i, j) => (i % 2 === 0 && j % 2 === 0 ? Math.SQRT2 * 500 : 500));
    const clients = corners.map(
      (vector, i) =>
        new CoordinateClient(randomStream(1, `client ${i}`), { ...originCoordinate, vector }),
    );
    const centre = (): number => {
      const vectors = clients.map(({ coordinate }) => coordinate.vector);
      const middles = [0, 1].map((d) => {
        const values = vectors.map((vector) => vector[d]!);
        return (Math.min(...values) + Math.max(...values)) / 2;
      });
      return Math.hypot(...middles);
    };
    const random = randomStream(1, 'peers');
    simulate(clients, { truth, cycles: 1_000, random });
    const before = centre();
    simulate(clients, { truth, cycles: 10_000, random });
    expect(centre()).toBeLessThanOrEqual(0.8 * before);
  });
});

describe('coordinates › a client', () => {
  const there: Coordinate = { ...originCoordinate, vector: [3, 4, 0, 0, 0, 0, 0, 0], heightMs: 2 };

  it('predicts Euclid’s distance plus both heights plus both adjustments', () => {
    const a = { ...originCoordinate, heightMs: 1, adjustmentMs: 0.5 };
    // √(3² + 4²) = 5; heights 1 + 2; adjustments 0.5 + 0.25.
    expect(predictedRttMs(a, { ...there, adjustmentMs: 0.25 })).toBeCloseTo(8.75, 10);
  });

  it('ignores adjustments that would make a distance negative', () => {
    expect(predictedRttMs({ ...originCoordinate, adjustmentMs: -100 }, there)).toBeCloseTo(
      7.01,
      10,
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, coordinateConfig.rttMsMax + 1])(
    'takes no RTT of %f ms',
    (rttMs) => {
      const client = new CoordinateClient(randomStream(1, 'client'));
      expect(client.update('b', there, rttMs)).toBe(false);
      expect(client.coordinate).toEqual(originCoordinate);
    },
  );

  it.each([
    { vector: [1, 2, 3] },
    { vector: [Number.NaN, 0, 0, 0, 0, 0, 0, 0] },
    { heightMs: Number.POSITIVE_INFINITY },
    { heightMs: -1 },
    { adjustmentMs: Number.NaN },
    { error: Number.NaN },
    { error: 2 },
    { vector: [1e9, 0, 0, 0, 0, 0, 0, 0] },
  ])('believes no coordinate with %o', (wrong) => {
    const client = new CoordinateClient(randomStream(1, 'client'));
    expect(isValidCoordinate({ ...there, ...wrong })).toBe(false);
    expect(client.update('b', { ...there, ...wrong }, 10)).toBe(false);
    expect(client.coordinate).toEqual(originCoordinate);
  });

  it('is not moved by one stall: the median of three counts', () => {
    const calm = new CoordinateClient(randomStream(1, 'client'));
    const stalled = new CoordinateClient(randomStream(1, 'client'));
    for (const rttMs of [10, 10, 10]) calm.update('b', there, rttMs);
    for (const rttMs of [10, 10, 5_000]) stalled.update('b', there, rttMs);
    expect(stalled.coordinate).toEqual(calm.coordinate);
  });

  it('comes to trust itself: its error falls as predictions come true', () => {
    const clients = clientsFor(
      truthOf(2, () => 20),
      { seed: 1 },
    );
    simulate(clients, { truth: truthOf(2, () => 20), cycles: 200, random: randomStream(1, 'p') });
    for (const { coordinate } of clients) expect(coordinate.error).toBeLessThan(0.1);
  });
});
