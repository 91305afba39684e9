/** Programs that Debian's packages bring, installed where they are missing and we may. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Fault } from '@spillway/core';
import { run } from '../run-program.ts';

const saidCharacters = 1_000;

/** Programs for root are not on everybody's path. */
export function pathWithSbin(): string {
  return [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .filter(Boolean)
    .join(delimiter);
}

/** The program's path, or undefined. */
export function findProgram(program: string): string | undefined {
  return pathWithSbin()
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}

/**
 * Installs, of these programs (each with its package), what is missing.
 *
 * @throws Fault `InvalidConfig` that names the packages, where we may not install them.
 */
export async function ensurePackages(packages: Readonly<Record<string, string>>): Promise<void> {
  const missing = Object.entries(packages)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, name]) => name);
  if (missing.length === 0) return;
  const names = [...new Set(missing)];
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`;
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
    throw new Fault('InvalidConfig', `missing: ${names.join(', ')}. As root on Debian: ${command}`);
  }
  process.stderr.write(`installing ${names.join(', ')} …\n`);
  const env = { ...process.env, PATH: pathWithSbin(), DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  const args = ['install', '--yes', '-qq', '--no-install-recommends', ...names];
  const { code, stdout, stderr } = await run('apt-get', args, { env });
  if (code === 0) return;
  const said = `${stdout}\n${stderr}`.trim().slice(-saidCharacters);
  throw new Fault('Unavailable', `${command} failed (exit ${code}):\n${said}`);
}
