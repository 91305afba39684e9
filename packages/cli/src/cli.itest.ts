/** `spillway` as a person types it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '@spillway/core';
import { ensureBinaries } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function spillway(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=spillway-source', main, ...args],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, SPILLWAY_AGENT: '', NO_COLOR: '1' } },
  );
  return { status, stdout, stderr };
}

describe('spillway federation', () => {
  test('init makes a root that only its owner can read, and does not replace it unasked', () => {
    const made = spillway('federation', 'init', '--out', 'root');
    expect(made.stderr).toBe('');
    expect(made.status).toBe(0);
    expect(statSync(join(folder, 'root/federation.key')).mode & 0o777).toBe(0o600);
    const again = spillway('federation', 'init', '--out', 'root');
    expect(again.status).not.toBe(0);
    expect(again.stderr).toContain('federation.key exists');
  });

  test('admit signs what inspect shows', () => {
    const out = ['--out', 'lyon', '--days', '30', '--attribute', 'region=eu'];
    const root = ['--root', 'root/federation.key', '--cluster', 'lyon'];
    const admitted = spillway('federation', 'admit', ...root, ...out);
    expect(admitted.stderr).toBe('');
    expect(admitted.status).toBe(0);
    expect(statSync(join(folder, 'lyon/peer.key')).mode & 0o777).toBe(0o600);
    const inspected = spillway('federation', 'inspect', 'lyon/membership.cert');
    expect(inspected.status).toBe(0);
    expect(inspected.stdout).toMatch(/^Cluster: +lyon$/m);
    expect(inspected.stdout).toMatch(/^Attributes: +region=eu$/m);
  });

  test.each([
    ['a name that is none', ['--cluster', 'Lyon!'], 'cluster name "Lyon!"'],
    [
      'a time that is none',
      ['--cluster', 'lyon', '--days', 'many'],
      '--days "many": expected a number',
    ],
    ['a root that is not there', ['--cluster', 'lyon', '--root', 'nowhere.key'], 'nowhere.key'],
  ])('admit refuses %s, and says what is wrong', (_, args, problem) => {
    const root = args.includes('--root') ? [] : ['--root', 'root/federation.key'];
    const refused = spillway('federation', 'admit', '--out', 'bad', ...root, ...args);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(problem);
    expect(refused.stderr).not.toContain('    at ');
  });

  test('revoke adds to the list, prints what is applied, and inspect shows it', () => {
    const root = ['--root', 'root/federation.key', '--out', 'revocations.list'];
    const first = spillway(
      'federation',
      'revoke',
      ...root,
      '--cluster',
      'oslo',
      '--reason',
      'sold',
    );
    expect(first.stderr).toBe('');
    expect(first.stdout).toContain('cluster oslo is revoked; revocations.list holds 1 in all');
    const certificate = ['--certificate', 'lyon/membership.cert'];
    const second = spillway('federation', 'revoke', ...root, ...certificate, '-o', 'yaml');
    expect(second.stderr).toBe('');
    expect(second.stdout).toMatch(/^ {2}name: spillway-revocations$/m);
    expect(second.stdout).toMatch(/^ {2}revocations.list: \|$/m);
    const shown = spillway('federation', 'inspect', 'revocations.list', '-o', 'json');
    const revocations = JSON.parse(shown.stdout) as readonly object[];
    expect(revocations).toHaveLength(2);
    expect(revocations).toContainEqual(
      expect.objectContaining({ cluster: 'oslo', reason: 'sold' }),
    );
    const key = { peer: expect.any(String), serial: expect.stringMatching(/^[0-9a-f]{32}$/) };
    expect(revocations).toContainEqual(expect.objectContaining(key));
  });

  test.each([
    ['nobody', [], 'use one of --cluster'],
    ['two at once', ['--cluster', 'oslo', '--serial', 'aa'], 'use one of --cluster'],
    ['a serial that is none', ['--serial', 'xyz'], '--serial xyz: expected 32 hex digits'],
    ['a reason that is a novel', ['--cluster', 'oslo', '--reason', 'x'.repeat(300)], 'reason'],
  ])('revoke refuses %s, and says what is wrong', (_, args, problem) => {
    const root = ['--root', 'root/federation.key', '--out', 'bad.list'];
    const refused = spillway('federation', 'revoke', ...root, ...args);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(problem);
    expect(refused.stderr).not.toContain('    at ');
  });

  test('inspect refuses what is no certificate', () => {
    writeFileSync(join(folder, 'rubbish'), 'not a certificate');
    const refused = spillway('federation', 'inspect', 'rubbish');
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('SPILLWAY MEMBERSHIP CERTIFICATE');
  });
});

test('an agent that does not answer is named, with what to do', () => {
  const asked = spillway('status', '--agent', 'http://127.0.0.1:9');
  expect(asked.status).not.toBe(0);
  expect(asked.stderr).toContain('no agent answers at http://127.0.0.1:9');
});

test('kubectl spillway is this program, in a checkout as its folder is on the PATH', async () => {
  const { kubectl } = await ensureBinaries();
  const programs = fileURLToPath(new URL('../../../tools/bin', import.meta.url));
  const { stdout, stderr, status } = spawnSync(kubectl, ['spillway', 'version', '--client'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${programs}:${process.env['PATH']}`, NO_COLOR: '1' },
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toBe(`Client:   ${version}\n`);
});

describe('spillway bench', () => {
  test('is the benchmark, its options included', () => {
    const { stdout, status } = spillway('bench', 'list');
    expect(status).toBe(0);
    expect(stdout).toContain('kubefed-rsp-rebalance');
    const wrong = spillway('bench', 'run', '--systems', 'magic');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('there is no simulated system magic');
  });
});
