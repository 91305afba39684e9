/** `npm run testbed -- up | status | down`: clusters to try things on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Fault, isFault, parseQuantity } from '@spillway/core';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { ensureBinaries } from './binaries.ts';
import { addDockerCommands } from './docker/docker-command.ts';
import { cities } from './cities.ts';
import type { KubeClient } from './kube-client.ts';
import { clientOf } from './kubeconfig.ts';
import {
  allRunning,
  findRunning,
  forgetRunning,
  isAlive,
  logFile,
  type Running,
  writeRunning,
} from './running.ts';
import { equalNodes, type TestbedSpec } from './spec.ts';
import { startTestbed } from './testbed.ts';
import { waitFor } from './wait-for.ts';

interface UpOptions {
  readonly name: string;
  readonly clusters: number;
  readonly nodes: number;
  readonly cpu: string;
  readonly memory: string;
  readonly gpus: number;
}

const upMsMax = 10 * 60_000;
const downMsMax = 30_000;
const readyMsMax = 2_000;
const nodesMax = 5_000;
const gpusMax = 64;

const program = new Command('npm run testbed --')
  .description('Real Kubernetes control planes on this machine.')
  .showHelpAfterError('(--help shows what there is)');
program
  .command('up')
  .description('starts clusters, and returns when they are ready')
  .option('--name <name>', 'of the test bed; several can run side by side', nameOf, 'default')
  .option('--clusters <n>', `1 to ${cities.length}`, wholeNumber(1, cities.length), 2)
  .option('--nodes <n>', `of each, 0 to ${nodesMax}`, wholeNumber(0, nodesMax), 5)
  .option('--cpu <quantity>', 'of each node', quantity, '4')
  .option('--memory <quantity>', 'of each node', quantity, '4Gi')
  .option('--gpus <n>', 'of each node', wholeNumber(0, gpusMax), 0)
  .action(up);
program
  .command('status')
  .description('what runs')
  .option('--json', 'for scripts', false)
  .action(status);
program
  .command('down')
  .description('ends a test bed and removes all that it left')
  .option('--name <name>', 'of the test bed', nameOf, 'default')
  .action(async ({ name }: { name: string }) => await down(name));
addDockerCommands(program);
program.command('serve', { hidden: true }).argument('<name>').argument('<spec>').action(serve);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(
    `error: ${isFault(error) ? error.message : String((error as Error).stack ?? error)}\n`,
  );
  process.exitCode = 1;
}

async function up(options: UpOptions): Promise<void> {
  const { name } = options;
  if (findRunning(name) !== undefined) {
    throw new Fault(
      'Conflict',
      `test bed ${name} runs already: "npm run testbed -- down --name ${name}" ends it, --name another starts one beside it`,
    );
  }
  const { kubectl } = await ensureBinaries();
  const { clusters: count, nodes: nodeCount, cpu, memory, gpus } = options;
  const nodes = equalNodes(nodeCount, { cpu, memory, gpus });
  const spec: TestbedSpec = {
    clusters: cities.slice(0, count).map((city) => ({ name: city.name, city: city.name, nodes })),
  };
  forgetRunning(name);
  process.stderr.write(`starting ${count} clusters of ${nodeCount} nodes …\n`);
  const child = serveInBackground(name, spec);
  const interrupted = (): void => void child.kill('SIGTERM');
  process.once('SIGINT', interrupted);
  const state = await waitFor('test bed ready', () => findRunning(name), {
    timeoutMs: upMsMax,
    hopeless: () => failureOf(child, name),
  });
  process.off('SIGINT', interrupted);
  process.stdout.write(`${await statusTable([state])}

export KUBECONFIG=${state.kubeconfig}
alias kubectl=${kubectl}
kubectl config get-contexts
`);
  // The child lives on; nothing else is waited for.
  process.exit(0);
}

/** It outlives this process, so it writes into a file, and holds neither terminal nor pipe. */
function serveInBackground(name: string, spec: TestbedSpec): ChildProcess {
  const log = openSync(logFile(name), 'w');
  const self = fileURLToPath(import.meta.url);
  const child = spawn(
    process.execPath,
    [...process.execArgv, self, 'serve', name, JSON.stringify(spec)],
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
async function serve(name: string, specText: string): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const testbed = await startTestbed(JSON.parse(specText) as TestbedSpec);
  writeRunning({
    name,
    folder: testbed.folder,
    kubeconfig: testbed.kubeconfig,
    kubectl: testbed.kubectl,
    clusters: testbed.clusters.map((cluster) => ({
      name: cluster.name,
      kind: 'local',
      nodes: cluster.spec.nodes.length,
      server: cluster.server,
    })),
  });
  const keepAlive = setInterval(() => {}, 60_000);
  await ended;
  clearInterval(keepAlive);
  forgetRunning(name);
  await testbed.stop();
  process.exit(0);
}

async function status({ json }: { json: boolean }): Promise<void> {
  const testbeds = allRunning();
  if (json) {
    const clusters = await Promise.all(testbeds.map(clustersOf));
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

interface ClusterRow {
  readonly testbed: string;
  readonly name: string;
  readonly kind: string;
  readonly nodes: number;
  readonly server: string;
  readonly ready: boolean;
}

async function clustersOf({ name, kubeconfig, clusters }: Running): Promise<readonly ClusterRow[]> {
  return await Promise.all(
    clusters.map(async (cluster) => ({
      testbed: name,
      ...cluster,
      ready: await isReady(kubeconfig, cluster.name),
    })),
  );
}

async function isReady(kubeconfig: string, name: string): Promise<boolean> {
  let client: KubeClient | undefined;
  const late = setTimeout(() => client?.close(), readyMsMax);
  try {
    client = clientOf(readFileSync(kubeconfig, 'utf8'), name);
    await client.get('/readyz');
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
    client?.close();
  }
}

async function statusTable(states: readonly Running[]): Promise<string> {
  const sides = 'top bottom left right mid middle left-mid mid-mid right-mid'.split(' ');
  const corners = 'top-mid top-left top-right bottom-mid bottom-left bottom-right'.split(' ');
  const table = new Table({
    head: ['TESTBED', 'CLUSTER', 'KIND', 'NODES', 'READY', 'SERVER'],
    chars: Object.fromEntries([...sides, ...corners].map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  for (const row of (await Promise.all(states.map(clustersOf))).flat()) {
    const { testbed, name, kind, nodes, ready, server } = row;
    table.push([testbed, name, kind, nodes, ready ? 'yes' : 'no', server]);
  }
  return table.toString();
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

function quantity(text: string): string {
  try {
    parseQuantity(text);
    return text;
  } catch {
    throw new InvalidArgumentError('Expected a Kubernetes quantity, such as 4, 500m or 4Gi.');
  }
}

function nameOf(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('Expected up to 40 lower-case letters, digits and "-".');
}
