/**
 * `npm test` is everything that CI runs; `npm run check | unit | integration` are its parts.
 *
 *   npm test                        all steps, and 20,000 simulated worlds, others after each change of their code
 *   npm run check                   format, lint, types, layers, dead code, packages
 *   npm run unit [-- FILTER]        unit, property and simulation tests
 *   npm run integration [-- FILTER] real sockets and real control planes
 *                                   SPILLWAY_KUBERNETES=1.37 before it: of another Kubernetes version
 *   npm run format                  mends the formatting
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import {
  askedKubernetes,
  kubernetesMinors,
  kubernetesVariable,
} from '../testbed/src/kubernetes-versions.ts';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** What it prints is worth reading also when it succeeds. */
  readonly told?: boolean;
}

const publishable = [
  'core',
  'scheduling',
  'federation',
  'wire',
  'mesh',
  'kubernetes',
  'agent',
  'cli',
];

const check: readonly Step[] = [
  { name: 'format', command: ['biome', 'format', '.'] },
  { name: 'types', command: ['tsc', '-b'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'layers', command: ['turbo', 'boundaries', '--no-color'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'cli bundle', command: ['node', ...process.execArgv, 'packages/bundling/src/main.ts'] },
  ...publishable.map((name) => ({
    name: `package ${name}`,
    command: ['publint', '--strict', '--pack', 'false', join('packages', name)],
  })),
];

function rights(folder: string, whole: boolean): Step {
  const judge = 'packages/chart/src/rights/main.ts';
  return {
    name: 'rights',
    command: ['node', '--conditions=spillway-source', judge, folder, ...(whole ? ['whole'] : [])],
    told: true,
  };
}

/** What runs on every Kubernetes version. All the rest runs on the one that is asked for. */
const onEveryVersion = ['bench/src/agreement', 'bench/src/main-job'];

/** Others with each change of what they play: seeds that always pass prove nothing new. */
function freshSeeds(): Step {
  const program = ['--conditions=spillway-source', 'bench/src/seeds/main.ts'];
  return {
    name: 'seeds',
    command: ['node', ...program, '--count', '20000', '--from', String(firstSeed())],
    told: true,
  };
}

/** From the sources that the worlds are made of; a source archive has no Git to ask for a commit. */
function firstSeed(): number {
  const hash = createHash('sha256');
  const files = globSync('packages/{core,scheduling,federation,simulator}/src/**/*.ts');
  for (const file of files.toSorted()) hash.update(readFileSync(file));
  return hash.digest().readUInt32BE() >>> 4;
}

const kinds = { unit: ['unit', 'property', 'simulation'], integration: ['integration'] } as const;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const [mode = 'all', ...filters] = process.argv.slice(2);
const counts = new Map<string, Counts>();
/** Test and first line of its error, to be told once more at the end: the log of a whole run is long. */
const failedTests: string[] = [];
const failedSteps: string[] = [];

if (mode === 'format') {
  run({ name: 'format', command: ['biome', 'format', '--write', '.'] });
} else {
  if (mode === 'all' || mode === 'check') {
    for (const step of check) if (!run(step)) failedSteps.push(step.name);
  }
  if (mode === 'all' || mode === 'unit') for (const kind of kinds.unit) tests(kind);
  if (mode === 'all' && !run(freshSeeds())) failedSteps.push('seeds');
  if (mode === 'all' || mode === 'integration') for (const kind of kinds.integration) tests(kind);
  if (mode === 'all') {
    const asked = askedKubernetes();
    for (const version of kubernetesMinors) if (version !== asked) testsOn(version);
  }
  report();
}

function run({ name, command, told = false }: Step): boolean {
  const [program = '', ...args] = command;
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    maxBuffer: 64 * 1024 * 1024,
  });
  const ok = status === 0;
  console.log(`${ok ? '✓' : '✗'} ${name.padEnd(20)} ${seconds(started)}`);
  if (told) console.log(stdout);
  if (!ok) {
    console.log(`${told ? '' : stdout}${stderr}\nrun it alone: npx ${command.join(' ')}\n`);
  }
  return ok;
}

/** The build comes first, and shows its progress: no test waits that long. */
function testsOn(version: string): void {
  console.log(`… control plane of Kubernetes ${version}`);
  const started = performance.now();
  const build = ['testbed/src/main.ts', 'build', '--kubernetes', version];
  const { status } = spawnSync('node', [...process.execArgv, ...build], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(
    `${status === 0 ? '✓' : '✗'} control plane of Kubernetes ${version} ${seconds(started)}`,
  );
  if (status === 0) {
    tests('integration', { on: version, only: onEveryVersion });
  } else {
    failedSteps.push(`control plane of Kubernetes ${version}`);
  }
}

interface Narrowed {
  /** A Kubernetes version. */
  readonly on: string;
  readonly only: readonly string[];
}

function tests(kind: string, narrowed?: Narrowed): void {
  const name = narrowed === undefined ? kind : `${kind} on ${narrowed.on}`;
  const folder = mkdtempSync(join(tmpdir(), 'spillway-test-'));
  const file = join(folder, 'report.json');
  const audit = join(folder, 'audit');
  const started = performance.now();
  console.log(`… ${name} tests`);
  const { status } = spawnSync(
    'vitest',
    [
      'run',
      '--project',
      kind,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...(narrowed?.only ?? filters),
    ],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        SPILLWAY_AUDIT_FOLDER: audit,
        ...(narrowed && { [kubernetesVariable]: narrowed.on }),
      },
    },
  );
  // What agents asked of API servers meanwhile, held against the rights that ship.
  const whole = narrowed === undefined && filters.length === 0;
  if (existsSync(audit) && !run(rights(audit, whole))) failedSteps.push(`rights (${name})`);
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as JsonReport;
    counts.set(name, {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests + report.numTodoTests,
    });
    failedTests.push(...failuresOf(report));
  } catch {
    failedSteps.push(`${name} tests (no report)`);
  }
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0 && (counts.get(name)?.failed ?? 0) === 0) failedSteps.push(`${name} tests`);
  console.log(`${status === 0 ? '✓' : '✗'} ${name} tests ${seconds(started)}\n`);
}

/** What is used of the report that Vitest's reporter `json` writes (https://vitest.dev/guide/reporters). */
interface JsonReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Of a file that failed as a whole. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

function failuresOf({ testResults }: JsonReport): readonly string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const path = relative(process.cwd(), name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [failure(path, message)] : [];
    return failed.map((test) => failure(`${path}: ${test.fullName}`, test.failureMessages?.[0]));
  });
}

function failure(what: string, message = ''): string {
  const lines = stripVTControlCharacters(message).split('\n').slice(0, 5);
  return [what, ...lines.map((line) => `    ${line.slice(0, 300)}`)].join('\n');
}

function report(): void {
  for (const test of failedTests) console.log(`✗ ${test}`);
  const sum: Counts = { passed: 0, failed: failedSteps.length, skipped: 0 };
  for (const [name, { passed, failed, skipped }] of counts) {
    console.log(
      `${name.padEnd(20)} ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed ${String(skipped).padStart(4)} skipped`,
    );
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  if (failedSteps.length > 0) console.log(`failed: ${failedSteps.join(', ')}`);
  if (counts.size > 0) {
    const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
    console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
  }
  process.exitCode = sum.failed > 0 ? 1 : 0;
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
