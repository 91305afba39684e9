/**
 * Every command × what may be wrong with its input: flags, files, kubeconfigs, agents. Whatever it is, one
 * sentence says so, the exit code is of those that are documented, and nobody sees a stack trace.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pathTo } from './documents.ts';
import { allOf, exitCodes, spillwayProgram } from './program.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const documented = new Set(exitCodes.map(([code]) => code));
/** Answers as an API server does, but for the path that names how. */
let server: Server;
let port: number;
let folder: string;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function spillway(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=spillway-source', main, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NO_COLOR: '1',
      HOME: folder,
      KUBECONFIG: '',
      SPILLWAY_AGENT: '',
      ...env,
    },
  });
  const out = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk: Buffer) => (out[stream] += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { status, ...out };
}

/** Each in turn, some at once. */
async function all<Input>(
  inputs: readonly Input[],
  check: (input: Input) => Promise<void>,
): Promise<void> {
  const left = [...inputs];
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      // oxlint-disable-next-line no-await-in-loop -- a bounded number at once
      await check(next);
    }
  });
  await Promise.all(workers);
}

function expectToldPlainly(line: string, { status, stdout, stderr }: Ended): void {
  // What `doctor` and `version` find is their answer.
  const told = stdout + stderr;
  expect(documented, `${line} ended with ${status}: ${told}`).toContain(status);
  expect(status, `${line}: ${told}`).not.toBe(0);
  expect(told, line).not.toBe('');
  expect(told, line).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(told, line).not.toContain('should not happen');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-wrong-'));
  server = createServer((request, response) => {
    const [, how = ''] = (request.url ?? '').split('/');
    const status = Number(how) || 200;
    const message = status === 401 ? 'Unauthorized' : 'pods is forbidden: User "x" cannot list';
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(how === 'rubbish' ? '<html>' : JSON.stringify({ kind: 'Status', message }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  ({ port } = server.address() as AddressInfo);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('empty'), '');
  writeFileSync(at('binary'), Buffer.from([0, 1, 0xff, 0xfe, 0x80, 10]));
  writeFileSync(at('broken.yaml'), 'a: [1,\nb: }');
  writeFileSync(at('scalar.yaml'), '42');
  writeFileSync(at('huge.yaml'), 'a: b\n');
  truncateSync(at('huge.yaml'), 17 * 1024 * 1024);
  mkdirSync(at('directory'));
  writeFileSync(at('unreadable'), 'a: b');
  chmodSync(at('unreadable'), 0);
  for (const how of ['401', '403', '500', 'rubbish'])
    writeFileSync(at(`${how}.kubeconfig`), kubeconfig(`http://127.0.0.1:${port}/${how}`));
  writeFileSync(at('down.kubeconfig'), kubeconfig('http://127.0.0.1:9'));
  writeFileSync(at('nowhere.kubeconfig'), kubeconfig('nowhere'));
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

function kubeconfig(url: string): string {
  return `apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: here, user: me } }]
clusters: [{ name: here, cluster: { server: '${url}' } }]
users: [{ name: me, user: { token: t } }]
`;
}

const leaves = allOf(spillwayProgram())
  .filter((command) => command.commands.length === 0)
  .map((command) => pathTo(command).split(' ').slice(1))
  // These pass on what they are given; `complete` is the shell's.
  .filter(([name = '']) => !['bench', 'testbed', 'complete', 'completion'].includes(name));

/** What each takes beside flags, so that nothing but what a test is about is wrong. */
const complete: Readonly<Record<string, readonly string[]>> = {
  'explain pod': ['web', '-n', 'shop'],
  'explain deployment/web': ['-n', 'shop'],
  'dry-run': ['-f', 'pod.yaml'],
};

const asking = [
  'status',
  'neighbours',
  'top --once',
  'explain pod',
  'explain deployment/web',
].concat(['dry-run', 'policy', 'events', 'doctor', 'version']);

function typed(line: string): readonly string[] {
  return [...line.split(' '), ...(complete[line] ?? [])];
}

describe('every command', () => {
  test('refuses a flag and an argument that there is not, with exit code 2', async () => {
    await all(leaves, async (path) => {
      const wrong = await spillway([...path, '--nonsense']);
      expectToldPlainly(path.join(' '), wrong);
      expect(wrong.status, path.join(' ')).toBe(2);
    });
  });

  test('refuses an output format that there is not, with exit code 2', async () => {
    await all(asking, async (line) => {
      const wrong = await spillway([...typed(line), '-o', 'xml']);
      expect([wrong.status, wrong.stdout]).toEqual([2, '']);
      expectToldPlainly(line, wrong);
    });
  });
});

describe('every command that asks', () => {
  beforeAll(() => {
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: { containers: [{ name: c }] }\n';
    writeFileSync(join(folder, 'pod.yaml'), pod);
  });

  test.each([
    ['directory'],
    ['empty'],
    ['binary'],
    ['broken.yaml'],
    ['scalar.yaml'],
    ['nothing-there'],
    ['down.kubeconfig'],
    ['nowhere.kubeconfig'],
    ['401.kubeconfig'],
    ['403.kubeconfig'],
    ['500.kubeconfig'],
    ['rubbish.kubeconfig'],
  ])('with the kubeconfig %s says what is wrong', async (file) => {
    await all(asking, async (line) => {
      expectToldPlainly(
        `${line} --kubeconfig ${file}`,
        await spillway([...typed(line), '--kubeconfig', file]),
      );
    });
  });

  test.each([
    ['no URL', 'nowhere'],
    ['another scheme', 'ftp://127.0.0.1'],
    ['nobody there', 'http://127.0.0.1:9'],
    ['someone else there', 'rubbish'],
  ])('with an agent at an address that is %s says what is wrong', async (_, agent) => {
    const url = agent === 'rubbish' ? `http://127.0.0.1:${port}` : agent;
    // `events` and `explain deployment/web` ask the API server first.
    const lines = asking.filter((line) => line !== 'events');
    await all(lines, async (line) => {
      const wrong = await spillway([
        ...typed(line),
        '--agent',
        url,
        '--kubeconfig',
        'nothing-there',
      ]);
      expectToldPlainly(`${line} --agent ${url}`, wrong);
    });
  });
});

test('dry-run says what is wrong with any file', async () => {
  const files = ['directory', 'empty', 'binary', 'broken.yaml', 'scalar.yaml', 'huge.yaml'];
  await all([...files, 'nothing-there', '/dev/null'], async (file) => {
    const wrong = await spillway(['dry-run', '-f', file, '--agent', 'http://127.0.0.1:9']);
    expectToldPlainly(`dry-run -f ${file}`, wrong);
  });
});

test('federation says what is wrong with any file', async () => {
  const files = ['directory', 'empty', 'binary', 'broken.yaml', 'huge.yaml', 'nothing-there'];
  const lines = files.flatMap((file) => [
    ['inspect', file],
    ['admit', '--root', file, '--cluster', 'lyon', '--out', 'out'],
    ['revoke', '--root', file, '--cluster', 'lyon', '--out', 'list'],
    ['init', '--out', file === 'directory' ? 'binary' : `${file}/deep`],
  ]);
  // A folder that is not there is made.
  const wrong = lines.filter((line) => line.at(-1) !== 'nothing-there/deep');
  await all(wrong, async (line) => {
    expectToldPlainly(line.join(' '), await spillway(['federation', ...line]));
  });
});
