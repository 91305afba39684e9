/** What Spillway is held to (design goals of the benchmark), and whether a load's runs show it. */
import type { Result } from '../results/result.ts';
import { medianOf, pairedDifferences } from '../results/statistics.ts';
import { html, type Markup } from './markup.ts';
import type { LoadGroup, SystemRuns } from './settings.ts';
import { percent, points } from './units.ts';

export interface Goal {
  readonly wanted: string;
  readonly found: string;
  readonly met: boolean;
}

/** Points above the oracle. Scenarios that are not listed have no such goal. */
const aboveOracleMax: Readonly<Record<string, number>> = {
  mck8s: 0.005,
  'edge-day': 0.005,
  agents: 0.005,
  trace: 0.01,
};
const belowKubefedMin = 10;
/** A pod is pending while it starts, under the oracle too: its ratio counts as 0 below this. */
const oracleNone = 0.001;
const rttToBestMax = 1.1;

/** Goals about systems that did not run are left out. */
export function goalsOf({ runs }: LoadGroup): readonly Goal[] {
  const of = (name: string): SystemRuns | undefined => runs.find(({ system }) => system === name);
  const spillway = of('spillway')?.results ?? [];
  const oracle = of('oracle')?.results ?? [];
  const kubefed = runs.filter(({ system }) => system.startsWith('kubefed'));
  return [
    ...nearOracle(spillway, oracle),
    ...belowKubefed(spillway, oracle, kubefed),
    ...nearBest(spillway),
  ];
}

export function goalList(goals: readonly Goal[]): Markup | undefined {
  if (goals.length === 0) return undefined;
  return html`<ul class="goals" aria-label="Goals">${goals.map(
    ({ wanted, found, met }) =>
      html`<li class="${met ? 'met' : 'missed'}"><b>${met ? '✓ Goal met' : '✗ Goal missed'}:</b> ${wanted}. <span>${found}.</span></li>`,
  )}</ul>`;
}

function nearOracle(spillway: readonly Result[], oracle: readonly Result[]): readonly Goal[] {
  const max = aboveOracleMax[spillway[0]?.scenario ?? ''];
  const differences = pairedDifferences(pendingBySeed(spillway), pendingBySeed(oracle));
  if (max === undefined || differences.length === 0) return [];
  const difference = medianOf(differences);
  return [
    {
      wanted: `pending pods at most ${max * 100} points above the oracle’s`,
      found: `Paired median: ${points(difference)}`,
      met: difference <= max,
    },
  ];
}

function belowKubefed(
  spillway: readonly Result[],
  oracle: readonly Result[],
  kubefed: readonly SystemRuns[],
): readonly Goal[] {
  if (spillway.length === 0 || oracle.length === 0 || kubefed.length === 0) return [];
  if (pendingOf(oracle) >= oracleNone) return [];
  const [best] = [...kubefed].sort((a, b) => pendingOf(a.results) - pendingOf(b.results));
  if (best === undefined) return [];
  const [ours, theirs] = [pendingOf(spillway), pendingOf(best.results)];
  return [
    {
      wanted: `pending pods ${belowKubefedMin} times below every KubeFed variant, where the oracle leaves next to none`,
      found: `${percent(ours)} against ${percent(theirs)} of ${best.system}`,
      met: ours * belowKubefedMin <= theirs,
    },
  ];
}

function nearBest(spillway: readonly Result[]): readonly Goal[] {
  const ratios = spillway.flatMap(({ offloadRttMs }) =>
    offloadRttMs === null || offloadRttMs.best === 0 ? [] : [offloadRttMs.mean / offloadRttMs.best],
  );
  if (ratios.length === 0) return [];
  return [
    {
      wanted: `offloaded pods at most ${percent(rttToBestMax - 1)} farther, in RTT, than the nearest clusters with room`,
      found: `Median: ${percent(Math.max(0, medianOf(ratios) - 1))}`,
      met: medianOf(ratios) <= rttToBestMax,
    },
  ];
}

function pendingBySeed(results: readonly Result[]): ReadonlyMap<string, number> {
  return new Map(results.map(({ seed, pendingPodRatio }) => [`${seed}`, pendingPodRatio]));
}

function pendingOf(results: readonly Result[]): number {
  return medianOf(results.map(({ pendingPodRatio }) => pendingPodRatio));
}
