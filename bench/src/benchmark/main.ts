/**
 * `npm run bench`: how many pods stay pending, under Spillway and under others, on the same workload.
 * Standard output is for results alone; what goes on is told on standard error.
 */
import { styleText } from 'node:util';
import { Fault } from '@spillway/core';
import { type KubernetesMinor, kubernetesOption, runCommandLine } from '@spillway/testbed';
import { Command, Option } from 'commander';
import { integer } from '../main-job/options.ts';
import type { Report, SystemName } from '../results/result.ts';
import { systems } from '../results/result.ts';
import { builtInNames } from '../scenarios/load.ts';
import { traceFiles, type TraceOptions } from '../scenarios/trace-files.ts';
import { agreementOf, agreementTable, lucks, simulatedTwins } from './agree.ts';
import { type Cell, defaultLoad, loadsOf, type Source, sourceOf } from './cells.ts';
import { compare, comparisonTable } from './compare.ts';
import { growthTable, runGrowth } from './growth.ts';
import { definitions, headline } from './headline.ts';
import { lists } from './lists.ts';
import { machine, versions } from './machine.ts';
import { htmlFile, readReport, reportFile, writeReport } from './report-folder.ts';
import { liveSystems, runLive } from './run-live.ts';
import { runSimulated } from './run-simulated.ts';
import { traceCell } from './trace-cell.ts';

interface RunOptions {
  readonly systems?: string;
  readonly mode: 'live' | 'simulated';
  readonly kubernetes: KubernetesMinor;
  readonly seeds?: number;
  readonly load?: string;
  readonly clusters?: number;
  readonly duration?: number;
  readonly trace?: string;
  readonly pods?: string;
  readonly nodes?: string;
  readonly events?: string;
  readonly out?: string;
  readonly json: boolean;
}

const simulatedSeeds = 10;
/** A live run of an hour is too long: it has the same arrivals and changes in this many seconds. */
const liveDurationS = 150;
const startedAt = new Date();
/** Fires when the command is to end. */
let stopping: AbortSignal;

const program = new Command('npm run bench --')
  .description(
    'Pending-pod ratios of Spillway and others on the same workload.\nWithout a command: run mck8s.',
  )
  .showHelpAfterError('(--help tells more)');

program
  .command('run', { isDefault: true })
  .description('run a scenario with each system and compare them')
  .argument('[scenario]', `${[...builtInNames(), 'trace'].join(', ')}, or a YAML file`, 'mck8s')
  .option(
    '--systems <names>',
    'systems, separated by commas. Default: all systems of the mode (see list)',
  )
  .addOption(
    new Option('--mode <mode>', 'virtual time, or real clusters on this machine')
      .choices(['simulated', 'live'])
      .default('simulated'),
  )
  .addOption(kubernetesOption())
  .option(
    '--seeds <n>',
    `number of seeds, each for all systems (${simulatedSeeds}; 1 live)`,
    integer(1, 1_000),
  )
  .option('--load <loads>', 'demand as a share of all room: 0.9, or 0.5,0.9, or 0.5..1.1')
  .option(
    '--clusters <n>',
    'number of clusters, if the scenario does not set it',
    integer(1, 20_000),
  )
  .option(
    '--duration <s>',
    `seconds; the scenario's own simulated, ${liveDurationS} live`,
    integer(10, 604_800),
  )
  .option('--trace <folder>', 'for the scenario trace: the folder of its CSV files')
  .option('--pods <file>', `for the scenario trace: the pods, if not ${traceFiles.pods}`)
  .option('--nodes <file>', `for the scenario trace: the nodes, if not ${traceFiles.nodes}`)
  .option('--events <file>', 'simulated, one run: one JSON line for each event')
  .option('--out <folder>', 'folder for report.json and report.html. Default: bench-results/…')
  .option('--json', 'one JSON object on standard output', false)
  .action(async (scenario: string, options: RunOptions) => await run(scenario, options));

program
  .command('growth')
  .description(
    'run growing numbers of clusters with the same load each: pending pods, bytes, memory, time',
  )
  .option('--clusters <counts>', 'separated by commas', '10,100,1000')
  .option('--out <folder>', 'folder for report.json and report.html. Default: bench-results/…')
  .option('--json', 'one JSON object on standard output', false)
  .action(async (options: { clusters: string; out?: string; json: boolean }) => {
    const counts = options.clusters.split(',').map(Number);
    const wrong = counts.find((count) => !Number.isInteger(count) || count < 2 || count > 20_000);
    if (wrong !== undefined)
      throw new Fault(
        'InvalidInput',
        `--clusters: expected whole numbers from 2 to 20000, got ${wrong}`,
      );
    const growth = await runGrowth(counts, stopping);
    const complete = growth.length === counts.length;
    finish({ ...blank(), complete, growth: [...growth] }, options, growthTable(growth), 'growth');
  });

program
  .command('list')
  .description('list the scenarios and the systems')
  .action(() => {
    process.stdout.write(`${lists()}\n`);
  });

program
  .command('report')
  .description('print the table of a folder and write its HTML page again')
  .argument('<folder>')
  .action((folder: string) => {
    const report = readReport(folder);
    writeReport(folder, report);
    const growth = report.growth.length > 0 ? `${growthTable(report.growth)}\n` : '';
    const results = report.results.length > 0 ? `${headline(report.results)}\n` : '';
    process.stdout.write(`${results}${growth}\n${folder}/${htmlFile}\n`);
  });

program
  .command('compare')
  .description('compare two folders, for example of two commits, run for run')
  .argument('<before>')
  .argument('<after>')
  .option('--json', 'one JSON object on standard output', false)
  .action((before: string, after: string, { json }: { json: boolean }) => {
    const [a, b] = [readReport(before), readReport(after)];
    const comparisons = compare(a, b);
    if (comparisons.length === 0) {
      throw new Fault(
        'InvalidInput',
        `${before} and ${after} have no run in common: same system, scenario, mode, load, seed, clusters and duration`,
      );
    }
    if (json)
      process.stdout.write(
        `${JSON.stringify({ before: a.versions, after: b.versions, comparisons })}\n`,
      );
    else {
      process.stdout.write(
        `before: ${a.versions['spillway']}\nafter:  ${b.versions['spillway']}\n\n${comparisonTable(comparisons)}\n\nMedians. Bold: the interval of the pairs' differences leaves out 0.\n`,
      );
    }
  });

program
  .command('agree')
  .description('play the live runs of a folder again in virtual time and compare the courses')
  .argument('<folder>')
  .option('--trace <folder>', 'for the scenario trace: the folder of its CSV files')
  .option('--pods <file>', `for the scenario trace: the pods, if not ${traceFiles.pods}`)
  .option('--nodes <file>', `for the scenario trace: the nodes, if not ${traceFiles.nodes}`)
  .option('--json', 'one JSON object on standard output', false)
  .action(async (folder: string, options: TraceOptions & { readonly json: boolean }) => {
    const report = readReport(folder);
    const live = report.results.filter(({ mode }) => mode === 'live');
    const [first] = live;
    if (first === undefined) throw new Fault('InvalidInput', `${folder} has no live run`);
    const cells = simulatedTwins(report, sourceOf(first.scenario, options, say));
    const twins = await runSimulated(cells, stopping);
    const agreements = live.map((of, i) =>
      agreementOf(of, twins.slice(i * lucks, (i + 1) * lucks)),
    );
    if (options.json) process.stdout.write(`${JSON.stringify({ agreements })}\n`);
    else process.stdout.write(`${agreementTable(agreements)}\n`);
    if (!agreements.every(({ agrees }) => agrees)) process.exitCode = 1;
  });

await runCommandLine(program, {
  finishes: 'Stopping; what is finished is kept.',
  onRun: ({ signal }) => {
    stopping = signal;
  },
});

async function run(scenario: string, options: RunOptions): Promise<void> {
  const { mode, clusters } = options;
  const source = sourceOf(scenario, options, say);
  const durationS = options.duration ?? (mode === 'live' ? liveDurationS : undefined);
  const cells: readonly Cell[] = loads(options, source).flatMap((load) =>
    seeds(options).flatMap((seed) =>
      systemsOf(options).map((system) => ({
        source,
        system,
        mode,
        load,
        seed,
        ...(clusters !== undefined && { clusters }),
        ...(durationS !== undefined && { durationMs: durationS * 1_000 }),
      })),
    ),
  );
  if (options.events !== undefined) return traceCell(cells, options.events);
  const results =
    mode === 'live'
      ? await runLive(cells, options.kubernetes, stopping)
      : await runSimulated(cells, stopping);
  const complete = results.length === cells.length;
  const report = { ...blank(options.kubernetes), complete, results: [...results] };
  finish(report, options, headline(results), `${scenario}-${mode}`);
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

function finish(
  report: Report,
  options: { readonly out?: string; readonly json: boolean },
  table: string,
  name: string,
): void {
  const stamp = startedAt.toISOString().replaceAll(/[:.]/g, '-').slice(0, 19);
  const plain = name.replaceAll(/[^a-z0-9-]+/gi, '-');
  const folder = options.out ?? `bench-results/${stamp}-${plain}`;
  writeReport(folder, report);
  const cut = report.complete
    ? ''
    : styleText('yellow', 'Not complete: some runs were not finished.\n');
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const words =
      report.results.length > 0
        ? `\n${definitions.map((line) => styleText('dim', line)).join('\n')}\n`
        : '';
    process.stdout.write(`${table}\n${words}\n${cut}${folder}/${htmlFile} and ${reportFile}\n`);
  }
  if (!report.complete) process.exitCode = 130;
}

function blank(kubernetes?: KubernetesMinor): Report {
  return {
    schemaVersion: 1,
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    startedAt: startedAt.toISOString(),
    complete: true,
    versions: versions(kubernetes),
    machine: machine(),
    results: [],
    growth: [],
  };
}

function loads({ load }: RunOptions, source: Source): readonly number[] {
  return load === undefined ? [defaultLoad(source)] : loadsOf(load);
}

function seeds({ seeds: count, mode, events }: RunOptions): readonly number[] {
  const fallback = mode === 'live' || events !== undefined ? 1 : simulatedSeeds;
  return Array.from({ length: count ?? fallback }, (_, i) => i + 1);
}

function systemsOf({ systems: names, mode }: RunOptions): readonly SystemName[] {
  const known: readonly SystemName[] = mode === 'live' ? liveSystems : systems;
  if (names === undefined) return known;
  return names.split(',').map((name) => {
    const system = known.find((each) => each === name.trim());
    if (system === undefined) {
      throw new Fault(
        'InvalidInput',
        `--systems: there is no ${mode} system ${name}; there are ${known.join(', ')}`,
      );
    }
    return system;
  });
}
