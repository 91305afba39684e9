/** A report such as the benchmark makes, invented from a seed: for tests and for looking at the page. */
import { randomStream, type Random } from '@spillway/core';
import type { Growth, Report, Result, SystemName } from '../../results/result.ts';

/** How much of the demand a system leaves pending once it is above `from` of the room. */
interface Character {
  readonly system: SystemName;
  readonly from: number;
  readonly slope: number;
  readonly floor: number;
  readonly waitMs: number;
  readonly rttMs: number;
  readonly offloads: number;
}

const characters: readonly Character[] = [
  character('spillway', [1, 0.9, 0.001], 900, [14, 0.28]),
  character('isolated', [0.45, 0.75, 0.02], 60_000, [0, 0]),
  character('kubefed-static', [0.5, 0.7, 0.05], 90_000, [31, 0.5]),
  character('kubefed-rsp', [0.6, 0.6, 0.05], 45_000, [33, 0.55]),
  character('kubefed-rsp-rebalance', [0.7, 0.5, 0.06], 30_000, [29, 0.5]),
  character('kubefed-0.4.0-rsp', [0.55, 0.7, 0.06], 70_000, [33, 0.55]),
  character('mck8s', [0.8, 1.2, 0.02], 20_000, [19, 0.3]),
  character('mck8s-worst-fit', [0.75, 1.2, 0.03], 25_000, [30, 0.5]),
  character('oracle', [1, 0.88, 0.0008], 700, [30, 0.6]),
];

const cities = ['lisbon', 'lyon', 'frankfurt-am-main', 'warsaw', 'tallinn'];

export function fakeReport(seed = 1): Report {
  const random = randomStream(seed, 'fake-report');
  return {
    schemaVersion: 1,
    command: 'npm run bench -- run mck8s edge-day --seeds 3 --load 0.5..1.1 --json <out> & "done"',
    startedAt: '2026-03-01T09:30:00.000Z',
    complete: true,
    versions: { spillway: '0.1.0', node: 'v24.9.0', kubernetes: 'v1.34.2', kubefed: 'v0.10.0' },
    machine: { cpu: 'Example CPU @ 2.60GHz', cores: 2, memoryGib: 23.5, os: 'Linux 6.1' },
    results: [
      ...runs(random, { scenario: 'mck8s', mode: 'simulated', loads: [0.5, 0.7, 0.9, 1, 1.1] }),
      ...runs(random, { scenario: 'mck8s', mode: 'live', loads: [0.9] }),
      ...runs(random, { scenario: 'edge-day', mode: 'simulated', loads: [0.8], clusters: 24 }),
    ],
    growth: [10, 100, 1_000, 10_000].map((clusters) => growthAt(clusters)),
  };
}

function character(
  system: SystemName,
  [from, slope, floor]: readonly [number, number, number],
  waitMs: number,
  [rttMs, offloads]: readonly [number, number],
): Character {
  return { system, from, slope, floor, waitMs, rttMs, offloads };
}

interface Runs {
  readonly scenario: string;
  readonly mode: Result['mode'];
  readonly loads: readonly number[];
  readonly clusters?: number;
}

function runs(random: Random, { scenario, mode, loads, clusters = 5 }: Runs): Result[] {
  const seeds = mode === 'live' ? [1] : [1, 2, 3];
  return loads.flatMap((load) =>
    seeds.flatMap((seed) =>
      characters
        .filter(({ system }) => mode === 'simulated' || !/mck8s|oracle|0\.4/.test(system))
        .map((of) => result(random, of, { scenario, mode, load, seed, clusters })),
    ),
  );
}

type Trial = Pick<Result, 'scenario' | 'mode' | 'load' | 'seed' | 'clusters'>;

function result(random: Random, of: Character, trial: Trial): Result {
  const spread = 0.85 + 0.3 * random.unit();
  const pending = Math.min(0.9, (of.floor + of.slope * Math.max(0, trial.load - of.from)) * spread);
  const unserved = Math.min(1, pending * (of.system.startsWith('mck8s') ? 1.6 : 1.05));
  const pods = Math.round(2_000 * trial.load);
  const never = Math.round(pods * pending * 0.4);
  const served = pods - never;
  const waits = Array.from({ length: 100 }, (_, i) =>
    i + 1 > (served / pods) * 100
      ? null
      : Math.round(of.waitMs * spread * (0.3 + pending * 4 * ((i + 1) / 100) ** 3 + i / 90)),
  );
  const rtts =
    of.offloads === 0
      ? []
      : Array.from({ length: 100 }, (_, i) => Math.round(of.rttMs * (0.3 + i / 70) * spread));
  const ours = of.system === 'spillway';
  const mean = rtts.length === 0 ? 0 : rtts.reduce((sum, ms) => sum + ms, 0) / rtts.length;
  return {
    ...trial,
    system: of.system,
    durationMs: 3_600_000,
    pendingPodRatio: pending,
    pendingPodRatioAtEnd: pending,
    unservedReplicaRatio: unserved,
    unservedReplicaRatioAtEnd: unserved,
    waitMs: { p50: waits[49] ?? 0, p95: waits[94] ?? 200_000, p99: waits[98] ?? 400_000 },
    createdToBoundMs: { p50: 300, p95: 900, p99: 2_000 },
    pods,
    neverRan: never,
    evictions: of.system === 'kubefed-rsp-rebalance' ? 120 : 0,
    decisionsPerSecondMax: 80,
    offloadedShare: of.offloads,
    offloadRttMs: rtts.length === 0 ? null : { mean, best: mean * (ours ? 0.97 : 0.5) },
    utilisation: Math.min(1, trial.load) * (1 - pending),
    fairness: 1 - pending / 2,
    agents: ours
      ? {
          messagesPerSecond: 4.2,
          bytesPerSecond: 2_300,
          known99Ms: 310,
          spread99Ms: 140,
          stalenessMs: { p50: 420, p99: 2_100 },
          slotsAsked: 900,
          slotsRefused: 17,
        }
      : null,
    processes:
      trial.mode === 'live'
        ? [
            { name: ours ? 'agent lyon' : 'controller manager', cpuSeconds: 21.4, rssMib: 142 },
            { name: 'kube-apiserver lyon', cpuSeconds: 88.2, rssMib: 411 },
          ]
        : [],
    series: {
      course: course(random, pending, unserved, pods),
      waitPercentilesMs: waits,
      offloadRttPercentilesMs: rtts,
      flows: flowsOf(random, trial.clusters, of, served),
      runningAtEnd: [],
      clusterNames: Array.from(
        { length: trial.clusters },
        (_, i) => cities[i % cities.length] + (i < cities.length ? '' : `-${i}`),
      ),
    },
  };
}

function course(
  random: Random,
  pending: number,
  unserved: number,
  pods: number,
): Result['series']['course'] {
  return Array.from({ length: 120 }, (_, i) => {
    const wave = Math.max(0, 1 + 0.6 * Math.sin(i / 14) + 0.2 * (random.unit() - 0.5));
    const existing = Math.round(pods * Math.min(1, (i + 4) / 30));
    return {
      atMs: (i + 1) * 30_000,
      existing,
      pending: Math.round(existing * Math.min(0.95, pending * wave)),
      demanded: existing,
      served: Math.round(existing * (1 - Math.min(0.98, unserved * wave))),
    };
  });
}

function flowsOf(
  random: Random,
  clusters: number,
  { offloads, rttMs }: Character,
  pods: number,
): number[][] {
  return Array.from({ length: clusters }, (_, home) =>
    Array.from({ length: clusters }, (_, host) => {
      if (home === host) return Math.round((pods / clusters) * (1 - offloads));
      const near = Math.abs(home - host) === 1 ? 30 / Math.max(8, rttMs) : 0.5;
      return Math.round(((pods * offloads) / clusters ** 2) * near * random.unit());
    }),
  );
}

function growthAt(clusters: number): Growth {
  const decades = Math.log10(clusters);
  return {
    clusters,
    pendingPodRatio: 0.004 - 0.0005 * decades,
    bytesPerSecondPerAgent: 300 * 2.9 ** decades,
    offloadRttMs: { mean: 40 / decades, best: 38 / decades },
    known99Ms: 30 * 8 ** decades,
    spread99Ms: 90 * decades,
    directoryBytesPerAgent: 2_700 * clusters,
    processRssMib: Math.round(120 + clusters * 0.6),
    runSeconds: clusters / 8,
  };
}
