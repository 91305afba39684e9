/** The npm package as a stranger gets it: packed, installed into an empty folder, run by name. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const own = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'spillway-npm-'));

beforeAll(() => {
  const npm = (...args: readonly string[]) =>
    execFileSync('npm', [...args, '--loglevel', 'error'], { cwd: folder, stdio: 'pipe' });
  npm('pack', own, '--pack-destination', folder);
  const [archive = ''] = readdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  npm('install', '--offline', '--no-fund', '--no-audit', join(folder, archive));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the npm package', () => {
  test('is one program with its licences and the schemas of what it prints, and needs no other package', () => {
    const installed = join(folder, 'node_modules/spillway');
    const { version, dependencies } = JSON.parse(
      readFileSync(join(installed, 'package.json'), 'utf8'),
    );
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(dependencies).toBe(undefined);
    expect(readdirSync(join(installed, 'dist')).toSorted()).toEqual([
      'LICENSE',
      'THIRD-PARTY-NOTICES.txt',
      'spillway.mjs',
    ]);
    expect(readdirSync(join(installed, 'schemas'))).toContain('status.schema.json');
    expect(
      readdirSync(join(folder, 'node_modules')).filter((each) => !each.startsWith('.')),
    ).toEqual(['spillway']);
  });

  test.each(['spillway', 'kubectl-spillway'])('runs as %s', (name) => {
    const program = join(folder, 'node_modules/.bin', name);
    const { status, stdout, stderr } = spawnSync(program, ['--version'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/);
    const help = spawnSync(program, ['federation', '--help'], { cwd: folder, encoding: 'utf8' });
    expect(help.stdout).toContain('admit');
  });
});
