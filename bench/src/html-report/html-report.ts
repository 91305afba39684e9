/** A report as one HTML page without anything from elsewhere: tables, plots, and what they mean. */
import { grouped } from '../results/grouped.ts';
import type { Growth, Report, Result, SystemName } from '../results/result.ts';
import { systems } from '../results/result.ts';
import { estimate, medianOf, quantileOf } from '../results/statistics.ts';
import { escaped } from './escape.ts';
import { colourOf, dashOf, widthOf } from './palette.ts';
import { type Curve, flowPlot, linePlot } from './plots.ts';
import { style } from './style.ts';

export function htmlReport(report: Report): string {
  const groups = grouped(report.results, ({ scenario, mode }) => `${scenario}, ${mode}`);
  const sections = [...groups].map(([title, results]) => sectionOf(title, results));
  const banner = report.complete
    ? ''
    : '<p class="banner" role="alert">Not complete: it was stopped before all runs were finished. What is here is whole runs only.</p>';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Spillway benchmark ${escaped(report.startedAt.slice(0, 10))}</title>
<style>${style}</style>
</head>
<body>
<h1>How many pods stay pending</h1>
<p>Spillway and others on the same workload and the same clusters. ${escaped(report.startedAt.slice(0, 16).replace('T', ' '))} UTC.</p>
${banner}
${sections.join('\n')}
${report.growth.length > 0 ? growthSection(report.growth) : ''}
${footer(report)}
</body>
</html>
`;
}

function sectionOf(title: string, results: readonly Result[]): string {
  const loads = [...new Set(results.map(({ load }) => load))].sort((a, b) => a - b);
  // With several loads, details are of the highest that still fits.
  const shown = loads.findLast((load) => load <= 1) ?? loads[0] ?? 1;
  const of = results.filter(({ load }) => load === shown);
  const bySystem = systems.flatMap((system): readonly [SystemName, readonly Result[]][] => {
    const own = of.filter((result) => result.system === system);
    return own.length === 0 ? [] : [[system, own]];
  });
  const names = bySystem.map(([system]) => system);
  const key = legend(names);
  const live = results.some(({ processes }) => processes.length > 0);
  return `<section>
<h2>${escaped(title)}</h2>
<p class="dim">${results[0]?.clusters ?? 0} clusters, ${Math.round((results[0]?.durationMs ?? 0) / 60_000)} minutes, load ${shown}: demand in parts of all clusters’ room. Medians over ${new Set(of.map(({ seed }) => seed)).size} seed(s), the same for all systems.</p>
${table(bySystem)}
${definitions}
${loads.length > 1 ? figure('Pending pods against load', 'Part of the time that pods existed in which they did not run; median over seeds and its 95 % bootstrap interval.', key, linePlot(againstLoad(results), { title: 'Pending against load', x: 'load', y: '% pending', marks: true })) : ''}
${figure('Pending over time', 'Pods that do not run, of all that exist at that moment; median over seeds.', key, linePlot(courses(bySystem), { title: 'Pending over time', x: 'minutes', y: '% pending' }))}
${figure('Waiting time', 'Part of all pods that ran within so many seconds of their creation. A curve that ends below 100 %: the rest never ran.', key, linePlot(waits(bySystem), { title: 'Waiting time', x: 'seconds', y: '% of pods', logX: true, yMax: 100 }))}
${offloads(bySystem).length > 0 ? figure('How far offloaded pods are', 'Part of the offloaded pods that run within so many ms, round trip, of their home.', key, linePlot(offloads(bySystem), { title: 'RTT of offloaded pods', x: 'RTT, ms', y: '% of offloaded pods', yMax: 100 })) : ''}
${flows(bySystem)}
${live ? processTable(of) : ''}
</section>`;
}

const definitions = `<dl class="dim">
<dt>pending</dt><dd>time that pods existed and did not run, of all the time that pods existed</dd>
<dt>unserved</dt><dd>replicas demanded that did not run, over time: what a placer never created counts, what it created beyond demand does not</dd>
<dt>wait</dt><dd>from creation to running, of pods that ran</dd>
<dt>RTT, best</dt><dd>home to host of offloaded pods, and what it had been if each had gone to the nearest cluster with room for it at that moment</dd>
<dt>fairness</dt><dd>Jain’s index over what part of its demand each home was served</dd>
</dl>`;

function table(bySystem: readonly (readonly [SystemName, readonly Result[]])[]): string {
  const head = [
    'system',
    'pending',
    '95 % interval',
    'at end',
    'unserved',
    'wait P50',
    'wait P95',
    'wait P99',
    'never ran',
    'evicted',
    'offloaded',
    'RTT',
    'best',
    'used',
    'fairness',
  ];
  const rows = bySystem.map(([system, results]) => {
    const median = (of: (result: Result) => number): number => medianOf(results.map(of));
    const pending = estimate(results.map(({ pendingPodRatio }) => pendingPodRatio));
    const rtts = results.flatMap(({ offloadRttMs }) => offloadRttMs ?? []);
    const rtt = (of: 'mean' | 'best'): string =>
      rtts.length === 0 ? '–' : `${medianOf(rtts.map((each) => each[of])).toFixed(1)} ms`;
    const cells = [
      system,
      percent(pending.median),
      results.length < 2 ? '–' : `${percent(pending.low)} – ${percent(pending.high)}`,
      percent(median((result) => result.pendingPodRatioAtEnd)),
      percent(median((result) => result.unservedReplicaRatio)),
      seconds(median(({ waitMs }) => waitMs?.p50 ?? 0)),
      seconds(median(({ waitMs }) => waitMs?.p95 ?? 0)),
      seconds(median(({ waitMs }) => waitMs?.p99 ?? 0)),
      `${median(({ neverRan }) => neverRan)} of ${median(({ pods }) => pods)}`,
      `${median(({ evictions }) => evictions)}`,
      percent(median(({ offloadedShare }) => offloadedShare)),
      rtt('mean'),
      rtt('best'),
      percent(median(({ utilisation }) => utilisation)),
      median(({ fairness }) => fairness).toFixed(3),
    ];
    const row = cells.map((cell) => `<td>${escaped(cell)}</td>`).join('');
    return `<tr${system === 'spillway' ? ' class="spillway"' : ''}>${row}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="Results"><table><thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function courses(
  bySystem: readonly (readonly [SystemName, readonly Result[]])[],
): readonly Curve[] {
  return bySystem.map(([system, results]) => ({
    system,
    points: (results[0]?.series.course ?? []).map(({ atMs }, i) => ({
      x: atMs / 60_000,
      y: medianOf(
        results.map(({ series }) => {
          const { pending = 0, existing = 0 } = series.course[i] ?? {};
          return existing === 0 ? 0 : (100 * pending) / existing;
        }),
      ),
    })),
  }));
}

function againstLoad(results: readonly Result[]): readonly Curve[] {
  return systems.flatMap((system) => {
    const own = results.filter((result) => result.system === system);
    const loads = grouped(own, ({ load }) => load);
    const points = [...loads]
      .sort(([a], [b]) => a - b)
      .map(([load, of]) => {
        const { median, low, high } = estimate(
          of.map(({ pendingPodRatio }) => 100 * pendingPodRatio),
        );
        return { x: load, y: median, low, high };
      });
    return points.length === 0 ? [] : [{ system, points }];
  });
}

/** Waits below this are all the same on a logarithmic axis. */
const waitSecondsMin = 0.1;

function waits(bySystem: readonly (readonly [SystemName, readonly Result[]])[]): readonly Curve[] {
  return bySystem.map(([system, results]) => ({
    system,
    points: Array.from({ length: 100 }, (_, i) => {
      const values = results.map(
        ({ series }) => series.waitPercentilesMs[i] ?? Number.POSITIVE_INFINITY,
      );
      return { x: Math.max(waitSecondsMin, medianOf(values) / 1_000), y: i + 1 };
    }).filter(({ x }) => Number.isFinite(x)),
  }));
}

function offloads(
  bySystem: readonly (readonly [SystemName, readonly Result[]])[],
): readonly Curve[] {
  return bySystem.flatMap(([system, results]) => {
    const all = results
      .flatMap(({ series }) => series.offloadRttPercentilesMs)
      .sort((a, b) => a - b);
    if (all.length === 0 || system === 'oracle') return [];
    const points = Array.from({ length: 101 }, (_, i) => ({ x: quantileOf(all, i / 100), y: i }));
    return [{ system, points }];
  });
}

function flows(bySystem: readonly (readonly [SystemName, readonly Result[]])[]): string {
  const maps = bySystem.flatMap(([system, [first]]) => {
    if (first === undefined || first.series.flows.length === 0 || system === 'oracle') return [];
    const pods = first.series.flows;
    const plot = flowPlot({ names: first.series.clusterNames, pods }, system);
    return [`<div><h4>${system}</h4><div class="scroll">${plot}</div></div>`];
  });
  if (maps.length === 0) return '';
  return `<h3>Where each home’s pods went</h3><figcaption>Rows are homes, columns hosts; pods that got a node there, of one seed. The diagonal is home.</figcaption><div class="flows">${maps.join('')}</div>`;
}

function processTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ system, processes, seed }) =>
    processes.map(
      ({ name, cpuSeconds, rssMib }) =>
        `<tr><td>${escaped(system)}</td><td>${escaped(name)}</td><td>${seed}</td><td>${cpuSeconds.toFixed(1)} s</td><td>${rssMib} MiB</td></tr>`,
    ),
  );
  return `<h3>What it took</h3><figcaption>CPU time over the run, and resident memory at its end.</figcaption><div class="scroll" tabindex="0" role="region" aria-label="Processes"><table><thead><tr><th scope="col">system</th><th scope="col">process</th><th scope="col">seed</th><th scope="col">CPU</th><th scope="col">memory</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function growthSection(growth: readonly Growth[]): string {
  const curve = (of: (each: Growth) => number): readonly Curve[] => [
    { system: 'spillway', points: growth.map((each) => ({ x: each.clusters, y: of(each) })) },
  ];
  const rows = growth.map(
    (each) =>
      `<tr><td>${each.clusters}</td><td>${percent(each.pendingPodRatio)}</td><td>${(each.bytesPerSecondPerAgent / 1_000).toFixed(2)} kB/s</td><td>${each.known99Ms.toFixed(0)} ms</td><td>${(each.directoryBytesPerAgent / 1_024).toFixed(0)} KiB</td><td>${each.processRssMib.toFixed(0)} MiB</td><td>${each.runSeconds.toFixed(1)} s</td></tr>`,
  );
  const axes = { x: 'clusters', logX: true, marks: true } as const;
  return `<section><h2>Growth, simulated</h2>
<p class="dim">The same load on each cluster, however many there are.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Growth"><table><thead><tr><th scope="col">clusters</th><th scope="col">pending</th><th scope="col">an agent hears</th><th scope="col">99 % know after</th><th scope="col">directory</th><th scope="col">simulator’s memory</th><th scope="col">took</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>
${figure(
  'What an agent hears of adverts',
  'Copies and gossip about them included.',
  '',
  linePlot(
    curve((each) => each.bytesPerSecondPerAgent / 1_000),
    { ...axes, title: 'Bytes per agent', y: 'kB/s' },
  ),
)}
${figure(
  'How long until 99 % of the agents know of a change',
  'From the change of room, the wait for the advert’s turn included; median over changes.',
  '',
  linePlot(
    curve((each) => each.known99Ms / 1_000),
    { ...axes, title: 'Until 99 % know', y: 'seconds' },
  ),
)}
</section>`;
}

function footer({ versions, machine, command }: Report): string {
  const entries = [
    ...Object.entries(versions),
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.os}`],
  ];
  return `<footer><h2>How it was made</h2>
<p><code>${escaped(command)}</code></p>
<dl>${entries.map(([name = '', value = '']) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>
<p>mck8s’ paper (ICCCN 2021) reports 6 % of pods pending under mck8s and 65 % under Kubernetes Federation. These are the paper’s figures on its own workload, which was not published; nothing here reproduces them.</p>
</footer>`;
}

function figure(title: string, caption: string, key: string, plot: string): string {
  return `<h3>${title}</h3><figure>${key}${plot}<figcaption>${caption}</figcaption></figure>`;
}

function legend(names: readonly SystemName[]): string {
  const items = names.map((system) => {
    const dash = dashOf(system);
    const line = `<svg width="30" height="10" aria-hidden="true"><line x1="0" x2="30" y1="5" y2="5" stroke="${colourOf(system)}" stroke-width="${widthOf(system)}"${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}/></svg>`;
    return `<li>${line}${system}</li>`;
  });
  return `<ul class="legend">${items.join('')}</ul>`;
}

function percent(ratio: number): string {
  const inPercent = ratio * 100;
  return `${inPercent.toFixed(inPercent !== 0 && inPercent < 1 ? 3 : 1)} %`;
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(2)} s` : `${Math.round(ms / 1_000)} s`;
}
