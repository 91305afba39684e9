/** The figures of one load as a table: a row per system, medians over seeds. */
import type { Result, SystemName } from '../results/result.ts';
import { estimate, medianOf, pairedDifferences } from '../results/statistics.ts';
import { swatch } from './figures/figure.ts';
import { html, type Markup } from './markup.ts';
import type { LoadGroup, SystemRuns } from './settings.ts';
import { duration, percent, percentNumber, points, whole } from './units.ts';

interface Column {
  readonly head: string;
  readonly means: string;
  /** Left out where it would say nothing. */
  readonly isEmpty?: (result: Result) => boolean;
  readonly cell: (runs: SystemRuns, spillway: readonly Result[]) => string | Markup;
}

const none = '–';

const columns: readonly Column[] = [
  {
    head: 'Pending pods',
    means:
      'Pods that do not run yet in parts of the pods that exist, both summed over time: mck8s’ sense, as far as its abstract tells.',
    cell: ({ results }) => estimated(results.map(({ pendingPodRatio }) => pendingPodRatio)),
  },
  {
    head: 'against Spillway',
    means:
      'Pending pods of the system less those of Spillway in the same trial (scenario, load, seed), in percentage points; above 0, Spillway left fewer pending.',
    cell: ({ system, results }, spillway) =>
      system === 'spillway' ? none : difference(results, spillway),
  },
  {
    head: 'Unserved replicas',
    means:
      'Replicas that did not run in parts of replicas asked for, both summed over time: sees too what a placer never created, and does not count what was created beyond demand.',
    cell: ({ results }) =>
      estimated(results.map(({ unservedReplicaRatio }) => unservedReplicaRatio)),
  },
  {
    head: 'Pending at end',
    means: 'Pods that do not run when the trial ends, in parts of those that exist then.',
    cell: ({ results }) =>
      percent(medianOf(results.map(({ pendingPodRatioAtEnd }) => pendingPodRatioAtEnd))),
  },
  {
    head: 'Wait P50',
    means: 'From a pod’s creation to running, of pods that ran.',
    cell: ({ results }) => medianDuration(results.map(({ waitMs }) => waitMs?.p50)),
  },
  {
    head: 'Wait P99',
    means: 'The same, at the 99th percentile.',
    cell: ({ results }) => medianDuration(results.map(({ waitMs }) => waitMs?.p99)),
  },
  {
    head: 'Never ran',
    means:
      'Pods that did not run before they were deleted or the trial ended, of all that were created.',
    cell: ({ results }) =>
      html`${whole(medianOf(results.map(({ neverRan }) => neverRan)))} <small>of ${whole(medianOf(results.map(({ pods }) => pods)))}</small>`,
  },
  {
    head: 'Evictions',
    means: 'Pods that were taken from the node they had.',
    isEmpty: ({ evictions }) => evictions === 0,
    cell: ({ results }) => whole(medianOf(results.map(({ evictions }) => evictions))),
  },
  {
    head: 'Offloaded',
    means: 'Of the pods that got a node, how many got one away from home.',
    cell: ({ results }) => percent(medianOf(results.map(({ offloadedShare }) => offloadedShare))),
  },
  {
    head: 'Offload RTT',
    means:
      'Mean round-trip time between home and host over offloaded pods; below, had each gone to the nearest cluster with room for it when it was bound.',
    cell: ({ results }) => rtt(results),
  },
  {
    head: 'Used',
    means: 'Of all clusters’ room for the scarcest resource, over time.',
    cell: ({ results }) => percent(medianOf(results.map(({ utilisation }) => utilisation))),
  },
  {
    head: 'Fairness',
    means: 'Jain’s index over the homes’ served parts of their demand: 1 is equal.',
    cell: ({ results }) => medianOf(results.map(({ fairness }) => fairness)).toFixed(2),
  },
];

export function headlineTable({ runs }: LoadGroup): Markup {
  const spillway = runs.find(({ system }) => system === 'spillway')?.results ?? [];
  const results = runs.flatMap((run) => run.results);
  const shown = columns.filter(({ isEmpty }) => isEmpty === undefined || !results.every(isEmpty));
  return html`<div class="table" tabindex="0" role="region" aria-label="Systems"><table>
<thead><tr><th scope="col">System</th>${shown.map(({ head }) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${runs.map((run) => row(run, shown, spillway))}</tbody></table></div>`;
}

/** What each column means. */
export function columnMeanings(): Markup {
  return html`<details><summary>What the columns mean</summary><dl>${columns.map(
    ({ head, means }) => html`<dt>${head}</dt><dd>${means}</dd>`,
  )}<dt>[low, high]</dt><dd>95 % percentile bootstrap interval of the median over seeds (1,000 resamples, seeded). One seed has none.</dd></dl></details>`;
}

function row(run: SystemRuns, shown: readonly Column[], spillway: readonly Result[]): Markup {
  return html`<tr class="${rowClass(run.system)}"><th scope="row">${swatch(run.system)}${run.system}</th>${shown.map(
    ({ cell }) => {
      const content = cell(run, spillway);
      return html`<td>${content}</td>`;
    },
  )}</tr>`;
}

function rowClass(system: SystemName): string {
  return system === 'spillway' ? 'ours' : '';
}

function estimated(ratios: readonly number[]): Markup {
  const { median, low, high } = estimate(ratios);
  const interval =
    ratios.length < 2
      ? undefined
      : html` <small>[${percentNumber(low)}, ${percentNumber(high)}]</small>`;
  return html`<b>${percent(median)}</b>${interval}`;
}

function difference(results: readonly Result[], spillway: readonly Result[]): Markup {
  const differences = pairedDifferences(pendingByTrial(results), pendingByTrial(spillway));
  if (differences.length === 0) return html`${none}`;
  const { median, low, high } = estimate(differences);
  const interval =
    differences.length < 2 ? undefined : html` <small>[${points(low)}, ${points(high)}]</small>`;
  return html`${points(median)}${interval}`;
}

function pendingByTrial(results: readonly Result[]): ReadonlyMap<string, number> {
  return new Map(
    results.map(({ scenario, load, seed, pendingPodRatio }) => [
      JSON.stringify([scenario, load, seed]),
      pendingPodRatio,
    ]),
  );
}

function medianDuration(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? none : duration(medianOf(known));
}

function rtt(results: readonly Result[]): string | Markup {
  const known = results.flatMap(({ offloadRttMs }) => offloadRttMs ?? []);
  if (known.length === 0) return none;
  const mean = medianOf(known.map((of) => of.mean));
  const best = medianOf(known.map((of) => of.best));
  return html`${duration(mean)} <small>best ${duration(best)}</small>`;
}
