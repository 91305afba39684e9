/** `npm run testbed -- up | status | down`: clusters to try things on. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault, isFault } from '@spillway/core';
import Table from 'cli-table3';
import { Command } from 'commander';
import { cities } from './cities.ts';
import { equalNodes, type TestbedSpec } from './spec.ts';
import { startTestbed } from './testbed.ts';
import { waitFor } from './wait-for.ts';

/** What a running test bed has written down for others to find. */
interface State {
  readonly name: string;
  readonly pid: number;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly kind: 'local';
    readonly nodes: number;
    readonly server: string;
  }[];
}

interface UpOptions {
  readonly name: string;
  readonly clusters: string;
  readonly nodes: string;
  readonly cpu: string;
  readonly memory: string;
  readonly gpus: string;
}

const upMsMax = 20 * 60_000;
const downMsMax = 30_000;

const program = new Command('npm run testbed --').description(
  'Real Kubernetes control planes on this machine.',
);
program
  .command('up')
  .description('starts clusters, and returns when they are ready')
  .option('--name <name>', 'of the test bed; several can run side by side', 'default')
  .option('--clusters <n>', `1 to ${cities.length}`, '2')
  .option('--nodes <n>', 'nodes of each', '5')
  .option('--cpu <quantity>', 'of each node', '4')
  .option('--memory <quantity>', 'of each node', '4Gi')
  .option('--gpus <n>', 'of each node', '0')
  .action(up);
program
  .command('status')
  .description('what runs')
  .option('--json', 'for scripts', false)
  .action(status);
program
  .command('down')
  .description('ends a test bed and removes all that it left')
  .option('--name <name>', 'of the test bed', 'default')
  .action(async ({ name }: { name: string }) => await down(name));
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
  const running = stateOf(options.name);
  if (running !== undefined) {
    throw new Fault(
      'Conflict',
      `test bed ${options.name} runs already: "npm run testbed -- down", or --name another`,
    );
  }
  const nodes = equalNodes(Number(options.nodes), {
    cpu: options.cpu,
    memory: options.memory,
    gpus: Number(options.gpus),
  });
  const spec: TestbedSpec = {
    clusters: cities
      .slice(0, Number(options.clusters))
      .map(({ name }) => ({ name, city: name, nodes })),
  };
  mkdirSync(stateFolder(), { recursive: true });
  rmSync(stateFile(options.name), { force: true });
  const log = join(stateFolder(), `${options.name}.log`);
  const out = openSync(log, 'w');
  process.stderr.write(`starting ${spec.clusters.length} clusters of ${nodes.length} nodes …\n`);
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      'serve',
      options.name,
      JSON.stringify(spec),
    ],
    { detached: true, stdio: ['ignore', out, 'inherit'] },
  );
  child.unref();
  const state = await waitFor(
    'test bed ready',
    () => {
      if (child.exitCode !== null) throw new Fault('Internal', `it ended; see ${log}`);
      return stateOf(options.name);
    },
    { timeoutMs: upMsMax },
  );
  process.stdout.write(`${statusTable([state])}

export KUBECONFIG=${state.kubeconfig}
alias kubectl=${state.kubectl}
kubectl config get-contexts
`);
  process.exit(0);
}

/** The process that owns a test bed for as long as it lives. */
async function serve(name: string, specText: string): Promise<void> {
  const testbed = await startTestbed(JSON.parse(specText) as TestbedSpec);
  const state: State = {
    name,
    pid: process.pid,
    folder: testbed.folder,
    kubeconfig: testbed.kubeconfig,
    kubectl: testbed.binaries.kubectl,
    clusters: testbed.clusters.map((cluster) => ({
      name: cluster.name,
      kind: 'local',
      nodes: cluster.spec.nodes.length,
      server: cluster.server,
    })),
  };
  writeFileSync(stateFile(name), JSON.stringify(state));
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  clearInterval(keepAlive);
  rmSync(stateFile(name), { force: true });
  await testbed.stop();
  process.exit(0);
}

function status({ json }: { json: boolean }): void {
  mkdirSync(stateFolder(), { recursive: true });
  const states = readdirSync(stateFolder())
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => stateOf(file.slice(0, -'.json'.length)) ?? []);
  const clusters = states.flatMap(({ name, clusters: own }) =>
    own.map((each) => ({ testbed: name, ...each })),
  );
  if (json) process.stdout.write(`${JSON.stringify({ testbeds: states, clusters }, null, 2)}\n`);
  else
    process.stdout.write(states.length === 0 ? 'No test bed runs.\n' : `${statusTable(states)}\n`);
}

async function down(name: string): Promise<void> {
  const state = stateOf(name);
  if (state === undefined) {
    process.stdout.write(`No test bed ${name} runs.\n`);
    return;
  }
  process.kill(state.pid, 'SIGTERM');
  await waitFor(
    'test bed down',
    () => (alive(state.pid) || existsSync(state.folder) ? undefined : true),
    {
      timeoutMs: downMsMax,
    },
  );
  process.stdout.write(`${name} is down; nothing is left.\n`);
}

function statusTable(states: readonly State[]): string {
  const sides = [
    'top',
    'bottom',
    'left',
    'right',
    'mid',
    'middle',
    'left-mid',
    'mid-mid',
    'right-mid',
  ];
  const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const table = new Table({
    head: ['TESTBED', 'CLUSTER', 'KIND', 'NODES', 'SERVER'],
    chars: Object.fromEntries([...sides, ...corners].map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  for (const { name, clusters } of states) {
    for (const cluster of clusters)
      table.push([name, cluster.name, cluster.kind, cluster.nodes, cluster.server]);
  }
  return table.toString();
}

/** Undefined when no such test bed lives, whatever its file says. */
function stateOf(name: string): State | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile(name), 'utf8')) as State;
    return alive(state.pid) ? state : undefined;
  } catch {
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function stateFolder(): string {
  return join(
    process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'),
    'spillway',
    'testbeds',
  );
}

function stateFile(name: string): string {
  return join(stateFolder(), `${name}.json`);
}
