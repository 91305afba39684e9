/** What an agent pays, and how soon it knows, as the federation grows. */
import type { Growth } from '../../results/result.ts';
import { goalList, type Goal } from '../goals.ts';
import { html, type Markup } from '../markup.ts';
import { bytes, duration, percent, whole } from '../units.ts';
import { type Curve, curveFigure } from './growth-curve.ts';

const bytesPerSecondMax = 10_000;
const known99MsMax = 2_000;

const curves: readonly Curve[] = [
  {
    title: 'Bytes per second and agent',
    definition:
      'What an agent hears of adverts, copies and gossip about them included. Goal: at most 10 kB/s at 1,000 clusters.',
    lines: [{ value: ({ bytesPerSecondPerAgent }) => bytesPerSecondPerAgent }],
    format: (value) => `${bytes(value)}/s`,
    goal: { value: bytesPerSecondMax, says: 'goal at 1,000 clusters' },
  },
  {
    title: 'Time until 99 % know',
    definition:
      'Until 99 % of the agents know: from a change of a cluster’s room, the wait for the advert’s turn included, and from when the advert is said. Medians; logarithmic. Goal: a change within 2 s.',
    lines: [
      { value: ({ spread99Ms }) => spread99Ms, says: 'from the advert', dash: '6 4' },
      { value: ({ known99Ms }) => known99Ms, says: 'from the change' },
    ],
    format: duration,
    goal: { value: known99MsMax, says: 'goal' },
    logarithmicTicks: [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000],
  },
];

export function growthSection(growth: readonly Growth[]): Markup | undefined {
  if (growth.length === 0) return undefined;
  const rows = [...growth].sort((a, b) => a.clusters - b.clusters);
  return html`<section>
<h2>Growth</h2>
<p>More and more clusters, the load of each the same. Simulated.</p>
<div class="figures">${curves.map((curve) => curveFigure(rows, curve))}</div>
${goalList(goalsOf(rows))}
${table(rows)}
</section>`;
}

function goalsOf(rows: readonly Growth[]): readonly Goal[] {
  const heard = rows.find(({ clusters }) => clusters === 1_000)?.bytesPerSecondPerAgent ?? null;
  const known = rows.flatMap(({ known99Ms }) => known99Ms ?? []);
  const slowest = Math.max(...known);
  const ofHeard = heard !== null && {
    wanted: `an agent of ${whole(1_000)} hears at most ${bytes(bytesPerSecondMax)}/s`,
    found: `${bytes(heard)}/s`,
    met: heard <= bytesPerSecondMax,
  };
  const ofKnown = known.length > 0 && {
    wanted: `99 % know of a change within ${duration(known99MsMax)}, however many they are`,
    found: `At most ${duration(slowest)}`,
    met: slowest <= known99MsMax,
  };
  return [ofHeard, ofKnown].filter((goal) => goal !== false);
}

function table(rows: readonly Growth[]): Markup {
  return html`<div class="table" tabindex="0" role="region" aria-label="Growth"><table>
<thead><tr><th scope="col">Clusters</th><th scope="col">Pending pods</th><th scope="col">Bytes/s and agent</th><th scope="col">Offload RTT</th><th scope="col">99 % know of a change after</th><th scope="col">of an advert after</th><th scope="col">Directory per agent</th><th scope="col">Simulator’s memory</th><th scope="col">Run time</th></tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${whole(row.clusters)}</th><td>${percent(row.pendingPodRatio)}</td><td>${orNone(row.bytesPerSecondPerAgent, bytes)}</td><td>${rtt(row)}</td><td>${orNone(row.known99Ms, duration)}</td><td>${duration(row.spread99Ms)}</td><td>${row.directoryBytesPerAgent === 0 ? '–' : bytes(row.directoryBytesPerAgent)}</td><td>${whole(row.processRssMib)} MiB</td><td>${duration(row.runSeconds * 1_000)}</td></tr>`,
  )}</tbody></table></div>`;
}

function orNone(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}

function rtt({ offloadRttMs }: Growth): Markup {
  if (offloadRttMs === null) return html`–`;
  return html`${duration(offloadRttMs.mean)} <small>best ${duration(offloadRttMs.best)}</small>`;
}
