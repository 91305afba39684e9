/** Owners that are killed in the middle of making a cluster: the worst moment, and soon reached. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { DockerAccess } from '../docker/ensure-docker.ts';
import { reapOrphans } from '../reaper.ts';
import { run } from '../run-program.ts';
import { leftovers, processesOf } from '../testing/leftovers.ts';
import { waitFor } from '../wait-for.ts';
import { borrowDocker, giveBackScript } from './borrowed-docker.ts';
import { Docker } from './docker.ts';
import { createNetwork, undoScript } from './footprint.ts';

const spec = { kind: 'kind', clusters: [{ name: 'doomed', city: undefined, nodes: [] }] } as const;

/** A test bed like any other to Docker: while it is there, a Docker of our own does not end. */
const hold = { name: `spillway-hold-${process.pid}`, folder: tmpdir() };

let access: DockerAccess;
let docker: Docker;
let owner: ChildProcess | undefined;

/** May be written, and change by themselves. */
const counters: ReadonlySet<string> = new Set(['kernel.ns_last_pid', 'kernel.random.boot_id']);

/** Of the whole machine, before anything of kind's ran on it. */
const sysctlsBefore = settings();

beforeAll(async () => {
  access = await borrowDocker();
  docker = new Docker(access);
  await createNetwork(docker, hold);
});

afterAll(async () => {
  await run('/bin/sh', ['-c', `${undoScript(access, hold.name)}\n${giveBackScript(access)}`]);
});

afterEach(() => void owner?.kill('SIGKILL'));

interface Found {
  readonly folder: string;
  readonly network: string;
  readonly container: string;
}

/** A test bed of which a node has just been made. */
async function startDoomed(): Promise<Found & { owner: ChildProcess }> {
  const module = fileURLToPath(new URL('../testbed.ts', import.meta.url));
  const script = `
    import { startTestbed } from ${JSON.stringify(module)};
    await startTestbed(${JSON.stringify(spec)});`;
  const child = spawn(
    process.execPath,
    ['--conditions=spillway-source', '--input-type=module', '-e', script],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  owner = child;
  return await waitFor(
    'the node of a test bed that is being started',
    async () => {
      const format =
        '{{.Name}}|{{.Label "dev.spillway.testbed.owner"}}|{{.Label "dev.spillway.testbed.folder"}}';
      const networks = await docker.call(['network', 'ls', `--format=${format}`]);
      const line = networks.split('\n').find((each) => each.includes(` ${child.pid} `));
      const [network = '', , folder = ''] = line?.split('|') ?? [];
      if (network === '') return undefined;
      const container = `${network}-doomed-control-plane`;
      return (await containers()).includes(container)
        ? { folder, network, container, owner: child }
        : undefined;
    },
    { timeoutMs: 120_000, everyMs: 50 },
  );
}

async function containers(): Promise<readonly string[]> {
  return (await docker.call(['ps', '--all', '--format={{.Names}}'])).split('\n');
}

async function left({ folder, network, container }: Found): Promise<readonly string[]> {
  const networks = await docker.call(['network', 'ls', '--format={{.Name}}']);
  return [
    ...leftovers(folder, []),
    ...networks.split('\n').filter((name) => name === network),
    ...(await containers()).filter((name) => name === container),
  ];
}

async function volumes(): Promise<readonly string[]> {
  return (await docker.call(['volume', 'ls', '--quiet'])).split('\n').toSorted();
}

test('nothing is left when the owner is killed', async () => {
  const before = await volumes();
  const { owner: killed, ...found } = await startDoomed();
  killed.kill('SIGKILL');
  await waitFor('nothing is left', async () => ((await left(found)).length ? undefined : true), {
    timeoutMs: 60_000,
  });
  expect(await volumes()).toEqual(before);
});

test('nothing is left when its reaper is killed too, and something else is started later', async () => {
  const before = await volumes();
  const { owner: killed, ...found } = await startDoomed();
  const [reaper] = processesOf(found.folder).filter((pid) =>
    commandOf(pid).includes('spillway-reaper'),
  );
  process.kill(reaper ?? 0, 'SIGKILL');
  killed.kill('SIGKILL');
  await waitFor('the owner has ended', () => killed.signalCode ?? undefined, { timeoutMs: 10_000 });
  expect(existsSync(found.folder)).toBe(true);
  // What `up` and `down` begin with.
  await reapOrphans();
  expect(await left(found)).toEqual([]);
  expect(await volumes()).toEqual(before);
});

test('the machine’s settings are as they were, whichever way test beds have ended', async () => {
  const { owner: killed, ...found } = await startDoomed();
  // systemd of the node has changed what it changes.
  await waitFor(
    'the node’s systemd is up',
    async () => {
      const command = ['exec', found.container, 'systemctl', 'is-system-running'];
      const said = await docker.run(command);
      return /running|degraded/.test(said.stdout) || undefined;
    },
    { timeoutMs: 60_000 },
  );
  killed.kill('SIGKILL');
  await waitFor('nothing is left', async () => ((await left(found)).length ? undefined : true), {
    timeoutMs: 60_000,
  });
  const changed = (): readonly string[] => {
    const now = settings();
    return [...sysctlsBefore].flatMap(([name, value]) =>
      now.get(name) === value ? [] : [`${name}: ${value} became ${now.get(name)}`],
    );
  };
  await waitFor('settings are put back', () => changed().length === 0 || undefined, {
    timeoutMs: 10_000,
  }).catch(() => {});
  expect(changed()).toEqual([]);
});

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}

/** Those of the machine that can be changed: not counters, and nothing of a network, since nodes have their own. */
function settings(): ReadonlyMap<string, string> {
  const all = execFileSync('sysctl', ['--all'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = all.split('\n').flatMap((line) => {
    const [, name = '', value = ''] = /^(\S+) = (.*)$/.exec(line) ?? [];
    return name === '' || !isSetting(name) ? [] : [[name, value] as const];
  });
  return new Map(lines);
}

function isSetting(name: string): boolean {
  if (/^(net|sunrpc)\./.test(name)) return false;
  const { mode } = statSync(join('/proc/sys', name.replaceAll('.', '/')), {
    throwIfNoEntry: false,
  }) ?? { mode: 0 };
  return (mode & 0o222) !== 0 && !counters.has(name);
}
