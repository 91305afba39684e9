import { type Node, type Pod, shapeOf } from '@spillway/core';
import { placePods, Snapshot } from '@spillway/scheduling';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitCount, freeCapacityWithout } from './fit.ts';
import { capacityBounds, freeCapacityOf } from './free-capacity.ts';

const nodes = fc.array(
  fc.record({
    cpu: fc.integer({ min: 1, max: 16 }),
    gib: fc.integer({ min: 1, max: 64 }),
    pods: fc.integer({ min: 1, max: 20 }),
    tainted: fc.boolean(),
    used: fc.array(fc.integer({ min: 100, max: 4_000 }), { maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 12 },
);
const asked = fc.record({
  milliCpu: fc.integer({ min: 50, max: 6_000 }),
  mib: fc.integer({ min: 16, max: 16_384 }),
  tolerates: fc.boolean(),
});

function snapshotOf(specs: typeof nodes extends fc.Arbitrary<infer T> ? T : never): Snapshot {
  let snapshot = Snapshot.empty;
  for (const [i, { cpu, gib, pods, tainted, used }] of specs.entries()) {
    const resources = { cpu: `${cpu}`, memory: `${gib}Gi`, pods: `${pods}` };
    const node: Node = {
      metadata: { name: `node-${i}` },
      spec: { taints: tainted ? [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] : [] },
      status: { capacity: resources, allocatable: resources },
    };
    snapshot = snapshot.withNode(node);
    for (const [k, milli] of used.entries()) {
      snapshot = snapshot.withPod(
        pod(`${i}-${k}`, { cpu: `${milli}m`, memory: '64Mi' }, `node-${i}`),
      );
    }
  }
  return snapshot;
}

function pod(
  name: string,
  requests: Readonly<Record<string, string>>,
  nodeName?: string,
  tolerations: Pod['spec']['tolerations'] = [],
): Pod {
  return {
    metadata: { name, namespace: 'shop', uid: name },
    spec: {
      containers: [{ name: 'main', image: 'web', resources: { requests } }],
      tolerations,
      ...(nodeName !== undefined && { nodeName }),
    },
  };
}

test('room promises exactly what the pipeline places, fragmentation, taints and pod limits included', () => {
  fc.assert(
    fc.property(nodes, asked, (specs, { milliCpu, mib, tolerates }) => {
      const snapshot = snapshotOf(specs);
      const shape = shapeOf(
        pod(
          'asked',
          { cpu: `${milliCpu}m`, memory: `${mib}Mi` },
          undefined,
          tolerates ? [{ key: 'dedicated', operator: 'Exists' }] : [],
        ),
      );
      expect(fitCount(freeCapacityOf(snapshot), shape)).toBe(
        placePods(snapshot, shape, 1_000).nodes.length,
      );
    }),
    { numRuns: 300 },
  );
});

test('with more kinds of free node than an advert holds, it promises less and never more', () => {
  const many = Array.from({ length: 3 * capacityBounds.binsMax }, (_, i) => ({
    cpu: 1 + (i % 16),
    gib: 1 + (i % 61),
    pods: 20,
    tainted: false,
    used: [100 + 7 * i],
  }));
  const snapshot = snapshotOf(many);
  const capacity = freeCapacityOf(snapshot);
  expect(capacity.bins.length).toBeLessThanOrEqual(capacityBounds.binsMax);
  fc.assert(
    fc.property(asked, ({ milliCpu, mib }) => {
      const shape = shapeOf(pod('asked', { cpu: `${milliCpu}m`, memory: `${mib}Mi` }));
      const promised = fitCount(capacity, shape);
      expect(promised).toBeLessThanOrEqual(placePods(snapshot, shape, 100_000).nodes.length);
    }),
  );
});

test('room without some pods takes as many fewer, and none below nothing', () => {
  fc.assert(
    fc.property(nodes, asked, fc.nat(60), (specs, { milliCpu, mib }, count) => {
      const capacity = freeCapacityOf(snapshotOf(specs));
      const shape = shapeOf(pod('asked', { cpu: `${milliCpu}m`, memory: `${mib}Mi` }));
      const left = freeCapacityWithout(capacity, shape, count);
      expect(fitCount(left, shape)).toBe(Math.max(0, fitCount(capacity, shape) - count));
      const total = (of: typeof capacity): number =>
        of.bins.reduce((sum, { nodes }) => sum + nodes, 0);
      expect(total(left)).toBe(total(capacity));
    }),
  );
});
