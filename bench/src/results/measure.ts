/**
 * From a recording to the figures that are reported. Pure; live and simulated recordings alike.
 *
 * Pending, in two senses:
 *
 *     pendingPodRatio       Σ over pods of the time before they ran / Σ of the time they existed
 *     unservedReplicaRatio  Σ over apps ∫ (demanded − min(running, demanded)) dt / Σ ∫ demanded dt
 *
 * The first is mck8s' sense, as far as its abstract tells. The second counts what a placer never created
 * (mck8s deploys all or nothing). It does not count what was created beyond demand (KubeFed's probes).
 */
import type { PodRecord, Recording, Trial } from '@spillway/simulator';
import { bestRttsMs } from './best-rtt.ts';
import type { Result, SystemName } from './result.ts';
import { quantileOf } from './statistics.ts';

export interface Measured {
  readonly system: SystemName;
  readonly mode: Result['mode'];
  readonly trial: Trial;
  readonly recording: Recording;
}

/** Points of a course over time. */
const coursePoints = 120;
/** Maximum number of clusters in a matrix of flows: a larger one is not readable. */
const flowClustersMax = 30;

export function measure({ system, mode, trial, recording }: Measured): Result {
  const { pods, endMs, gossip, processes = [] } = recording;
  const service = serviceOf(trial, recording);
  const spans = pods.map((pod) => spanOf(pod, endMs));
  const existingMs = sum(spans.map(({ existingMs: ms }) => ms));
  const pendingMs = sum(spans.map(({ pendingMs: ms }) => ms));
  const course = courseOf(trial, recording);
  const last = course.at(-1);
  const waits = pods.flatMap(({ createdMs, runningMs }) =>
    runningMs === undefined ? [] : [Math.max(0, runningMs - createdMs)],
  );
  const bound = pods.filter(({ boundMs }) => boundMs !== undefined);
  const offloaded = bound.filter(({ home, host }) => host !== undefined && host !== home);
  const rtts = offloaded.map(({ home, host = home }) => trial.rttMs(home, host)).sort(ascending);
  const best = bestRttsMs(trial, pods);
  return {
    system,
    mode,
    scenario: trial.scenario,
    load: trial.load,
    seed: trial.seed,
    clusters: trial.clusters.length,
    durationMs: endMs,
    pendingPodRatio: part(pendingMs, existingMs),
    pendingPodRatioAtEnd: part(last?.pending ?? 0, last?.existing ?? 0),
    unservedReplicaRatio: part(service.demandedMs - service.servedMs, service.demandedMs),
    unservedReplicaRatioAtEnd: part(
      (last?.demanded ?? 0) - (last?.served ?? 0),
      last?.demanded ?? 0,
    ),
    waitMs: quantilesOf(waits),
    createdToBoundMs: quantilesOf(
      bound.map(({ createdMs, boundMs = createdMs }) => Math.max(0, boundMs - createdMs)),
    ),
    pods: pods.length,
    neverRan: pods.length - waits.length,
    evictions: pods.filter(({ evicted }) => evicted).length,
    decisionsPerSecondMax: busiestSecond(bound),
    offloadedShare: part(offloaded.length, bound.length),
    offloadRttMs:
      rtts.length === 0
        ? null
        : { mean: round(mean(rtts)), best: round(Math.min(mean(best), mean(rtts))) },
    utilisation: utilisationOf(trial, recording),
    fairness: service.fairness,
    agents:
      gossip === undefined
        ? null
        : {
            messagesPerSecond: round(
              ((gossip.adverts + gossip.negotiationMessages / gossip.agents) * 1_000) /
                gossip.overMs,
            ),
            bytesPerSecond: round((gossip.heardBytesPerAgent * 1_000) / gossip.overMs),
            known99Ms: round(gossip.known99Ms),
            spread99Ms: round(gossip.spread99Ms),
            stalenessMs: {
              p50: round(gossip.stalenessMs.p50),
              p99: round(gossip.stalenessMs.p99),
            },
            slotsAsked: gossip.slotsAsked,
            slotsRefused: gossip.slotsRefused,
          },
    processes: [...processes],
    series: {
      course,
      waitPercentilesMs: percentilesWithNever(waits, pods.length),
      offloadRttPercentilesMs: rtts.length === 0 ? [] : hundred((q) => round(quantileOf(rtts, q))),
      flows: trial.clusters.length > flowClustersMax ? [] : flowsOf(trial, bound),
      runningAtEnd: trial.clusters.length > flowClustersMax ? [] : runningAtEnd(trial, recording),
      clusterNames: trial.clusters.map(({ name }) => name).slice(0, flowClustersMax),
    },
  };
}

function spanOf(
  { createdMs, runningMs, endedMs }: PodRecord,
  endMs: number,
): { readonly existingMs: number; readonly pendingMs: number } {
  const end = Math.max(createdMs, Math.min(endedMs ?? endMs, endMs));
  const until = Math.min(runningMs ?? end, end);
  return { existingMs: end - createdMs, pendingMs: Math.max(0, until - createdMs) };
}

interface Service {
  readonly demandedMs: number;
  readonly servedMs: number;
  /** Jain's index over homes of what part of their demand was served. */
  readonly fairness: number;
}

function serviceOf(trial: Trial, { pods, endMs }: Recording): Service {
  const runs = runsByApp(trial, pods, endMs);
  const demandedByHome = trial.clusters.map(() => 0);
  const servedByHome = trial.clusters.map(() => 0);
  let [demandedMs, servedMs] = [0, 0];
  for (const [i, app] of trial.apps.entries()) {
    const changes = [
      ...app.steps.map(({ atMs, replicas }, at) => ({
        atMs: Math.min(atMs, endMs),
        demand: (replicas - (app.steps[at - 1]?.replicas ?? 0)) * app.homes.length,
        run: 0,
      })),
      ...(runs[i] ?? []),
    ].sort((a, b) => a.atMs - b.atMs);
    let [demand, running, since, demanded, served] = [0, 0, 0, 0, 0];
    const until = (atMs: number): void => {
      demanded += demand * (atMs - since);
      served += Math.min(running, demand) * (atMs - since);
      since = atMs;
    };
    for (const change of changes) {
      until(change.atMs);
      demand += change.demand;
      running += change.run;
    }
    until(endMs);
    demandedMs += demanded;
    servedMs += served;
    for (const home of app.homes) {
      demandedByHome[home] = (demandedByHome[home] ?? 0) + demanded / app.homes.length;
      servedByHome[home] = (servedByHome[home] ?? 0) + served / app.homes.length;
    }
  }
  const parts = demandedByHome.flatMap((demanded, home) =>
    demanded > 0 ? [(servedByHome[home] ?? 0) / demanded] : [],
  );
  return { demandedMs, servedMs, fairness: jain(parts) };
}

interface RunChange {
  readonly atMs: number;
  readonly demand: 0;
  readonly run: 1 | -1;
}

function runsByApp(
  trial: Trial,
  pods: readonly PodRecord[],
  endMs: number,
): readonly RunChange[][] {
  const runs: RunChange[][] = trial.apps.map(() => []);
  for (const { app, runningMs, endedMs } of pods) {
    if (runningMs === undefined || runningMs > endMs) continue;
    runs[app]?.push({ atMs: runningMs, demand: 0, run: 1 });
    if (endedMs !== undefined && endedMs < endMs) {
      runs[app]?.push({ atMs: Math.max(runningMs, endedMs), demand: 0, run: -1 });
    }
  }
  return runs;
}

/** At equal steps, the last one at the end. */
function courseOf(trial: Trial, { pods, endMs }: Recording): Result['series']['course'] {
  const steps = Array.from({ length: coursePoints }, (_, i) => (endMs * (i + 1)) / coursePoints);
  const differences = {
    existing: new Int32Array(coursePoints + 1),
    pending: new Int32Array(coursePoints + 1),
  };
  const indexAt = (ms: number): number =>
    Math.max(0, Math.ceil((Math.min(ms, endMs + 1) / endMs) * coursePoints) - 1);
  const during = (of: Int32Array, fromMs: number, toMs: number): void => {
    const [from, to] = [indexAt(fromMs), Math.min(coursePoints, indexAt(toMs))];
    if (from >= to) return;
    of[from] = (of[from] ?? 0) + 1;
    of[to] = (of[to] ?? 0) - 1;
  };
  for (const { createdMs, runningMs, endedMs } of pods) {
    const end = endedMs ?? endMs + endMs;
    during(differences.existing, createdMs, end);
    during(differences.pending, createdMs, Math.min(runningMs ?? end, end));
  }
  const demanded = new Int32Array(coursePoints);
  const served = new Int32Array(coursePoints);
  const runs = runsByApp(trial, pods, endMs);
  for (const [i, app] of trial.apps.entries()) {
    const sorted = (runs[i] ?? []).sort((a, b) => a.atMs - b.atMs);
    let [running, next, step, demand] = [0, 0, 0, 0];
    for (const [at, ms] of steps.entries()) {
      for (let change = sorted[next]; change !== undefined && change.atMs <= ms; ) {
        running += change.run;
        next += 1;
        change = sorted[next];
      }
      for (let change = app.steps[step]; change !== undefined && change.atMs <= ms; ) {
        demand = change.replicas * app.homes.length;
        step += 1;
        change = app.steps[step];
      }
      demanded[at] = (demanded[at] ?? 0) + demand;
      served[at] = (served[at] ?? 0) + Math.min(running, demand);
    }
  }
  let [existing, pending] = [0, 0];
  return steps.map((atMs, at) => {
    existing += differences.existing[at] ?? 0;
    pending += differences.pending[at] ?? 0;
    return {
      atMs: Math.round(atMs),
      existing,
      pending,
      demanded: demanded[at] ?? 0,
      served: served[at] ?? 0,
    };
  });
}

/** Of the resource that is used most. */
function utilisationOf(trial: Trial, { pods, endMs }: Recording): number {
  const room = { milliCpu: 0, memoryMib: 0, milliGpu: 0 };
  for (const { nodes } of trial.clusters) {
    for (const node of nodes) {
      room.milliCpu += node.milliCpu;
      room.memoryMib += node.memoryMib;
      room.milliGpu += node.milliGpu;
    }
  }
  const used = { milliCpu: 0, memoryMib: 0, milliGpu: 0 };
  for (const { app, boundMs, endedMs } of pods) {
    const asked = trial.apps[app]?.pod;
    if (boundMs === undefined || asked === undefined) continue;
    const ms = Math.max(0, Math.min(endedMs ?? endMs, endMs) - boundMs);
    used.milliCpu += asked.milliCpu * ms;
    used.memoryMib += asked.memoryMib * ms;
    used.milliGpu += asked.milliGpu * ms;
  }
  const parts = (['milliCpu', 'memoryMib', 'milliGpu'] as const).map((name) =>
    part(used[name], room[name] * endMs),
  );
  return Math.max(...parts);
}

function flowsOf(trial: Trial, bound: readonly PodRecord[]): number[][] {
  const flows = trial.clusters.map(() => trial.clusters.map(() => 0));
  for (const { home, host } of bound) {
    const row = flows[home];
    if (row !== undefined && host !== undefined) row[host] = (row[host] ?? 0) + 1;
  }
  return flows;
}

function runningAtEnd(trial: Trial, { pods, endMs }: Recording): number[] {
  const running = trial.clusters.map(() => 0);
  for (const { host, runningMs = Number.POSITIVE_INFINITY, endedMs } of pods) {
    if (host === undefined || runningMs > endMs || (endedMs ?? endMs) < endMs) continue;
    running[host] = (running[host] ?? 0) + 1;
  }
  return running;
}

function busiestSecond(bound: readonly PodRecord[]): number {
  const perSecond = new Map<number, number>();
  let most = 0;
  for (const { boundMs = 0 } of bound) {
    const second = Math.floor(boundMs / 1_000);
    const count = (perSecond.get(second) ?? 0) + 1;
    perSecond.set(second, count);
    most = Math.max(most, count);
  }
  return most;
}

function quantilesOf(values: readonly number[]): Result['waitMs'] {
  if (values.length === 0) return null;
  const sorted = [...values].sort(ascending);
  const at = (q: number): number => round(quantileOf(sorted, q));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function percentilesWithNever(waits: readonly number[], pods: number): (number | null)[] {
  const sorted = [...waits].sort(ascending);
  return hundred((q) => {
    const value = sorted[Math.max(0, Math.ceil(q * pods) - 1)];
    return value === undefined ? null : round(value);
  });
}

function hundred<Value>(at: (q: number) => Value): Value[] {
  return Array.from({ length: 100 }, (_, i) => at((i + 1) / 100));
}

/** (Σx)² / (n Σx²): 1 when all are equal, 1/n when one has everything (Jain, Chiu, Hawe 1984). */
function jain(values: readonly number[]): number {
  const squares = sum(values.map((value) => value * value));
  return squares === 0 ? 1 : Math.min(1, sum(values) ** 2 / (values.length * squares));
}

/** 0 of nothing; never outside 0 to 1 by rounding. */
function part(amount: number, of: number): number {
  return of <= 0 ? 0 : Math.min(1, Math.max(0, amount / of));
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function ascending(a: number, b: number): number {
  return a - b;
}
