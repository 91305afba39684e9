/** What an agent pays, and how soon it knows, as the federation grows. */
import * as Plot from '@observablehq/plot';
import type { Growth } from '../../results/result.ts';
import { goalList, type Goal } from '../goals.ts';
import { html, type Markup } from '../markup.ts';
import { bytes, duration, percent, whole } from '../units.ts';
import { drawTwice } from './draw.ts';
import { figure } from './figure.ts';

interface Curve {
  readonly title: string;
  readonly definition: string;
  readonly value: (growth: Growth) => number;
  readonly format: (value: number) => string;
  readonly goal?: { readonly value: number; readonly says: string };
}

const bytesPerSecondMax = 10_000;
const known99MsMax = 2_000;

const curves: readonly Curve[] = [
  {
    title: 'Bytes per second and agent',
    definition:
      'What an agent hears of adverts, copies and gossip about them included. Goal: at most 10 kB/s at 1,000 clusters.',
    value: ({ bytesPerSecondPerAgent }) => bytesPerSecondPerAgent,
    format: (value) => `${bytes(value)}/s`,
    goal: { value: bytesPerSecondMax, says: 'goal at 1,000 clusters' },
  },
  {
    title: 'Time until 99 % know',
    definition:
      'From a change of a cluster’s room until 99 % of the agents know of it, the wait for the advert’s turn included; median over changes. Goal: at most 2 s.',
    value: ({ known99Ms }) => known99Ms,
    format: duration,
    goal: { value: known99MsMax, says: 'goal' },
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

function curveFigure(
  rows: readonly Growth[],
  { title, definition, value, format, goal }: Curve,
): Markup {
  const highest = Math.max(goal?.value ?? 0, ...rows.map(value));
  const points = rows.map((row) => ({ x: Math.log10(row.clusters), y: value(row) }));
  const clusters = [...new Set(rows.map((row) => row.clusters))];
  const plot = drawTwice((width) => ({
    ariaLabel: `${title} against the number of clusters`,
    width,
    marginLeft: 62,
    marginRight: 28,
    x: {
      ticks: clusters.map(Math.log10),
      tickFormat: (log: number) => whole(10 ** log),
      label: 'clusters',
      inset: 10,
    },
    y: {
      domain: [0, highest * 1.12],
      grid: true,
      label: null,
      ticks: 5,
      tickFormat: format,
    },
    marks: [
      ...(goal === undefined
        ? []
        : [
            Plot.ruleY([goal.value], { stroke: 'currentColor', strokeDasharray: '2 3' }),
            Plot.text([goal.value], {
              y: (of: number) => of,
              text: () => goal.says,
              frameAnchor: 'left',
              textAnchor: 'start',
              dx: 4,
              dy: -8,
            }),
          ]),
      Plot.lineY(points, {
        x: 'x',
        y: 'y',
        stroke: 'var(--spillway)',
        strokeWidth: 3.2,
        className: 'mark',
      }),
      Plot.dot(points, {
        x: 'x',
        y: 'y',
        r: 4.5,
        fill: 'var(--spillway)',
        title: ({ x, y }: { x: number; y: number }) => `${whole(10 ** x)} clusters: ${format(y)}`,
        className: 'mark',
      }),
    ],
  }));
  return figure({ title, definition, plot });
}

function goalsOf(rows: readonly Growth[]): readonly Goal[] {
  const thousand = rows.find(({ clusters }) => clusters === 1_000);
  const slowest = Math.max(...rows.map(({ known99Ms }) => known99Ms));
  return [
    ...(thousand === undefined
      ? []
      : [
          {
            wanted: `an agent of ${whole(thousand.clusters)} hears at most ${bytes(bytesPerSecondMax)}/s`,
            found: `${bytes(thousand.bytesPerSecondPerAgent)}/s`,
            met: thousand.bytesPerSecondPerAgent <= bytesPerSecondMax,
          },
        ]),
    {
      wanted: `99 % know of a change within ${duration(known99MsMax)}, however many they are`,
      found: `At most ${duration(slowest)}`,
      met: slowest <= known99MsMax,
    },
  ];
}

function table(rows: readonly Growth[]): Markup {
  return html`<div class="table" tabindex="0" role="region" aria-label="Growth"><table>
<thead><tr><th scope="col">Clusters</th><th scope="col">Pending pods</th><th scope="col">Bytes/s and agent</th><th scope="col">Offload RTT</th><th scope="col">99 % know of a change after</th><th scope="col">of an advert after</th><th scope="col">Directory per agent</th><th scope="col">Simulator’s memory</th><th scope="col">Run time</th></tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${whole(row.clusters)}</th><td>${percent(row.pendingPodRatio)}</td><td>${bytes(row.bytesPerSecondPerAgent)}</td><td>${rtt(row)}</td><td>${duration(row.known99Ms)}</td><td>${duration(row.spread99Ms)}</td><td>${bytes(row.directoryBytesPerAgent)}</td><td>${whole(row.processRssMib)} MiB</td><td>${duration(row.runSeconds * 1_000)}</td></tr>`,
  )}</tbody></table></div>`;
}

function rtt({ offloadRttMs }: Growth): Markup {
  if (offloadRttMs === null) return html`–`;
  return html`${duration(offloadRttMs.mean)} <small>best ${duration(offloadRttMs.best)}</small>`;
}
