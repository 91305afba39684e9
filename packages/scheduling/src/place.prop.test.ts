/** What `placePods` does incrementally, against deciding from the beginning for each pod on a snapshot that has the last. */
import {
  type Affinity,
  type Node,
  type Pod,
  type PodShape,
  type PodUid,
  shapeOf,
  type TopologySpreadConstraint,
} from '@spillway/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitCountOn } from './filter/node-resources-fit.ts';
import { evaluate, preparedScores } from './evaluation.ts';
import { type KeepFree, keptOn } from './keep-free.ts';
import { plannedPod } from './node-state.ts';
import { placePods } from './place.ts';
import { Snapshot } from './snapshot.ts';

const runs = 1_500;
const keys = ['zone', 'kubernetes.io/hostname'];
const apps = ['web', 'db'];
const app = fc.constantFrom(...apps);
const term = fc.record({
  labelSelector: app.map((value) => ({ matchLabels: { app: value } })),
  topologyKey: fc.constantFrom(...keys),
});
const required = fc.option(fc.array(term, { minLength: 1, maxLength: 2 }), { nil: undefined });
const preferred = fc.option(
  fc.array(fc.record({ weight: fc.integer({ min: 1, max: 100 }), podAffinityTerm: term }), {
    minLength: 1,
    maxLength: 2,
  }),
  { nil: undefined },
);
const companions = fc.tuple(required, preferred).map(([must, may]) => ({
  ...(must && { requiredDuringSchedulingIgnoredDuringExecution: must }),
  ...(may && { preferredDuringSchedulingIgnoredDuringExecution: may }),
}));
const company: fc.Arbitrary<Affinity> = fc
  .tuple(companions, companions, fc.integer({ min: 0, max: 3 }))
  .map(([podAffinity, podAntiAffinity, which]) => ({
    ...(which & 1 && { podAffinity }),
    ...(which & 2 && { podAntiAffinity }),
  }));
const spread: fc.Arbitrary<TopologySpreadConstraint[]> = fc.array(
  fc.record({
    maxSkew: fc.integer({ min: 1, max: 2 }),
    topologyKey: fc.constantFrom(...keys),
    whenUnsatisfiable: fc.constantFrom('DoNotSchedule' as const, 'ScheduleAnyway' as const),
    labelSelector: app.map((value) => ({ matchLabels: { app: value } })),
  }),
  { maxLength: 2 },
);
const node = fc.record({
  zone: fc.constantFrom('a', 'b', undefined),
  cpu: fc.integer({ min: 0, max: 6 }),
  taint: fc.constantFrom(undefined, undefined, 'NoSchedule', 'PreferNoSchedule'),
  pods: fc.integer({ min: 0, max: 6 }),
});
const placed = fc.record({
  on: fc.nat(5),
  app,
  milliCpu: fc.integer({ min: 0, max: 5 }).map((n) => n * 100),
  affinity: fc.option(company, { nil: undefined, freq: 2 }),
});
const newcomer = fc
  .record({
    app,
    milliCpu: fc.integer({ min: 0, max: 5 }).map((n) => n * 200),
    hostPort: fc.option(fc.constant(80), { nil: undefined, freq: 2 }),
    affinity: fc.option(company, { nil: undefined, freq: 1 }),
    spread,
  })
  .map((of) => shapeOf(podOf('new', of)));
const keepFree = fc.option(
  fc.constantFrom<KeepFree>(
    { cpuFraction: 0.25, memoryFraction: 0 },
    { cpuFraction: 0, memoryFraction: 0.5 },
  ),
  { nil: undefined, freq: 2 },
);
const cluster = fc
  .tuple(fc.array(node, { minLength: 1, maxLength: 6 }), fc.array(placed, { maxLength: 8 }))
  .map(([nodes, pods]) => {
    let snapshot = Snapshot.empty;
    for (const [i, each] of nodes.entries()) snapshot = snapshot.withNode(nodeOf(i, each));
    for (const [i, each] of pods.entries()) {
      snapshot = snapshot.withPod(podOf(`old-${i}`, each, `node-${each.on % nodes.length}`));
    }
    return snapshot;
  });

test('placePods › gives each pod of a batch what it would get alone, and the same reasons to the rest', () => {
  fc.assert(
    fc.property(cluster, newcomer, fc.integer({ min: 1, max: 12 }), keepFree, (...given) => {
      const [snapshot, shape, count, kept] = given;
      const plan = placePods(snapshot, shape, count, kept && { keepFree: kept });
      const alone = placedAlone(snapshot, shape, count, kept);
      expect(plan.nodes).toEqual(alone.nodes);
      const counted = plan.refusals.map((each) => [
        each.reason,
        'nodes' in each ? each.nodes : snapshot.candidates().length,
      ]);
      expect(Object.fromEntries(counted)).toEqual(alone.refusals);
    }),
    { numRuns: runs },
  );
});

/** Everything from the beginning for every pod: no heap, no cache, nothing told of what was placed. */
function placedAlone(
  start: Snapshot,
  shape: PodShape,
  count: number,
  kept: KeepFree | undefined,
): { readonly nodes: readonly string[]; readonly refusals: Readonly<Record<string, number>> } {
  let snapshot = start;
  const nodes: string[] = [];
  while (nodes.length < count) {
    const { feasible, verdicts } = evaluate(snapshot, shape);
    const scorer = preparedScores(snapshot, shape);
    const states = feasible.flatMap((name) => snapshot.node(name) ?? []);
    const [best] = states
      .filter((state) => fitCountOn(state, shape.requests, keptOn(state, kept)) > 0)
      .map((state) => ({ name: state.name, score: scorer.score(state) }))
      .sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
    if (best === undefined) {
      const refusals: Record<string, number> = {};
      const count1 = (reason: string): unknown => (refusals[reason] = (refusals[reason] ?? 0) + 1);
      for (const each of verdicts.values()) for (const { reason } of each) count1(reason);
      for (const _ of states) count1('node(s) keep the rest for their own pods');
      return { nodes, refusals };
    }
    nodes.push(best.name);
    const uid = `planned-${nodes.length}` as PodUid;
    snapshot = snapshot.withPlaced(plannedPod(shape, uid, best.name));
  }
  return { nodes, refusals: {} };
}

function nodeOf(
  i: number,
  of: { zone: string | undefined; cpu: number; taint: string | undefined; pods: number },
): Node {
  const name = `node-${i}`;
  return {
    metadata: {
      name,
      uid: name,
      labels: { 'kubernetes.io/hostname': name, ...(of.zone !== undefined && { zone: of.zone }) },
    },
    spec: { taints: of.taint === undefined ? [] : [{ key: 'kept', effect: of.taint }] },
    status: { allocatable: { cpu: `${of.cpu}`, memory: '4Gi', pods: `${of.pods}` } },
  };
}

function podOf(
  name: string,
  of: {
    readonly app: string;
    readonly milliCpu: number;
    readonly hostPort?: number | undefined;
    readonly affinity?: Affinity | undefined;
    readonly spread?: TopologySpreadConstraint[];
  },
  onNode?: string,
): Pod {
  return {
    metadata: { name, uid: name, namespace: 'shop', labels: { app: of.app } },
    spec: {
      ...(onNode !== undefined && { nodeName: onNode }),
      ...(of.affinity !== undefined && { affinity: of.affinity }),
      ...(of.spread !== undefined && { topologySpreadConstraints: of.spread }),
      containers: [
        {
          name: 'main',
          image: 'main',
          resources: { requests: { cpu: `${of.milliCpu}m`, memory: '256Mi' } },
          ...(of.hostPort !== undefined && {
            ports: [{ containerPort: of.hostPort, hostPort: of.hostPort }],
          }),
        },
      ],
    },
  };
}
