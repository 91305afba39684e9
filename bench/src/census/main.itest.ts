/** The command as its users start it: what it prints and how it ends. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-census-'));
  const pod = { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'c' }] } };
  const stays = { ...pod, spec: { ...pod.spec, hostNetwork: true } };
  writeFileSync(join(folder, 'a.json'), JSON.stringify(pod));
  writeFileSync(join(folder, 'b.json'), JSON.stringify(stays));
  writeFileSync(join(folder, 'c.yaml'), 'a: 1');
});

afterAll(() => rmSync(folder, { recursive: true }));

function census(...args: readonly string[]) {
  const all = ['--conditions=spillway-source', program, ...args];
  return spawnSync(process.execPath, all, { encoding: 'utf8' });
}

test('counts folders, in words and as JSON', () => {
  expect(census(folder).stdout).toContain('2 pod templates: 1 may leave (50 %)');
  const { stdout, status } = census(folder, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ templates: 2, mayLeave: 1, mayLeavePercent: 50 });
  expect(status).toBe(0);
});

test.each([
  [0, 'the share that is asked for is reached', () => [folder, '--at-least', '50']],
  [1, 'it is not', () => [folder, '--at-least', '50.1']],
  [1, 'nothing was found', () => [join(folder, 'c.yaml')]],
  [2, 'no path is given', () => []],
  [2, 'the share is no number', () => [folder, '--at-least', 'most']],
])('ends with %i if %s', (code, _, args) => {
  expect(census(...args()).status).toBe(code);
});

test('names a path that does not exist', () => {
  const { status, stderr } = census(join(folder, 'nowhere'));
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/nowhere can't be read: ENOENT/);
});
