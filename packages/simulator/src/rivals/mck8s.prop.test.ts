import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TrialNode } from '../trial.ts';
import {
  type Mck8sApp,
  type Mck8sCluster,
  type Mck8sDecision,
  maxReplicas,
  placeApp,
} from './mck8s.ts';

const runs = 1_000;
const pod = { milliCpu: 2, memoryMib: 1, milliGpu: 0 };
const allocatable: TrialNode = { milliCpu: 8, memoryMib: 8, milliGpu: 0 };

/** Every node is large enough for the pod, so that no location is impossible. */
const cluster = fc
  .record({
    trafficBytes: fc.nat(3),
    free: fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { minLength: 1, maxLength: 3 }),
  })
  .map(({ trafficBytes, free }) => ({
    trafficBytes,
    nodes: free.map(([milliCpu, memoryMib]) => ({
      allocatable,
      free: { milliCpu, memoryMib, milliGpu: 0 },
    })),
  }));
const scene = fc
  .tuple(
    fc
      .array(cluster, { minLength: 1, maxLength: 5 })
      .map((all): Mck8sCluster[] => all.map((of, i) => ({ ...of, name: `c${i}` }))),
    fc.integer({ min: 1, max: 12 }),
    fc.array(fc.array(fc.nat(50), { minLength: 5, maxLength: 5 }), { minLength: 5, maxLength: 5 }),
  )
  .chain(([clusters, replicas, rtt]) =>
    fc.record({
      clusters: fc.constant(clusters),
      app: fc
        .oneof(
          fc.record({
            policy: fc.constantFrom('worst_fit', 'best_fit', 'most_traffic'),
            numberOfLocations: fc.integer({ min: 1, max: clusters.length }),
          }),
          fc.record({
            locations: fc.uniqueArray(fc.nat(clusters.length - 1), { minLength: 1 }),
          }),
        )
        .map((where): Mck8sApp => ({ replicas, pod, where })),
      rttMs: fc.constant((a: number, b: number) => rtt[a]?.[b] ?? 0),
      heedsGpus: fc.constant(false),
    }),
  );

const roomAt = (clusters: readonly Mck8sCluster[], index: number): number =>
  maxReplicas(clusters[index]?.nodes.map(({ free }) => free) ?? [], pod, false);

test('no cluster gets more than it has room for, none gets zero', () => {
  holds((decision) => {
    const placed = placeApp(decision);
    if (placed === 'nothing') return;
    for (const [index, replicas] of placed) {
      expect(replicas).toBeGreaterThan(0);
      expect(replicas).toBeLessThanOrEqual(roomAt(decision.clusters, index));
    }
  });
});

test('all or nothing: what is placed is all that was asked of the locations that count', () => {
  holds((decision) => {
    const { app, clusters } = decision;
    const placed = placeApp(decision);
    if (placed === 'nothing') return;
    const roomy = clusters.filter((_, index) => roomAt(clusters, index) > 0).length;
    const counting =
      'locations' in app.where
        ? app.where.locations.length
        : Math.min(app.where.numberOfLocations, roomy);
    const sum = [...placed.values()].reduce((all, n) => all + n, 0);
    expect(sum).toBe(app.replicas * counting);
  });
});

test('nothing only when there is too little room, that of other locations left aside', () => {
  holds(({ app, ...of }) => {
    const where = 'locations' in app.where ? app.where : { ...app.where, numberOfLocations: 1 };
    const locations = 'locations' in where ? where.locations : [];
    if (placeApp({ ...of, app: { ...app, where } }) !== 'nothing') return;
    const usable = of.clusters.map((_, index) => {
      const room = roomAt(of.clusters, index);
      return locations.includes(index) ? Math.min(room, app.replicas) : room;
    });
    const asked = app.replicas * Math.max(1, locations.length);
    expect(usable.reduce((sum, n) => sum + n, 0)).toBeLessThan(asked);
  });
});

function holds(check: (decision: Mck8sDecision) => void): void {
  fc.assert(fc.property(scene, check), { numRuns: runs });
}
