/** The few numbers that a reader came for, large: both senses of pending, since each flatters someone. */
import type { SystemName } from '../results/result.ts';
import { medianOf } from '../results/statistics.ts';
import { html, type Markup } from './markup.ts';
import type { LoadGroup, SystemRuns } from './settings.ts';
import { percent } from './units.ts';

interface Summed {
  readonly system: SystemName;
  readonly pending: number;
  readonly unserved: number;
}

const families: readonly { readonly prefix: string; readonly says: string }[] = [
  { prefix: 'spillway', says: 'as shipped' },
  { prefix: 'oracle', says: 'all nodes under one scheduler' },
  { prefix: 'mck8s', says: 'the best of mck8s’ policies' },
  { prefix: 'kubefed', says: 'the best of KubeFed’s policies' },
  { prefix: 'isolated', says: 'clusters on their own' },
];

export function summaryTiles({ runs }: LoadGroup): Markup {
  const all = runs.map(summed);
  return html`<ul class="tiles">${families.flatMap(({ prefix, says }) => {
    const best = bestOf(all.filter(({ system }) => system.startsWith(prefix)));
    return best === undefined ? [] : [tile(best, says)];
  })}</ul>`;
}

function tile({ system, pending, unserved }: Summed, says: string): Markup {
  return html`<li class="${system}"><strong>${system}</strong><small>${says}</small>
<p><b>${percent(pending)}</b> of pods pending</p><p>${percent(unserved)} of replicas unserved</p></li>`;
}

/** By replicas served: a system that creates no pods has none pending. */
function bestOf(of: readonly Summed[]): Summed | undefined {
  return [...of].sort((a, b) => a.unserved - b.unserved || a.pending - b.pending)[0];
}

function summed({ system, results }: SystemRuns): Summed {
  return {
    system,
    pending: medianOf(results.map(({ pendingPodRatio }) => pendingPodRatio)),
    unserved: medianOf(results.map(({ unservedReplicaRatio }) => unservedReplicaRatio)),
  };
}
