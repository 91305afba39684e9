/** The few numbers that a reader came for, large. */
import type { SystemName } from '../results/result.ts';
import { medianOf } from '../results/statistics.ts';
import { html, type Markup } from './markup.ts';
import type { LoadGroup, SystemRuns } from './settings.ts';
import { percent } from './units.ts';

interface Tile {
  readonly system: SystemName;
  readonly says: string;
  readonly ratio: number;
}

export function summaryTiles({ runs }: LoadGroup): Markup {
  const tiles = [
    tile(lowest(runs, 'spillway'), 'Spillway'),
    tile(lowest(runs, 'oracle'), 'the oracle: no federation can do better'),
    tile(lowest(runs, 'mck8s'), 'the best of mck8s’ policies'),
    tile(lowest(runs, 'kubefed'), 'the best of KubeFed’s policies'),
    tile(lowest(runs, 'isolated'), 'clusters on their own'),
  ];
  return html`<p class="tiles-say">Pods pending, in parts of those that exist:</p>
<ul class="tiles">${tiles.flatMap((of) => (of === undefined ? [] : [card(of)]))}</ul>`;
}

function card({ system, says, ratio }: Tile): Markup {
  return html`<li class="${system}"><b>${percent(ratio)}</b><span>${says}</span></li>`;
}

function tile(run: SystemRuns | undefined, says: string): Tile | undefined {
  return run === undefined ? undefined : { system: run.system, says, ratio: pendingOf(run) };
}

function lowest(runs: readonly SystemRuns[], family: string): SystemRuns | undefined {
  return runs
    .filter(({ system }) => system.startsWith(family))
    .sort((a, b) => pendingOf(a) - pendingOf(b))[0];
}

function pendingOf({ results }: SystemRuns): number {
  return medianOf(results.map(({ pendingPodRatio }) => pendingPodRatio));
}
