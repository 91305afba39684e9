/**
 * A trial from a production trace: the nodes and pods of Alibaba's `openb` GPU cluster (Weng et al., "Beware
 * of Fragmentation", USENIX ATC 2023). It is two CSV files that the user names (trace-files.ts).
 *
 * Its nodes are split over edge clusters by a seeded, skewed draw. Its pods arrive at homes by another, more
 * skewed one. Of each pod, its requests, its kind of GPU and its lifetime are taken, in the trace's order.
 * The arrivals are as dense as the load requires of the scarcest resource (Little's law). The list is
 * repeated until the time is over: the trace itself spans 149 days and never fills its cluster.
 */
import { Fault, randomStream } from '@spillway/core';
import type { App, Trial, TrialNode } from '@spillway/simulator';
import { cities, type City } from '@spillway/testbed';
import { draw, shuffled, zipf } from './demand/choose.ts';
import type { Trace, TracePod } from './trace-files.ts';
import { rttBetween, type TrialOptions } from './trial-of.ts';

export const traceDefaults = { clusters: 10, durationMs: 3_600_000, load: 0.85 } as const;

/** Nobody lives longer: a trial must be longer than its pods. */
const lifeMsMax = 3_600_000;
/** Of nodes and of pods over the clusters; pods are asked for elsewhere than where nodes are. */
const nodeSkew = 0.4;
const podSkew = 0.8;

export function trialOfTrace(trace: Trace, options: TrialOptions): Trial {
  const { load, seed } = options;
  const count = options.clusters ?? traceDefaults.clusters;
  const durationMs = options.durationMs ?? traceDefaults.durationMs;
  const random = (stream: string) => randomStream(seed, `trace/${stream}`);
  const places = placesOf(count, random('places'));
  const split = random('nodes');
  const nodeWeights = zipf(count, nodeSkew);
  const nodes: TrialNode[][] = places.map(() => []);
  for (const node of trace.nodes) {
    const [cluster = 0] = draw(split, nodeWeights, 1);
    nodes[cluster]?.push(node);
  }
  return {
    scenario: 'trace',
    load,
    seed,
    durationMs,
    clusters: places.map(({ name }, i) => ({ name, nodes: nodes[i] ?? [] })),
    rttMs: rttBetween(places),
    links: { jitter: 0.1, loss: 0, cuts: [] },
    apps: appsOf(trace, { load, durationMs, count, random }),
  };
}

function appsOf(
  { nodes, pods }: Trace,
  {
    load,
    durationMs,
    count,
    random,
  }: {
    readonly load: number;
    readonly durationMs: number;
    readonly count: number;
    readonly random: (stream: string) => ReturnType<typeof randomStream>;
  },
): readonly App[] {
  const lives = pods.flatMap(({ lifeMs }) => (lifeMs === undefined ? [] : [lifeMs]));
  if (lives.length === 0) throw new Fault('InvalidInput', 'the trace has no pod that ever ended');
  const draws = random('arrivals');
  const lifeOf = ({ lifeMs }: TracePod): number =>
    Math.min(lifeMs ?? lives[draws.below(lives.length)] ?? 0, lifeMsMax);
  const everyMs = arrivalEveryMs(nodes, pods, load);
  const homes = shuffled(random('homes'), count);
  const weights = zipf(count, podSkew);
  const apps: App[] = [];
  let next = 0;
  for (let atMs = -lifeMsMax; atMs < durationMs; atMs -= everyMs * Math.log(1 - draws.unit())) {
    const pod = pods[next++ % pods.length];
    if (pod === undefined) break;
    const fromMs = Math.round(Math.max(0, atMs));
    const toMs = Math.round(atMs + lifeOf(pod));
    const [rank = 0] = draw(draws, weights, 1);
    if (toMs <= fromMs) continue;
    const end = toMs < durationMs ? [{ atMs: toMs, replicas: 0 }] : [];
    apps.push({
      name: `p${apps.length}`,
      pod: pod.ask,
      homes: [homes[rank] ?? 0],
      steps: [{ atMs: fromMs, replicas: 1 }, ...end],
    });
  }
  return apps;
}

/** Mean time between arrivals at which the scarcest resource is asked for in parts `load` of it. */
function arrivalEveryMs(
  nodes: readonly TrialNode[],
  pods: readonly TracePod[],
  load: number,
): number {
  const known = pods.flatMap(({ ask, lifeMs }) =>
    lifeMs === undefined ? [] : [{ ask, lifeMs: Math.min(lifeMs, lifeMsMax) }],
  );
  const needed = (['milliCpu', 'memoryMib', 'milliGpu'] as const).map((resource) => {
    const room = nodes.reduce((sum, node) => sum + node[resource], 0);
    const asked = known.reduce((sum, { ask, lifeMs }) => sum + ask[resource] * lifeMs, 0);
    return room === 0 ? 0 : asked / known.length / room;
  });
  return Math.max(...needed) / load;
}

function placesOf(count: number, random: ReturnType<typeof randomStream>): readonly City[] {
  return Array.from(
    { length: count },
    (_, i) =>
      cities[i] ?? {
        name: `site-${i}`,
        latitude: 35 + 30 * random.unit(),
        longitude: 60 * random.unit() - 10,
      },
  );
}
