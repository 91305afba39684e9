/** The benchmark as a person types it. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportSchema } from '../results/result.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
let folder: string;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function bench(...args: readonly string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--conditions=spillway-source', main, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ReturnType<typeof spawn>): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('npm run bench', () => {
  test('run › writes a report, prints it as JSON and nothing else, twice the same', async () => {
    const args = ['run', 'fragmented', '--systems', 'spillway,isolated', '--seeds', '2', '--json'];
    const [first, second] = await Promise.all([
      ended(bench(...args, '--out', 'one')),
      ended(bench(...args, '--out', 'two')),
    ]);
    expect(first.code).toBe(0);
    const report = reportSchema.parse(JSON.parse(first.stdout));
    expect(report.results.map(({ system, seed }) => `${system} ${seed}`)).toEqual([
      'spillway 1',
      'isolated 1',
      'spillway 2',
      'isolated 2',
    ]);
    expect(report.results).toEqual(reportSchema.parse(JSON.parse(second.stdout)).results);
    expect(readFileSync(join(folder, 'one', 'report.html'), 'utf8')).toContain('fragmented');
  });

  test('report and compare › read what run has written', async () => {
    const again = await ended(bench('report', 'one'));
    expect(again.stdout).toContain('fragmented, simulated, load 1, 5 clusters');
    const compared = await ended(bench('compare', 'one', 'two'));
    expect(compared.code).toBe(0);
    expect(compared.stdout).toMatch(/spillway +pending, % .* 0\.000/);
  });

  test('run --events › tells of a run line by line, the same each time', async () => {
    const args = ['run', 'fragmented', '--systems', 'spillway', '--events'];
    for (const file of ['a.jsonl', 'b.jsonl'])
      expect((await ended(bench(...args, file))).code).toBe(0);
    const text = readFileSync(join(folder, 'a.jsonl'), 'utf8');
    expect(readFileSync(join(folder, 'b.jsonl'), 'utf8')).toBe(text);
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.filter(({ event }) => event === 'created')).toHaveLength(34);
  });

  test('list › names scenarios and systems', async () => {
    const { stdout } = await ended(bench('list'));
    for (const name of [
      'mck8s',
      'edge-day',
      'agents',
      'fragmented',
      'trace',
      'kubefed-rsp',
      'oracle',
    ]) {
      expect(stdout).toContain(name);
    }
  });

  test.each([
    [
      ['run', 'mck8s', '--systems', 'magic'],
      /there is no simulated system magic; there are spillway/,
    ],
    [['run', 'mck8s', '--mode', 'live', '--systems', 'oracle'], /there is no live system oracle/],
    [['run', 'trace'], /needs --trace DIR/],
    [['run', 'trace', '--trace', 'nowhere'], /can't read nowhere/],
    [
      ['run', 'trace', '--pods', 'nowhere/some.csv'],
      /can't read nowhere.*--nodes names another file/,
    ],
    [
      ['run', 'agents', '--pods', 'some.csv'],
      /--pods is for the scenario trace, and this is agents/,
    ],
    [['run', 'nothing'], /no scenario nothing/],
    [['run', '--load', '7'], /expected 0\.9/],
    [['run', '--seeds', 'x'], /Expected a whole number/],
    [['report', 'nowhere'], /nowhere.report\.json can't be read/],
    [['growth', '--clusters', '1'], /whole numbers from 2/],
  ])('%j › says what is wrong, and exits with 2', async (args, message) => {
    const { code, stderr, stdout } = await ended(bench(...args));
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  test('an output folder that can’t be written to is an error, and no half report is left', async () => {
    writeFileSync(join(folder, 'file'), '');
    const args = [
      'run',
      'fragmented',
      '--systems',
      'isolated',
      '--seeds',
      '1',
      '--out',
      'file/deep',
    ];
    const { code, stderr } = await ended(bench(...args));
    expect(stderr).toMatch(/could not be written to file\/deep/);
    expect(code).toBe(1);
    expect(existsSync(join(folder, 'file', 'deep'))).toBe(false);
  });

  test('Ctrl-C › keeps what is finished, and says that it is not all', async () => {
    const child = bench('run', 'mck8s', '--systems', 'spillway', '--seeds', '500', '--out', 'cut');
    const end = ended(child);
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (/[1-9]\d*\/500 runs/.test(chunk.toString())) resolve();
      });
    });
    child.kill('SIGINT');
    const { code, stdout } = await end;
    expect(code).toBe(130);
    expect(stdout).toContain('Not complete');
    const report = reportSchema.parse(
      JSON.parse(readFileSync(join(folder, 'cut', 'report.json'), 'utf8')),
    );
    expect(report.complete).toBe(false);
    expect(report.results.length).toBeGreaterThan(0);
    expect(report.results.length).toBeLessThan(500);
  });
});
