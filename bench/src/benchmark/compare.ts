/** Two reports, such as of two commits, run for run: the same system, scenario, mode, load and seed. */
import { styleText } from 'node:util';
import { borderless } from '../report/tables.ts';
import type { Report, Result, SystemName } from '../results/result.ts';
import { systems } from '../results/result.ts';
import { estimate, medianOf, pairedDifferences } from '../results/statistics.ts';

export interface Comparison {
  readonly system: SystemName;
  readonly figure: string;
  readonly pairs: number;
  readonly before: number;
  readonly after: number;
  /** Median of the pairs' differences, after less before, and its 95 % bootstrap interval. */
  readonly difference: { readonly median: number; readonly low: number; readonly high: number };
}

interface Figure {
  readonly name: string;
  readonly of: (result: Result) => number | undefined;
}

const figures: readonly Figure[] = [
  { name: 'pending, %', of: (result) => 100 * result.pendingPodRatio },
  { name: 'unserved, %', of: (result) => 100 * result.unservedReplicaRatio },
  { name: 'wait P99, ms', of: (result) => result.waitMs?.p99 },
  { name: 'created to bound P99, ms', of: (result) => result.createdToBoundMs?.p99 },
  { name: 'never ran, pods', of: (result) => result.neverRan },
  { name: 'offload RTT, ms', of: (result) => result.offloadRttMs?.mean },
  { name: 'agent hears, bytes/s', of: (result) => result.agents?.bytesPerSecond },
  { name: 'slots refused', of: (result) => result.agents?.slotsRefused },
];

export function compare(before: Report, after: Report): readonly Comparison[] {
  return systems.flatMap((system) =>
    figures.flatMap(({ name, of }): readonly Comparison[] => {
      const a = byRun(after, system, of);
      const b = byRun(before, system, of);
      const differences = pairedDifferences(a, b);
      if (differences.length === 0) return [];
      const both = [...a.keys()].filter((key) => b.has(key));
      return [
        {
          system,
          figure: name,
          pairs: differences.length,
          before: medianOf(both.map((key) => b.get(key) ?? 0)),
          after: medianOf(both.map((key) => a.get(key) ?? 0)),
          difference: estimate(differences),
        },
      ];
    }),
  );
}

export function comparisonTable(comparisons: readonly Comparison[]): string {
  const table = borderless([
    'SYSTEM',
    'FIGURE',
    'BEFORE',
    'AFTER',
    'DIFFERENCE',
    '95 % INTERVAL',
    'PAIRS',
  ]);
  for (const { system, figure, pairs, before, after, difference } of comparisons) {
    const { median, low, high } = difference;
    const differs = low > 0 || high < 0;
    const text = `${median > 0 ? '+' : ''}${amount(median)}`;
    table.push([
      system,
      figure,
      amount(before),
      amount(after),
      differs ? styleText('bold', text) : text,
      pairs < 2 ? '–' : `${amount(low)} … ${amount(high)}`,
      pairs,
    ]);
  }
  return table.toString();
}

function byRun(
  { results }: Report,
  system: SystemName,
  of: Figure['of'],
): ReadonlyMap<string, number> {
  return new Map(
    results
      .filter((result) => result.system === system)
      .flatMap((result) => {
        const value = of(result);
        const { scenario, mode, load, seed, clusters, durationMs } = result;
        const key = [scenario, mode, load, seed, clusters, durationMs].join();
        return value === undefined ? [] : [[key, value] as const];
      }),
  );
}

function amount(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(3);
}
