/** `npm run hot-paths`: the hot paths, each as a ratio to a baseline that is measured beside it. */
import { runCommandLine } from '@spillway/testbed';
import { Command } from 'commander';
import { integer } from '../main-job/options.ts';
import { borderless } from '../report/tables.ts';
import { type Measured, measured } from './hot-path.ts';
import { ledgerMemory, type LedgerMemory } from './ledger-memory.ts';
import { paths } from './paths.ts';

const memoryName = 'ledger memory';
const names = [...paths.map(({ name }) => name), memoryName];

const command = new Command('npm run hot-paths --')
  .description('Measures the hot paths, each against a baseline in the same run.')
  .option('--only <name...>', `of: ${names.join(', ')}`)
  .option('--rounds <n>', 'number of rounds of both, alternating', integer(1, 100), 5)
  .option('--quick', 'one short round: it shows whether they run, and not how fast', false)
  .option('--json', 'one JSON object on standard output', false);
await runCommandLine(command.action(run));

interface Options {
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly json: boolean;
}

async function run({ only, rounds, quick, json }: Options): Promise<void> {
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) command.error(`error: there is no hot path "${unknown}"`);
  const found: Measured[] = [];
  for (const path of paths) {
    if (only !== undefined && !only.includes(path.name)) continue;
    process.stderr.write(`${path.name}: ${path.what} …\n`);
    found.push(await measured(path, { rounds: quick ? 1 : rounds, quick }));
  }
  const memory = only === undefined || only.includes(memoryName) ? ledgerMemory() : undefined;
  process.stdout.write(
    json
      ? `${JSON.stringify({ rounds, quick, paths: found, memory }, null, 2)}\n`
      : `${[...(found.length > 0 ? [table(found)] : []), ...(memory ? [inWords(memory)] : [])].join('\n\n')}\n`,
  );
}

function inWords({ nodes, pods, rssBeforeMb, rssAfterMb, heapMb }: LedgerMemory): string {
  const many = (n: number): string => n.toLocaleString('en');
  return `${memoryName}: ${many(nodes)} nodes and ${many(pods)} pods: RSS ${rssBeforeMb} MB before, ${rssAfterMb} MB after; ${heapMb} MB of it on the heap`;
}

function table(rows: readonly Measured[]): string {
  const printed = borderless([
    'HOT PATH',
    'P50',
    'P99',
    'PER SECOND',
    'BASELINE',
    'RATIO',
    'FROM–TO',
  ]);
  for (const { name, p50Ns, p99Ns, perSecond, baselineP50Ns, ...row } of rows) {
    printed.push([
      name,
      duration(p50Ns),
      duration(p99Ns),
      Math.round(perSecond).toLocaleString('en'),
      duration(baselineP50Ns),
      `${factor(row.ratio)} ×`,
      `${factor(row.ratioMin)}–${factor(row.ratioMax)}`,
    ]);
  }
  const notes = rows.map(({ name, what, baseline }) => `  ${name}: ${what}; baseline: ${baseline}`);
  return `${printed.toString()}\n\n${notes.join('\n')}\n  ratio: baseline / ours, above 1 is faster; P99 of calls, where a call does many: of their mean`;
}

function factor(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : 0);
}

function duration(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} µs`;
  return `${(ns / 1e6).toFixed(2)} ms`;
}
