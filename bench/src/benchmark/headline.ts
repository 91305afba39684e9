/** Results as a table: a line for each system, medians over seeds, with what a reader asks first. */
import { styleText } from 'node:util';
import { grouped } from '../results/grouped.ts';
import type { Result } from '../results/result.ts';
import { systems } from '../results/result.ts';
import { type Estimate, estimate, medianOf } from '../results/statistics.ts';
import { borderless } from '../report/tables.ts';

export const definitions = [
  'PENDING    time that pods existed without running, of all the time that pods existed',
  'AT END     pods that did not run when the time was over, of those that existed',
  'UNSERVED   replicas demanded that did not run, over time: what was never created counts, what was created beyond demand does not',
  'WAIT       from creation to running, of the pods that ran; NEVER RAN: pods that ended before they could',
  'RTT / BEST home to host of offloaded pods, and what it had been at the nearest cluster with room for each',
];

/** One table for each scenario, mode and load. */
export function headline(results: readonly Result[]): string {
  const groups = grouped(
    results,
    ({ scenario, mode, load, clusters }) =>
      `${scenario}, ${mode}, load ${load}, ${clusters} clusters`,
  );
  return [...groups]
    .map(([title, group]) => `${styleText('bold', title)}\n${tableOf(group)}`)
    .join('\n\n');
}

function tableOf(results: readonly Result[]): string {
  const table = borderless([
    'SYSTEM',
    'PENDING',
    '95 % INTERVAL',
    'AT END',
    'UNSERVED',
    'WAIT P50',
    'P99',
    'NEVER RAN',
    'OFFLOADED',
    'RTT / BEST',
    'USED',
    'SEEDS',
  ]);
  for (const system of systems) {
    const of = results.filter((result) => result.system === system);
    if (of.length === 0) continue;
    const median = (figure: (result: Result) => number): number => medianOf(of.map(figure));
    const pending = estimate(of.map(({ pendingPodRatio }) => pendingPodRatio));
    table.push([
      system === 'spillway' ? styleText('bold', system) : system,
      percent(pending.median),
      interval(pending, of.length),
      percent(median(({ pendingPodRatioAtEnd }) => pendingPodRatioAtEnd)),
      percent(median(({ unservedReplicaRatio }) => unservedReplicaRatio)),
      wait(of, 'p50'),
      wait(of, 'p99'),
      `${median(({ neverRan }) => neverRan)} of ${median(({ pods }) => pods)}`,
      percent(median(({ offloadedShare }) => offloadedShare)),
      rtt(of),
      percent(median(({ utilisation }) => utilisation)),
      of.length,
    ]);
  }
  return table.toString();
}

export function percent(value: number): string {
  const inPercent = value * 100;
  return `${inPercent.toFixed(inPercent !== 0 && inPercent < 1 ? 3 : 1)} %`;
}

function interval({ low, high }: Estimate, seeds: number): string {
  return seeds < 2 ? '–' : `${percent(low)} … ${percent(high)}`;
}

/** Of the runs in which any pod ran. */
function wait(results: readonly Result[], quantile: 'p50' | 'p99'): string {
  const waits = results.flatMap(({ waitMs }) => waitMs?.[quantile] ?? []);
  return waits.length === 0 ? '–' : seconds(medianOf(waits));
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(2)} s` : `${Math.round(ms / 1_000)} s`;
}

function rtt(results: readonly Result[]): string {
  const offloads = results.flatMap(({ offloadRttMs }) => offloadRttMs ?? []);
  if (offloads.length === 0) return '–';
  const mean = medianOf(offloads.map((of) => of.mean));
  return `${mean.toFixed(1)} / ${medianOf(offloads.map(({ best }) => best)).toFixed(1)} ms`;
}
