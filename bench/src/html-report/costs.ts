/** What the agents say to each other, and what the processes of a live run take. */
import { grouped } from '../results/grouped.ts';
import type { Result } from '../results/result.ts';
import { medianOf } from '../results/statistics.ts';
import { html, type Markup } from './markup.ts';
import type { LoadGroup } from './settings.ts';
import { bytes, duration, percent, whole } from './units.ts';

type Agents = NonNullable<Result['agents']>;

interface Cost {
  readonly name: string;
  readonly of: (agents: Agents) => number;
  readonly format: (value: number) => string;
}

const costs: readonly Cost[] = [
  {
    name: 'Messages per second',
    of: ({ messagesPerSecond }) => messagesPerSecond,
    format: (value) => value.toFixed(1),
  },
  {
    name: 'Bytes heard per second',
    of: ({ bytesPerSecond }) => bytesPerSecond,
    format: (value) => `${bytes(value)}/s`,
  },
  {
    name: '99 % know of a change after',
    of: ({ known99Ms }) => known99Ms,
    format: duration,
  },
  {
    name: '99 % know of an advert after',
    of: ({ spread99Ms }) => spread99Ms,
    format: duration,
  },
  {
    name: 'Age of adverts when asked by, P50',
    of: ({ stalenessMs }) => stalenessMs.p50,
    format: duration,
  },
  {
    name: 'Age of adverts when asked by, P99',
    of: ({ stalenessMs }) => stalenessMs.p99,
    format: duration,
  },
  {
    name: 'Reserved room refused by hosts',
    of: ({ slotsAsked, slotsRefused }) => (slotsAsked === 0 ? 0 : slotsRefused / slotsAsked),
    format: percent,
  },
];

/** Each agent's traffic, and CPU and memory of processes; undefined where neither was measured. */
export function costTables({ runs }: LoadGroup): Markup | undefined {
  const agents = runs.flatMap(({ results }) => results.flatMap((result) => result.agents ?? []));
  const processes = runs.flatMap(({ system, results }) => {
    const byName = grouped(
      results.flatMap((result) => result.processes),
      ({ name }) => name,
    );
    return [...byName].map(([name, own]) => ({ system, name, own }));
  });
  if (agents.length === 0 && processes.length === 0) return undefined;
  return html`<details><summary>What it costs</summary>
${
  agents.length === 0
    ? undefined
    : html`<h5>Each agent of Spillway, median over seeds</h5><dl class="facts">${costs.map(
        ({ name, of, format }) =>
          html`<dt>${name}</dt><dd>${format(medianOf(agents.map(of)))}</dd>`,
      )}</dl>`
}
${
  processes.length === 0
    ? undefined
    : html`<h5>Processes, median over seeds</h5><div class="table" tabindex="0" role="region" aria-label="Processes"><table>
<thead><tr><th scope="col">Process</th><th scope="col">under</th><th scope="col">CPU</th><th scope="col">Memory (RSS)</th></tr></thead>
<tbody>${processes.map(
        ({ system, name, own }) =>
          html`<tr><th scope="row">${name}</th><td>${system}</td><td>${medianOf(own.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1)} s</td><td>${whole(medianOf(own.map(({ rssMib }) => rssMib)))} MiB</td></tr>`,
      )}</tbody></table></div>`
}</details>`;
}
