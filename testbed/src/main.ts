/** `npm run testbed -- up | env | status | load-image | down`: clusters to try things on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { Command, Option } from 'commander';
import { nameOf, quantity, wholeNumber } from './argument-parsers.ts';
import { ensureBinaries, ensureProgram } from './binaries.ts';
import { addBuildCommand } from './build-command.ts';
import { addDockerCommands } from './docker/docker-command.ts';
import { findDocker } from './docker/ensure-docker.ts';
import { withInstallPackages } from './docker/install-packages-option.ts';
import { machineLimits, requireMachine } from './docker/machine-limits.ts';
import { wantedOf } from './kind/kind-testbed.ts';
import { borrowDocker } from './kind/borrowed-docker.ts';
import { cities } from './cities.ts';
import { runCommandLine } from './command-line.ts';
import { undoAtEnd } from './ends.ts';
import { Docker } from './kind/docker.ts';
import { removeOrphans } from './kind/footprint.ts';
import { loadArchive } from './kind/load-archive.ts';
import { ensureProvisions } from './kind/provisions.ts';
import { addNodeImageCommand } from './kind-node/node-image-command.ts';
import {
  allRunning,
  findRunning,
  forgetRunning,
  isAlive,
  logFile,
  type Running,
  writeRunning,
} from './running.ts';
import { kubernetesOption } from './kubernetes-option.ts';
import {
  defaultKubernetes,
  type KubernetesMinor,
  kubernetesVersions,
} from './kubernetes-versions.ts';
import { equalNodes, type KindClusterSpec, type TestbedSpec } from './spec.ts';
import { reapOrphans } from './reaper.ts';
import { clusterStatuses, statusTable } from './status.ts';
import type { KindTestbed } from './kind/kind-testbed.ts';
import type { LocalTestbed } from './local-testbed.ts';
import { startTestbed } from './testbed.ts';
import { waitFor } from './wait-for.ts';

interface UpOptions {
  readonly name: string;
  readonly kind: 'local' | 'kind';
  readonly kubernetes: KubernetesMinor;
  readonly clusters: number;
  readonly workers: number | undefined;
  readonly nodes: number | undefined;
  readonly cpu: string;
  readonly memory: string;
  readonly gpus: number;
  readonly install: boolean;
  readonly distinctSubnets: boolean;
}

/**
 * What `--install` runs in the process that owns the test bed. It is an app, which this package may not
 * import. So it is named by its file.
 */
const installer = new URL('../../bench/src/installed/on-testbed.ts', import.meta.url);

const ourPrograms = fileURLToPath(new URL('../../tools/bin', import.meta.url));

const upMsMax = 20 * 60_000;
/** Ten kind clusters are removed within a minute. */
const downMsMax = 180_000;
const nodesMax = 5_000;
const workersMax = 20;
const gpusMax = 64;
const followMs = 200;

/** Fires when the command is to end. */
let interruption: AbortSignal;

const program = new Command('npm run testbed --')
  .description('Real Kubernetes clusters on this machine.')
  .showHelpAfterError('(--help shows the options)');
withInstallPackages(program.command('up'))
  .description('start clusters, and return when they are ready')
  .option('--name <name>', 'name of the test bed; several can run side by side', nameOf, 'default')
  .addOption(
    new Option('--kind <kind>', 'local: processes and KWOK nodes; kind: nodes in Docker')
      .choices(['local', 'kind'])
      .default('local'),
  )
  .addOption(kubernetesOption())
  .option(
    '--clusters <n>',
    `number of clusters, 1 to ${cities.length}`,
    wholeNumber(1, cities.length),
    2,
  )
  .option(
    '--workers <n>',
    `more real nodes per cluster, kind only, 0 to ${workersMax}`,
    wholeNumber(0, workersMax),
  )
  .option(
    '--nodes <n>',
    `KWOK nodes per cluster, 0 to ${nodesMax} (default: 5 for local, 0 for kind)`,
    wholeNumber(0, nodesMax),
  )
  .option('--cpu <quantity>', 'CPU of each KWOK node', quantity, '4')
  .option('--memory <quantity>', 'memory of each KWOK node', quantity, '4Gi')
  .option('--gpus <n>', 'GPUs of each KWOK node', wholeNumber(0, gpusMax), 0)
  .option(
    '--distinct-subnets',
    'give each cluster its own subnets of pods and Services, kind only',
    false,
  )
  .option(
    '--install',
    'install Spillway in each cluster, kind only: one federation, the image built here, the chart',
    false,
  )
  .action(up);
program
  .command('env')
  .description('print what a shell needs: eval "$(npm run testbed -- env)"')
  .option('--name <name>', 'name of the test bed', nameOf, 'default')
  .action(({ name }: { name: string }) => {
    process.stdout.write(shellLines(running(name)));
  });
program
  .command('status')
  .description('what runs')
  .option('--json', 'for scripts', false)
  .action(status);
program
  .command('down')
  .description('end a test bed and remove everything that it left')
  .option('--name <name>', 'name of the test bed', nameOf, 'default')
  .action(async ({ name }: { name: string }) => await down(name));
addDockerCommands(program);
program
  .command('load-image')
  .description('load the images of an archive into every node of a test bed of kind "kind"')
  .argument('<file>', 'OCI archive, or what "docker save" writes')
  .option('--name <name>', 'name of the test bed', nameOf, 'default')
  .action(async (file: string, { name }: { name: string }) => await loadImage(file, name));
program
  .command('serve', { hidden: true })
  .argument('<name>')
  .argument('<spec>')
  .argument('[hook]')
  .action(serve);
addNodeImageCommand(program);
addBuildCommand(program);

await runCommandLine(program, {
  onRun: (run) => {
    if (process.argv[2] === 'serve') run.lasts();
    interruption = run.signal;
  },
});

async function up(options: UpOptions): Promise<void> {
  const { name } = options;
  if (findRunning(name) !== undefined) {
    throw new Fault(
      'Conflict',
      `test bed ${name} already runs. End it with "npm run testbed -- down --name ${name}", or start another with --name`,
    );
  }
  if (options.install && options.kind !== 'kind') {
    throw new Fault(
      'InvalidInput',
      '--install needs --kind kind: no containers run on the nodes of local clusters. "npm start" shows a federation on local clusters',
    );
  }
  const spec = await prepared(options);
  forgetRunning(name);
  const started = performance.now();
  const availableBefore = availableBytes();
  process.stderr.write(
    `starting ${spec.clusters.length} clusters of ${nodeCountOf(spec.clusters[0])} nodes …\n`,
  );
  const child = serveInBackground(name, spec, options.install ? installer : undefined);
  const following = followLog(name);
  // It removes what it has started, and we wait until it has.
  const takeBack = undoAtEnd(async () => {
    const ended = once(child, 'exit');
    if (child.kill('SIGTERM')) await ended;
  });
  const state = await waitFor('test bed ready', () => findRunning(name), {
    timeoutMs: upMsMax,
    hopeless: () => failureOf(child, name),
  });
  takeBack();
  clearInterval(following);
  process.stderr.write(
    `up after ${Math.round((performance.now() - started) / 1000)} s, with ${gibibytes(availableBefore - availableBytes())} GiB of memory\n`,
  );
  process.stdout.write(`${await statusTable([state])}

${shellLines(state)}kubectl config get-contexts
`);
}

/** With kubectl's plugin, `kubectl spillway`, and a kubectl for programs that run one, where there is none yet. */
function shellLines({ kubeconfig, kubectl }: Running): string {
  const path = `${ourPrograms}:$PATH:${dirname(kubectl)}`;
  return `export KUBECONFIG=${kubeconfig}\nexport PATH="${path}"\nalias kubectl=${kubectl}\n`;
}

/** Whatever has to be built or fetched is, while someone watches. */
async function prepared(options: UpOptions): Promise<TestbedSpec> {
  const { kind, kubernetes, clusters: count, workers = 0, nodes: nodeCount } = options;
  const { cpu, memory, gpus } = options;
  const places = cities.slice(0, count).map(({ name }) => ({ name, city: name }));
  if (kind === 'kind') {
    if (kubernetes !== defaultKubernetes) {
      throw new Fault(
        'InvalidInput',
        `--kubernetes ${kubernetes} needs --kind local: the nodes of kind clusters run Kubernetes ${kubernetesVersions[defaultKubernetes].slice(1)}`,
      );
    }
    const nodes = equalNodes(nodeCount ?? 0, { cpu, memory, gpus });
    const clusters = places.map((place) => ({ ...place, workers, nodes }));
    const spec: TestbedSpec = { kind, clusters, distinctSubnets: options.distinctSubnets };
    const limits = machineLimits(wantedOf({ clusters }));
    for (const { weight, advice } of limits) process.stderr.write(`${weight}: ${advice}\n`);
    requireMachine(wantedOf({ clusters }));
    await borrowDocker();
    await ensureProvisions();
    return spec;
  }
  if (options.workers !== undefined) {
    throw new Fault(
      'InvalidInput',
      '--workers needs --kind kind: local clusters have KWOK nodes only',
    );
  }
  const nodes = equalNodes(nodeCount ?? 5, { cpu, memory, gpus });
  await ensureBinaries(kubernetes);
  return { kubernetes, clusters: places.map((place) => ({ ...place, nodes })) };
}

/** Real ones and KWOK's. */
function nodeCountOf(cluster: KindClusterSpec | undefined): number {
  if (cluster === undefined) return 0;
  return cluster.nodes.length + ('workers' in cluster ? 1 + (cluster.workers ?? 0) : 0);
}

/** What the process in the background says, as it says it, on standard error. */
function followLog(name: string): NodeJS.Timeout {
  let told = 0;
  const timer = setInterval(() => {
    const log = readFileSync(logFile(name), 'utf8');
    // An error is told by who waits.
    if (log.length > told && !log.includes('error: ')) process.stderr.write(log.slice(told));
    told = log.length;
  }, followMs);
  return timer.unref();
}

/** Of the machine, for new work. */
function availableBytes(): number {
  return process.availableMemory();
}

function gibibytes(bytes: number): string {
  return (Math.max(0, bytes) / 2 ** 30).toFixed(1);
}

/** It outlives this process, so it writes into a file, and holds neither terminal nor pipe. */
function serveInBackground(name: string, spec: TestbedSpec, hook: URL | undefined): ChildProcess {
  const log = openSync(logFile(name), 'w');
  const self = fileURLToPath(import.meta.url);
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      self,
      'serve',
      name,
      JSON.stringify(spec),
      ...(hook === undefined ? [] : [hook.href]),
    ],
    { detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  child.unref();
  return child;
}

function failureOf({ exitCode, signalCode }: ChildProcess, name: string): Fault | undefined {
  if (exitCode === null && signalCode === null) return undefined;
  const log = readFileSync(logFile(name), 'utf8').replace(/^error: /, '');
  return new Fault('Unavailable', `the test bed did not start: ${log.trim()}`);
}

/** The process that owns a test bed for as long as it lives. */
async function serve(name: string, specText: string, hook: string | undefined): Promise<void> {
  const spec = JSON.parse(specText) as TestbedSpec;
  const testbed = await startTestbed(spec);
  if (hook !== undefined) {
    // Its default export is given the test bed when it is up.
    const { default: act } = (await import(hook)) as { default: (up: Started) => Promise<void> };
    await act(testbed);
  }
  writeRunning({
    name,
    folder: testbed.folder,
    kubeconfig: testbed.kubeconfig,
    kubectl: testbed.kubectl,
    clusters: testbed.clusters.map((cluster) => ({
      name: cluster.name,
      kind: cluster.kind,
      nodes: nodeCountOf(cluster.spec),
      server: cluster.server,
      ...(cluster.kind === 'kind' && { kindName: cluster.kindName }),
    })),
  });
  undoAtEnd(async () => forgetRunning(name));
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise((resolve) => interruption.addEventListener('abort', resolve, { once: true }));
  clearInterval(keepAlive);
}

type Started = LocalTestbed | KindTestbed;

async function status({ json }: { json: boolean }): Promise<void> {
  const testbeds = allRunning();
  if (json) {
    const clusters = await Promise.all(testbeds.map(clusterStatuses));
    process.stdout.write(`${JSON.stringify({ testbeds, clusters: clusters.flat() }, null, 2)}\n`);
  } else if (testbeds.length === 0) {
    process.stdout.write('No test bed runs.\n');
  } else {
    process.stdout.write(`${await statusTable(testbeds)}\n`);
  }
}

async function down(name: string): Promise<void> {
  const state = findRunning(name);
  if (state === undefined) {
    await sweep();
    process.stdout.write(`No test bed ${name} runs.\n`);
    return;
  }
  process.kill(state.pid, 'SIGTERM');
  await waitFor(
    'test bed down',
    () => (isAlive(state) || existsSync(state.folder) ? undefined : true),
    { timeoutMs: downMsMax },
  );
  process.stdout.write(`${name} is down; nothing is left.\n`);
}

/** What test beds have left that were killed together with their reapers. */
async function sweep(): Promise<void> {
  await reapOrphans();
  const access = await findDocker();
  if (access !== undefined) await removeOrphans(new Docker(access), access);
}

/** @throws Fault `NotFound` */
function running(name: string): Running {
  const state = findRunning(name);
  if (state !== undefined) return state;
  const names = allRunning().map((each) => each.name);
  throw new Fault(
    'NotFound',
    `no test bed ${name} runs; running test beds: ${names.join(', ') || 'none'}`,
  );
}

async function loadImage(file: string, name: string): Promise<void> {
  const state = running(name);
  const kindNames = state.clusters.flatMap(({ kindName }) => kindName ?? []);
  if (kindNames.length === 0) {
    throw new Fault(
      'InvalidInput',
      `test bed ${name} is of kind local: no containers run on its nodes`,
    );
  }
  const access = await findDocker();
  if (access === undefined) throw new Fault('Unavailable', 'Docker does not answer');
  const docker = new Docker(access);
  const kind = await ensureProgram('kind');
  await Promise.all(kindNames.map((kindName) => loadArchive({ docker, kind }, kindName, file)));
  process.stdout.write(`${file} is on every node of ${kindNames.length} clusters.\n`);
}
