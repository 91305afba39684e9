/**
 * A trial from a production trace: the nodes and pods of Alibaba's `openb` GPU cluster (Weng et al.,
 * "Beware of Fragmentation", USENIX ATC 2023), two CSV files in a folder that the user names.
 *
 * Its nodes are split over edge clusters by a seeded, skewed draw; its pods arrive at homes by another,
 * more skewed one. Of each pod its requests, its kind of GPU and how long it lived are taken, in the
 * trace's order. Arrivals are as dense as the load asks of the scarcest resource (Little's law), the
 * list being repeated as often as it takes: the trace itself spans 149 days and never fills its cluster.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, randomStream } from '@spillway/core';
import type { App, PodAsk, Trial, TrialNode } from '@spillway/simulator';
import { cities, type City } from '@spillway/testbed';
import { draw, shuffled, zipf } from './demand/choose.ts';
import { rttBetween, type TrialOptions } from './trial-of.ts';

export const traceFiles = {
  nodes: 'openb_node_list_all_node.csv',
  pods: 'openb_pod_list_default.csv',
} as const;

export interface TracePod {
  readonly ask: PodAsk;
  /** Undefined where the trace does not tell: it was pending when it ended. */
  readonly lifeMs: number | undefined;
}

export interface Trace {
  readonly nodes: readonly TrialNode[];
  readonly pods: readonly TracePod[];
}

export const traceDefaults = { clusters: 10, durationMs: 3_600_000, load: 0.85 } as const;

/** Nobody lives longer: a trial must be longer than its pods. */
const lifeMsMax = 3_600_000;
/** Of nodes and of pods over the clusters; pods are asked for elsewhere than where nodes are. */
const nodeSkew = 0.4;
const podSkew = 0.8;

/** @throws Fault that names file, line and column. */
export function readTrace(folder: string): Trace {
  const nodes = rowsOf(folder, traceFiles.nodes).map((row): TrialNode => {
    const model = row.text('model');
    return {
      milliCpu: row.number('cpu_milli'),
      memoryMib: row.number('memory_mib'),
      milliGpu: row.number('gpu') * 1_000,
      ...(model !== '' && { gpuModel: model }),
    };
  });
  const pods = rowsOf(folder, traceFiles.pods).map((row): TracePod => {
    const models = row.text('gpu_spec').split('|').filter(Boolean);
    const deleted = row.text('deletion_time') === '' ? undefined : row.number('deletion_time');
    const lifeS = deleted === undefined ? undefined : deleted - row.number('creation_time');
    return {
      ask: {
        milliCpu: row.number('cpu_milli'),
        memoryMib: row.number('memory_mib'),
        milliGpu: row.number('num_gpu') * row.number('gpu_milli'),
        ...(models.length > 0 && { gpuModels: models }),
      },
      lifeMs: lifeS === undefined || lifeS <= 0 ? undefined : lifeS * 1_000,
    };
  });
  return { nodes, pods };
}

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

interface Row {
  text(column: string): string;
  number(column: string): number;
}

function rowsOf(folder: string, file: string): readonly Row[] {
  const path = join(folder, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Fault(
      'InvalidInput',
      `--trace: can't read ${path} (${(error as NodeJS.ErrnoException).code}); the folder must hold ${Object.values(traceFiles).join(' and ')}`,
      { cause: error },
    );
  }
  const [header = '', ...lines] = text.trimEnd().split(/\r?\n/);
  const columns = header.split(',');
  return lines.map((line, i) => {
    const cells = line.split(',');
    const where = `${path}, line ${i + 2}`;
    const cell = (column: string): string => {
      const at = columns.indexOf(column);
      const value = at < 0 ? undefined : cells[at];
      if (value === undefined) throw new Fault('InvalidInput', `${where}: no column ${column}`);
      return value;
    };
    return {
      text: cell,
      number(column) {
        const value = Number(cell(column));
        if (cell(column) === '' || !Number.isFinite(value) || value < 0) {
          throw new Fault(
            'InvalidInput',
            `${where}, column ${column}: expected a number, got ${JSON.stringify(cell(column))}`,
          );
        }
        return value;
      },
    };
  });
}
