/** A benchmark's report as one HTML file: no network, no fonts from elsewhere, readable without script. */
import { systems, type Report } from '../results/result.ts';
import { costTables } from './costs.ts';
import { pendingCourse, unservedCourse } from './figures/course.ts';
import { offloadRtts, waits } from './figures/distributions.ts';
import { swatch } from './figures/figure.ts';
import { flows } from './figures/flows.ts';
import { growthSection } from './figures/growth.ts';
import { pendingAgainstLoad, unservedAgainstLoad } from './figures/loads.ts';
import { goalList, goalsOf } from './goals.ts';
import { columnMeanings, headlineTable } from './headline.ts';
import { html, trusted, type Markup } from './markup.ts';
import { chooserScript } from './chooser-script.ts';
import { settingsOf, type LoadGroup, type Setting } from './settings.ts';
import { styleSheet } from './style-sheet.ts';
import { summaryTiles } from './summary.ts';
import { systemStyles } from './system-style.ts';
import { duration, percent, whole } from './units.ts';

/** The whole file. Sections for which the report has no data are left out. */
export function htmlReport(report: Report): string {
  const settings = settingsOf(report.results);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Spillway benchmark</title>
<style>${trusted(styleSheet)}</style>
</head>
<body>
<header>
<h1>Spillway benchmark</h1>
<p>How many pods stay pending when clusters at the edge lend each other room, and how many when they do not.</p>
${report.complete ? undefined : incomplete(report)}
</header>
<main>
${
  settings.length === 0
    ? undefined
    : html`<section><h2>Results</h2>
${chooser(
  'Scenario',
  settings.map((setting) => ({
    id: setting.id,
    name: `${setting.scenario}, ${setting.mode}, ${whole(setting.clusters)} clusters`,
  })),
)}
${settings.map(settingSection)}
</section>`
}
${growthSection(report.growth)}
${systemsSection(report)}
${provenance(report)}
</main>
<script>${trusted(chooserScript)}</script>
</body>
</html>
`;
  return page.markup;
}

function incomplete({ results }: Report): Markup {
  return html`<p class="banner" role="alert"><b>This run did not finish.</b> It was stopped or failed on its way: the ${whole(results.length)} results below are whole, but others that were asked for are missing.</p>`;
}

interface Choice {
  readonly id: string;
  readonly name: string;
}

/** Hidden until the script runs; without it everything is shown, one below the other. `chosen` below 0 is the first. */
function chooser(label: string, choices: readonly Choice[], chosen = 0): Markup | undefined {
  if (choices.length < 2) return undefined;
  return html`<p class="chooser" hidden><label>${label} <select>${choices.map(({ id, name }, at) =>
    at === Math.max(0, chosen)
      ? html`<option value="${id}" selected>${name}</option>`
      : html`<option value="${id}">${name}</option>`,
  )}</select></label></p>`;
}

function settingSection(setting: Setting): Markup {
  const { id, scenario, loads } = setting;
  const title = html`${scenario} <small>${setting.mode}, ${whole(setting.clusters)} clusters</small>`;
  const against = [pendingAgainstLoad(setting), unservedAgainstLoad(setting)].flatMap(
    (figure) => figure ?? [],
  );
  return html`<section id="${id}">
<h3>${title}</h3>
${chooser(
  'Load',
  loads.map((group) => ({ id: group.id, name: percent(group.load) })),
  loads.findLastIndex(({ load }) => load <= 1),
)}
${loads.map(loadSection)}
${against.length === 0 ? undefined : html`<h3>All loads of ${title}</h3><div class="figures">${against}</div>`}
</section>`;
}

function loadSection(group: LoadGroup): Markup {
  const figures = [
    pendingCourse(group),
    unservedCourse(group),
    waits(group),
    offloadRtts(group),
    flows(group),
  ].flatMap((figure) => figure ?? []);
  return html`<section id="${group.id}">
<p class="facts-line">${factsOf(group)}</p>
${summaryTiles(group)}
${goalList(goalsOf(group))}
${headlineTable(group)}
${columnMeanings()}
${costTables(group)}
<div class="figures">${figures}</div>
</section>`;
}

function factsOf({ load, seeds, runs }: LoadGroup): string {
  const first = runs[0]?.results[0];
  const length = first === undefined ? '' : `, ${duration(first.durationMs)}`;
  const repeated = seeds.length === 1 ? 'one seed' : `medians over ${seeds.length} seeds`;
  return `Load ${percent(load)}${length}, ${repeated}.`;
}

function systemsSection({ results }: Report): Markup | undefined {
  const present = systems.filter((name) => results.some(({ system }) => system === name));
  if (present.length === 0) return undefined;
  return html`<section><h2>Systems</h2>
<dl class="systems">${present.map(
    (system) => html`<dt>${swatch(system)}${system}</dt><dd>${systemStyles[system].says}</dd>`,
  )}</dl>
<p>For comparison: mck8s’ authors report 6 % of pods pending under mck8s and 65 % under Kubernetes Federation. That is the paper’s own workload, never published and so not reproducible; no number here is measured on it.</p>
</section>`;
}

function provenance({ command, startedAt, versions, machine, results }: Report): Markup {
  const seeds = [...new Set(results.map(({ seed }) => seed))].sort((a, b) => a - b);
  return html`<section><h2>How to get this again</h2>
<pre tabindex="0"><code>${command}</code></pre>
<dl class="facts">
<dt>Started</dt><dd>${startedAt}</dd>
${seeds.length === 0 ? undefined : html`<dt>Seeds</dt><dd>${seeds.join(', ')}</dd>`}
<dt>Machine</dt><dd>${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib.toFixed(1)} GiB, ${machine.os}</dd>
${Object.entries(versions).map(([name, version]) => html`<dt>${name}</dt><dd>${version}</dd>`)}
</dl>
</section>`;
}
