/** Every program of a checkout, as typed wrongly: exit code 2, what is wrong, and no stack trace. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function run(file: string, args: readonly string[]) {
  return spawnSync(process.execPath, ['--conditions=spillway-source', `${root}${file}`, ...args], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
}

const programs = {
  'npm start': 'bench/src/main-job/main.ts',
  'npm run bench': 'bench/src/benchmark/main.ts',
  'npm run drill': 'bench/src/drills/main.ts',
  'npm run hot-paths': 'bench/src/hot-paths/main.ts',
  'npm run testbed': 'testbed/src/main.ts',
  'npm run image': 'packages/image/src/main.ts',
} as const;

describe.each(Object.entries(programs))('%s', (_, file) => {
  test('ends with 2 at an option that there is not', () => {
    const { status, stderr } = run(file, ['--nonsense']);
    expect([status, stderr]).toEqual([2, expect.stringContaining("unknown option '--nonsense'")]);
    expect(stderr).not.toContain('    at ');
  });

  test('ends with 0 at --help', () => {
    const { status, stdout } = run(file, ['--help']);
    expect([status, stdout]).toEqual([0, expect.stringContaining('Usage:')]);
  });
});

test.each([
  ['npm start', ['--clusters', 'many'], 'Expected a whole number'],
  ['npm start', ['-f', 'nowhere.yaml'], 'there is no file nowhere.yaml'],
  ['npm run bench', ['run', 'nowhere.yaml'], 'nowhere.yaml'],
  ['npm run bench', ['run', '--load', 'much'], 'load'],
  ['npm run bench', ['report', 'nowhere'], 'nowhere'],
  ['npm run bench', ['compare', 'nowhere', 'neither'], 'nowhere'],
  ['npm run drill', ['flood'], 'flood'],
  ['npm run drill', [], 'drill'],
  ['npm run hot-paths', ['--only', 'nothing'], 'there is no hot path "nothing"'],
  ['npm run testbed', ['up', '--clusters', '0'], 'Expected a whole number'],
  ['npm run testbed', ['up', '--workers', '1'], '--workers needs --kind kind'],
  ['npm run testbed', ['sideways'], 'sideways'],
  ['npm run image', ['--platform', 'vax'], 'vax'],
] as const)('%s %j says what is wrong, and ends with 2', (program, args, problem) => {
  const { status, stderr } = run(programs[program], args);
  expect([status, stderr]).toEqual([2, expect.stringContaining(problem)]);
  expect(stderr).not.toContain('    at ');
});
