/** Programs that Debian's packages bring, installed where they are missing and someone lets us. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Fault } from '@spillway/core';
import { run } from '../run-program.ts';

const saidCharacters = 1_000;

/** Programs for root are not on everyone's path. */
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

/** Set to 1, by `--install-packages` too: what is missing may be installed unasked, as in CI. */
export const installPackagesVariable = 'SPILLWAY_INSTALL_PACKAGES';

/**
 * Installs the missing ones of these programs (each with its package). It does so if that was allowed
 * beforehand, or if a person at the terminal says yes to the exact list.
 *
 * @throws Fault `InvalidConfig` that names the packages and the command, where we may not install them.
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
  const all = await simulated(names);
  if (!(await allowed(all))) {
    throw new Fault(
      'InvalidConfig',
      `Debian packages are missing: ${names.join(', ')}. Install them by "${command}", which installs ${all.join(', ')}. Or let the test bed do it: --install-packages, or ${installPackagesVariable}=1.`,
    );
  }
  process.stderr.write(`installing ${all.join(', ')} …\n`);
  await aptGet(['update', '-qq']);
  const args = ['install', '--yes', '-qq', '--no-install-recommends', ...names];
  const { code, stdout, stderr } = await aptGet(args);
  if (code === 0) return;
  const said = `${stdout}\n${stderr}`.trim().slice(-saidCharacters);
  throw new Fault('Unavailable', `${command} failed (exit ${code}):\n${said}`);
}

/** What would be installed, with what it depends on; the names alone where apt cannot tell. */
async function simulated(names: readonly string[]): Promise<readonly string[]> {
  const args = ['install', '--simulate', '--no-install-recommends', ...names];
  const { stdout } = await aptGet(args);
  const all = [...stdout.matchAll(/^Inst (\S+) .*?\((\S+)/gm)];
  return all.length === 0 ? names : all.map(([, name, version]) => `${name} ${version}`);
}

async function allowed(all: readonly string[]): Promise<boolean> {
  if (process.env[installPackagesVariable] === '1') return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `These Debian packages are needed and would be installed:\n  ${all.join('\n  ')}\nInstall them? [y/N] `;
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

async function aptGet(args: readonly string[]): ReturnType<typeof run> {
  const env = { ...process.env, PATH: pathWithSbin(), DEBIAN_FRONTEND: 'noninteractive' };
  return await run('apt-get', args, { env });
}
