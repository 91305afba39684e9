import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leftovers, portsOf, processesOf } from './testing/leftovers.ts';
import { waitFor } from './wait-for.ts';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Status {
  readonly testbeds: readonly {
    readonly name: string;
    readonly pid: number;
    readonly folder: string;
    readonly kubeconfig: string;
    readonly kubectl: string;
  }[];
  readonly clusters: readonly {
    readonly testbed: string;
    readonly name: string;
    readonly nodes: number;
    readonly ready: boolean;
  }[];
}

/** Of this file's test beds alone. */
let stateHome: string;

beforeAll(() => {
  stateHome = mkdtempSync(join(tmpdir(), 'spillway-state-'));
});

afterAll(async () => {
  for (const { name } of (await status()).testbeds) await testbed('down', '--name', name);
  rmSync(stateHome, { recursive: true });
});

function commandsOf(folder: string): readonly string[] {
  return processesOf(folder).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
}

async function run(command: string, args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, XDG_STATE_HOME: stateHome };
  return await new Promise((resolve) => {
    execFile(command, args, { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

async function testbed(...args: readonly string[]): Promise<Ran> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  return await run(process.execPath, ['--conditions=spillway-source', main, ...args]);
}

async function status(): Promise<Status> {
  return JSON.parse((await testbed('status', '--json')).stdout) as Status;
}

function only<T>(all: readonly T[]): T {
  const [one, ...others] = all;
  if (one === undefined || others.length > 0) throw new Error(`expected one, got ${all.length}`);
  return one;
}

describe('npm run testbed', () => {
  test('up, status, kubectl, down', async () => {
    expect((await testbed('status')).stdout).toBe('No test bed runs.\n');
    const up = await testbed('up', '--clusters', '2', '--nodes', '3', '--cpu', '2', '--gpus', '1');
    expect(up.code).toBe(0);
    expect(up.stderr).toMatch(
      /^starting 2 clusters of 3 nodes …\nup after \d+ s, with -?\d+\.\d GiB of memory\n$/,
    );
    expect(up.stdout).toMatch(
      /default\s+paris\s+local\s+3\s+yes\s+-\s+-\s+https:\/\/127\.0\.0\.1:\d+/,
    );

    const { testbeds, clusters } = await status();
    const { folder, kubeconfig, kubectl } = only(testbeds);
    const programs = fileURLToPath(new URL('../../tools/bin', import.meta.url));
    const path = `export PATH="${programs}:$PATH:${dirname(kubectl)}"`;
    const lines = `export KUBECONFIG=${kubeconfig}\n${path}\nalias kubectl=${kubectl}\n`;
    expect(up.stdout).toContain(lines);
    expect(await testbed('env')).toMatchObject({ code: 0, stdout: lines });
    const nothing = {
      testbed: 'default',
      kind: 'local',
      nodes: 3,
      ready: true,
      agent: null,
      neighbours: [],
    };
    expect(clusters).toMatchObject([
      { ...nothing, name: 'paris' },
      { ...nothing, name: 'lyon' },
    ]);
    expect((await testbed('status')).stdout).toMatch(/default\s+lyon\s+local\s+3\s+yes/);

    const contexts = await run(kubectl, [
      `--kubeconfig=${kubeconfig}`,
      'config',
      'get-contexts',
      '-o=name',
    ]);
    expect(contexts.stdout.trim().split('\n').toSorted()).toEqual(['lyon', 'paris']);
    const nodes = await run(kubectl, [
      `--kubeconfig=${kubeconfig}`,
      '--context=lyon',
      'get',
      'nodes',
      '-o=jsonpath={range .items[*]}{.metadata.name} {.status.allocatable.cpu} {.status.allocatable.nvidia\\.com/gpu};{end}',
    ]);
    expect(nodes.stdout).toBe('node-1 2 1;node-2 2 1;node-3 2 1;');

    const again = await testbed('up');
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('test bed default already runs');

    const ports = portsOf(processesOf(folder));
    expect(await testbed('down')).toMatchObject({
      code: 0,
      stdout: 'default is down; nothing is left.\n',
    });
    expect(leftovers(folder, ports)).toEqual([]);
    expect(await testbed('down')).toMatchObject({ code: 0, stdout: 'No test bed default runs.\n' });
  });

  test('one whose process was killed is gone from the status, and from the machine', async () => {
    expect((await testbed('up', '--name', 'doomed', '--clusters', '1', '--nodes', '1')).code).toBe(
      0,
    );
    const { pid, folder } = only((await status()).testbeds);
    const ports = portsOf(processesOf(folder));
    process.kill(pid, 'SIGKILL');
    await waitFor('nothing is left', () => (leftovers(folder, ports).length ? undefined : true), {
      timeoutMs: 10_000,
    });
    expect((await status()).testbeds).toEqual([]);
    // Its name is free again, whatever file it has left.
    expect(existsSync(join(stateHome, 'spillway', 'testbeds', 'doomed.json'))).toBe(true);
    expect(await testbed('down', '--name', 'doomed')).toMatchObject({ code: 0 });
  });

  test('interrupted while it starts: ends with 130, and nothing is left', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'spillway-interrupted-'));
    const self = fileURLToPath(new URL('main.ts', import.meta.url));
    const args = ['--conditions=spillway-source', self, 'up', '--name', 'hasty', '--clusters', '1'];
    const env = { ...process.env, XDG_STATE_HOME: stateHome, TMPDIR: temporary };
    const child = spawn(process.execPath, args, { stdio: 'ignore', env });
    const ended = once(child, 'exit');
    try {
      await waitFor(
        'its etcd runs',
        () => (commandsOf(temporary).some((each) => each.includes('etcd')) ? true : undefined),
        { timeoutMs: 60_000, everyMs: 20 },
      );
      child.kill('SIGINT');
      expect((await ended)[0]).toBe(130);
      expect(readdirSync(temporary)).toEqual([]);
      expect(commandsOf(temporary)).toEqual([]);
      expect((await status()).testbeds.map(({ name }) => name)).not.toContain('hasty');
    } finally {
      child.kill('SIGKILL');
      rmSync(temporary, { recursive: true });
    }
  });

  test.each([
    [['up', '--clusters', '0'], '--clusters <n>', 'a whole number from 1 to 10'],
    [['up', '--clusters', '11'], '--clusters <n>', 'a whole number from 1 to 10'],
    [['up', '--nodes', 'many'], '--nodes <n>', 'a whole number from 0 to 5000'],
    [['up', '--nodes', '1.5'], '--nodes <n>', 'a whole number from 0 to 5000'],
    [['up', '--gpus', '-1'], '--gpus <n>', 'a whole number from 0 to 64'],
    [['up', '--cpu', 'lots'], '--cpu <quantity>', 'a Kubernetes quantity'],
    [['up', '--memory', '4GiB'], '--memory <quantity>', 'a Kubernetes quantity'],
    [['up', '--name', '../x'], '--name <name>', 'lower-case letters'],
    [['down', '--name', ''], '--name <name>', 'lower-case letters'],
    [['up', '--kind', 'podman'], '--kind <kind>', 'local, kind'],
    [['up', '--workers', '1'], '--workers', '--kind kind'],
    [
      ['up', '--kubernetes', '1.34'],
      '--kubernetes <version>',
      'Choose one of 1.35.4, 1.36.3, 1.37.2',
    ],
    [['up', '--kind', 'kind', '--kubernetes', '1.35'], '--kubernetes 1.35', '--kind local'],
    [['up', '--hurry'], '--hurry', 'unknown option'],
    [['upp'], 'upp', 'unknown command'],
  ])('%j: the error names the flag and what is expected', async (args, flag, expected) => {
    const { code, stdout, stderr } = await testbed(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(flag);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test.each([[['load-image', 'x.tar', '--name', 'none']], [['env', '--name', 'none']]])(
    '%j: a test bed that does not run is named',
    async (args) => {
      const { code, stdout, stderr } = await testbed(...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('no test bed none runs');
    },
  );

  test('one that can’t start says why, and returns', async () => {
    process.env['TMPDIR'] = '/none/such';
    try {
      const { code, stderr } = await testbed('up', '--name', 'homeless');
      expect(code).toBe(1);
      expect(stderr).toContain('the test bed did not start');
      expect(stderr).toContain('/none/such');
    } finally {
      delete process.env['TMPDIR'];
    }
  });

  test('what docs/testbed.md says of flags is what --help says', async () => {
    const docs = readFileSync(new URL('../../docs/testbed.md', import.meta.url), 'utf8');
    const { stdout } = await testbed('up', '--help');
    expect(docs).toContain(stdout.trim());
  });
});
