import { describe, expect, test } from 'vitest';
import type { PodAsk, TrialNode } from '../trial.ts';
import { type Mck8sCluster, type Mck8sDecision, maxReplicas, placeApp } from './mck8s.ts';

const pod: PodAsk = { milliCpu: 1_000, memoryMib: 1_024, milliGpu: 0 };
const worker: TrialNode = { milliCpu: 4_000, memoryMib: 4_096, milliGpu: 0 };

/** Clusters c0, c1, … on a line, 10 ms apart, with room for these numbers of pods of 1000m each. */
function line(...rooms: number[]): Mck8sCluster[] {
  return rooms.map((room, i) => ({ name: `c${i}`, nodes: nodesWithRoom(room), trafficBytes: 0 }));
}

function nodesWithRoom(pods: number): Mck8sCluster['nodes'] {
  return Array.from({ length: 5 }, (_, i) => ({
    allocatable: worker,
    free: { ...worker, milliCpu: 1_000 * Math.max(0, Math.min(4, pods - 4 * i)) },
  }));
}

function decide(
  clusters: readonly Mck8sCluster[],
  replicas: number,
  where: Mck8sDecision['app']['where'],
  more: Partial<Mck8sDecision> & { pod?: PodAsk } = {},
): Record<number, number> | 'nothing' {
  const placed = placeApp({
    app: { replicas, pod: more.pod ?? pod, where },
    clusters,
    rttMs: (a, b) => 10 * Math.abs(a - b),
    heedsGpus: false,
    ...more,
  });
  return placed === 'nothing' ? placed : Object.fromEntries(placed);
}

describe('how many a cluster takes', () => {
  // min(4000 / 1500, 4096 / 1024) = min(2, 4); min(3000 / 1500, 1000 / 1024) = min(2, 0); 2 + 0.
  test('is counted node by node, and every node counts', () => {
    const free = [worker, { milliCpu: 3_000, memoryMib: 1_000, milliGpu: 0 }];
    expect(maxReplicas(free, { ...pod, milliCpu: 1_500 }, false)).toBe(2);
  });

  test('does not look at GPUs unless told to: 4 of CPU, floor(1000 / 600) = 1 of GPU', () => {
    const free = [{ ...worker, milliGpu: 1_000, gpuModel: 'T4' }, worker];
    const wants: PodAsk = { ...pod, milliGpu: 600, gpuModels: ['T4'] };
    expect(maxReplicas(free, wants, false)).toBe(4 + 4);
    expect(maxReplicas(free, wants, true)).toBe(1 + 0);
  });

  test('a pod that asks neither CPU nor memory is refused', () => {
    expect(() => maxReplicas([worker], { ...pod, milliCpu: 0, memoryMib: 0 }, false)).toThrow(
      'divides',
    );
  });
});

describe('by policy', () => {
  const clusters = line(3, 0, 9, 5);

  // c2 with 9, then c3 with 5.
  test('worst_fit takes the clusters with most room', () => {
    expect(decide(clusters, 4, { policy: 'worst_fit', numberOfLocations: 1 })).toEqual({ 2: 4 });
    expect(decide(clusters, 5, { policy: 'worst_fit', numberOfLocations: 2 })).toEqual({
      2: 5,
      3: 5,
    });
  });

  // 3 of 4 at c0, 1 over: c3 takes it.
  test('best_fit takes those with least room first, even if not all fits there', () => {
    expect(decide(clusters, 4, { policy: 'best_fit', numberOfLocations: 1 })).toEqual({
      0: 3,
      3: 1,
    });
  });

  // c3, then c0: 5 of 6 and 3 of 6, 1 + 3 = 4 over, for c2.
  test('most_traffic takes the busiest first', () => {
    const busy = clusters.map((c, i) => ({ ...c, trafficBytes: [200, 900, 100, 300][i] ?? 0 }));
    expect(decide(busy, 6, { policy: 'most_traffic', numberOfLocations: 2 })).toEqual({
      0: 3,
      2: 4,
      3: 5,
    });
  });

  test('ties go by name, whatever the order of the clusters', () => {
    const equal = line(4, 4, 4).map((c, i) => ({ ...c, name: ['n2', 'n10', 'n3'][i] ?? '' }));
    expect(decide(equal, 4, { policy: 'worst_fit', numberOfLocations: 1 })).toEqual({ 1: 4 });
  });

  // 3 + 0 + 9 + 5 = 17.
  test('overflow goes on in the order of the policy; one replica too many, and nothing is placed', () => {
    const one = { policy: 'best_fit', numberOfLocations: 1 } as const;
    expect(decide(clusters, 17, one)).toEqual({ 0: 3, 3: 5, 2: 9 });
    expect(decide(clusters, 18, one)).toBe('nothing');
    expect(decide(line(0, 0), 1, one)).toBe('nothing');
  });

  // Most room first: c0 4 of 9, c1 3 of 4, 1 over. c0 has room for 5 more, but only c2 is asked, without
  // success.
  test('clusters chosen already take no overflow', () => {
    expect(decide(line(9, 3, 0), 4, { policy: 'worst_fit', numberOfLocations: 2 })).toBe('nothing');
  });

  // 3 locations × 4 = 12 asked; only 2 clusters have room: 4 + 4, and the third 4 nobody misses.
  test('locations beyond the clusters with room vanish', () => {
    expect(decide(line(9, 0, 9), 4, { policy: 'worst_fit', numberOfLocations: 3 })).toEqual({
      0: 4,
      2: 4,
    });
  });

  test('a pod as large as all that a worker allocates is possible', () => {
    const one = { policy: 'worst_fit', numberOfLocations: 1 } as const;
    expect(decide(line(9), 2, one, { pod: { ...pod, milliCpu: 4_000 } })).toEqual({ 0: 2 });
    expect(decide(line(9), 1, one, { pod: { ...pod, milliCpu: 4_001 } })).toBe('nothing');
  });

  test('a pod larger than the first worker is impossible there, whatever the other nodes have', () => {
    const small = { ...worker, milliCpu: 500 };
    const mixed = line(9, 9).map((c, i) =>
      i === 0 ? { ...c, nodes: [{ allocatable: small, free: small }, ...c.nodes] } : c,
    );
    expect(decide(mixed, 4, { policy: 'worst_fit', numberOfLocations: 2 })).toEqual({ 1: 4 });
  });
});

describe('at locations', () => {
  test('each location gets its replicas when they fit', () => {
    expect(decide(line(5, 5, 5), 5, { locations: [0, 2] })).toEqual({ 0: 5, 2: 5 });
  });

  // c1: 2 of 8, 6 over. Outside by distance from c1: c0 (10 ms) 4, c2 (10 ms, later by name) 1, c3 1.
  test('overflow goes to the nearest clusters outside', () => {
    expect(decide(line(4, 2, 1, 9), 8, { locations: [1] })).toEqual({ 0: 4, 1: 2, 2: 1, 3: 1 });
  });

  // c0: 2 of 5, 3 over: c2 (20 ms) has 4, takes 3. c1: 2 of 5, 3 over: c2 has 1 left, c3 takes 2.
  test('what one location took outside, the next one finds gone', () => {
    expect(decide(line(2, 2, 4, 9), 5, { locations: [1, 0] })).toEqual({ 0: 2, 1: 2, 2: 4, 3: 2 });
  });

  // Both have 2 of 5 and next to each lies c2, with room for 1; then c3 for c0, c4 for c1. c0 is first:
  // it takes c2's 1 and 2 of c3; c1 finds c2 full and takes 3 of c4.
  test('locations are served by name, each in its own order of distance', () => {
    const rtt = [
      [0, 0, 1, 2, 9],
      [0, 0, 1, 9, 2],
    ];
    const rttMs = (a: number, b: number) => rtt[a]?.[b] ?? 0;
    expect(decide(line(2, 2, 1, 9, 9), 5, { locations: [1, 0] }, { rttMs })).toEqual({
      0: 2,
      1: 2,
      2: 1,
      3: 2,
      4: 3,
    });
  });

  // c0 has room for 9 but is itself a location: c1's 3 over go to c2 alone, which has room for 2.
  test('room at other locations is not used for overflow', () => {
    expect(decide(line(9, 2, 2), 5, { locations: [0, 1] })).toBe('nothing');
    expect(decide(line(9, 2, 3), 5, { locations: [0, 1] })).toEqual({ 0: 5, 1: 2, 2: 3 });
  });

  // 2 + 3 + 3 = 8 in all.
  test('one replica too many, and nothing is placed at all', () => {
    expect(decide(line(2, 3, 3), 8, { locations: [0] })).toEqual({ 0: 2, 1: 3, 2: 3 });
    expect(decide(line(2, 3, 3), 9, { locations: [0] })).toBe('nothing');
  });

  describe('where the pod is larger than the first worker', () => {
    const tiny = { ...worker, milliCpu: 500 };
    const without = (clusters: Mck8sCluster[], ...impossible: number[]) =>
      clusters.map((c, i) =>
        impossible.includes(i) ? { ...c, nodes: [{ allocatable: tiny, free: tiny }] } : c,
      );

    test('the nearest possible cluster stands in', () => {
      expect(decide(without(line(9, 9, 9, 9), 1, 2), 5, { locations: [2] })).toEqual({ 3: 5 });
    });

    // From c1: c0 and c2 are both 10 ms away, c0 is first by name; it has 3 of 5, 2 over go to c2.
    test('its overflow goes on from there', () => {
      expect(decide(without(line(3, 9, 9), 1), 5, { locations: [1] })).toEqual({ 0: 3, 2: 2 });
    });

    // Both c1 and c2 send their 4 to c3, each finding room for 6: 8 asked of it.
    test('two that share a stand-in overcommit it', () => {
      expect(decide(without(line(0, 9, 9, 6), 1, 2, 0), 4, { locations: [1, 2] })).toEqual({
        3: 8,
      });
    });

    test('without any stand-in a location vanishes, and with the last of them everything waits', () => {
      const clusters = without(line(9, 9), 1);
      expect(decide(clusters, 4, { locations: [0, 1] })).toEqual({ 0: 4 });
      expect(decide(without(line(9, 9), 0, 1), 4, { locations: [1] })).toBe('nothing');
    });
  });
});

test('two decisions on the same moment fill the same room: nothing is reserved', () => {
  const clusters = line(4, 0);
  const first = decide(clusters, 4, { locations: [0] });
  expect(decide(clusters, 4, { locations: [0] })).toEqual(first);
});

test('GPUs change where pods go only when heeded', () => {
  const gpu = { ...worker, milliGpu: 2_000, gpuModel: 'T4' };
  const clusters = line(9, 9).map((c, i) =>
    i === 1 ? { ...c, nodes: [{ allocatable: gpu, free: gpu }] } : c,
  );
  const wants: PodAsk = { ...pod, milliGpu: 1_000 };
  expect(decide(clusters, 2, { locations: [0] }, { pod: wants })).toEqual({ 0: 2 });
  expect(decide(clusters, 2, { locations: [0] }, { pod: wants, heedsGpus: true })).toEqual({
    1: 2,
  });
});
