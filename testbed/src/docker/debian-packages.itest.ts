import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../run-program.ts';
import { installPackagesVariable } from './debian-packages.ts';

const module = fileURLToPath(new URL('debian-packages.ts', import.meta.url));
const isDebianRoot = process.getuid?.() === 0 && process.platform === 'linux';

let folder: string;

/** Instead of an installation: this machine's packages are not the test's to change. */
const apt = `#!/bin/sh
echo "$*" >> "$APT_LOG"
case "$*" in *--simulate*) echo "Inst hello-libs (2.0 Debian [amd64])"; echo "Inst hello (1.5 Debian [amd64])" ;; esac
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-apt-'));
  writeFileSync(join(folder, 'apt-get'), apt);
  chmodSync(join(folder, 'apt-get'), 0o755);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Asks for a program that there is not, of a package that Debian has. */
async function ask({ allowed, path }: { allowed: string; path: string }) {
  const log = join(folder, `log-${allowed}`);
  writeFileSync(log, '');
  const script = `import { ensurePackages } from ${JSON.stringify(module)};
    await ensurePackages({ 'no-such-program-here': 'hello', sh: 'dash' });`;
  const args = ['--conditions=spillway-source', '--input-type=module', '-e', script];
  const env = {
    ...process.env,
    PATH: path,
    APT_LOG: log,
    [installPackagesVariable]: allowed,
  };
  const ran = await run(process.execPath, args, { env });
  return { ...ran, asked: readFileSync(log, 'utf8').trim().split('\n') };
}

const path = process.env['PATH'] ?? '';

test.skipIf(!isDebianRoot)(
  'nothing is installed unasked: the error names the command and what it would install',
  async () => {
    const { code, stderr } = await ask({ allowed: '', path });
    expect(code).not.toBe(0);
    expect(stderr).toContain('"apt-get install --no-install-recommends hello"');
    expect(stderr).toMatch(/which installs hello[. ]/);
    expect(stderr).toContain('--install-packages');
    expect(existsSync('/usr/bin/hello')).toBe(false);
  },
);

test.skipIf(!isDebianRoot)('what is allowed is installed, and said', async () => {
  const { code, stderr, asked } = await ask({ allowed: '1', path: `${folder}:${path}` });
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('installing hello-libs 2.0, hello 1.5 …');
  expect(asked).toEqual([
    'install --simulate --no-install-recommends hello',
    'update -qq',
    'install --yes -qq --no-install-recommends hello',
  ]);
});
