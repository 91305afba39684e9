/**
 * The programs of go-programs.ts. They are found in KUBEBUILDER_ASSETS, or built once from pinned Go modules
 * (testbed/go) into a cache outside the checkout. The cache key is the modules' versions. A build writes to
 * a temporary name and renames, under a lock between processes. So no process ever sees half a binary.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { killAtEnd } from './ends.ts';
import lockfile from 'proper-lockfile';
import {
  controlPlanePrograms,
  type ControlPlaneProgram,
  type GoModule,
  type GoProgram,
  moduleOf,
  modulePaths,
  sources,
  versionFlags,
} from './go-programs.ts';
import { askedKubernetes, defaultKubernetes, type KubernetesMinor } from './kubernetes-versions.ts';
import { startProgress } from './progress.ts';

const goFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'go');
/** kube-apiserver alone takes four minutes on two cores. */
const lockStaleMs = 60_000;

export type Binaries = Readonly<Record<ControlPlaneProgram, string>>;

/**
 * Paths of the programs of a control plane of that version; what is missing is built, with progress on
 * standard error. @throws Fault `InvalidConfig`
 */
export async function ensureBinaries(
  kubernetes: KubernetesMinor = askedKubernetes(),
): Promise<Binaries> {
  const paths: Partial<Record<ControlPlaneProgram, string>> = {};
  for (const program of controlPlanePrograms) {
    paths[program] = await ensureProgram(program, kubernetes);
  }
  return paths as Binaries;
}

/** The path of one, built when it is missing, with progress on standard error. @throws Fault `InvalidConfig` */
export async function ensureProgram(
  program: GoProgram,
  kubernetes: KubernetesMinor = defaultKubernetes,
): Promise<string> {
  const assets = assetsFolder();
  if (assets !== undefined && existsSync(join(assets, program))) return join(assets, program);
  const module = moduleOf(program, kubernetes);
  const folder = join(cacheFolder(), `${module}-${moduleKey(module)}`);
  const target = join(folder, program);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const release = await lockfile.lock(folder, {
    lockfilePath: `${target}.lock`,
    stale: lockStaleMs,
    retries: { forever: true, minTimeout: 500, maxTimeout: 2_000 },
    // A machine that slept may lose the lock; two builds then do the same, each under its own name.
    onCompromised: () => {},
  });
  try {
    if (!existsSync(target)) await build(program, module, target);
    return target;
  } finally {
    // Fails only where the lock is not ours any more.
    await release().catch(() => {});
  }
}

/** Absolute, since components run in folders of their own. */
function assetsFolder(): string | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets === undefined || assets === '') return undefined;
  // Better than minutes of building what someone believes to have.
  if (!existsSync(assets)) {
    throw new Fault('InvalidConfig', `KUBEBUILDER_ASSETS: there is no folder ${assets}`);
  }
  return resolve(assets);
}

/**
 * The folder of a pinned module's own files, as in Go's module cache; fetched when it is missing.
 *
 * @throws Fault `InvalidConfig` without Go.
 */
export function moduleFolder(module: GoModule): string {
  requireGo(`${modulePaths[module]} has to be fetched`);
  const told = execFileSync('go', ['mod', 'download', '-json', modulePaths[module]], {
    encoding: 'utf8',
    cwd: join(goFolder, module),
    env: { ...process.env, GOFLAGS: '-mod=readonly' },
  });
  return (JSON.parse(told) as { readonly Dir: string }).Dir;
}

async function build(program: GoProgram, module: GoModule, target: string): Promise<void> {
  requireGo(`${program} has to be built`);
  const { path } = sources[program];
  const version = pinnedVersion(module);
  removePartials(target);
  const partial = `${target}.${process.pid}.partial`;
  const ldflags = ['-s -w', ...versionFlags(module, version)];
  const progress = startProgress(`building ${program} ${version}`);
  try {
    await run('go', ['build', '-trimpath', '-ldflags', ldflags.join(' '), '-o', partial, path], {
      cwd: join(goFolder, module),
      // Exactly the pinned versions: a build never changes go.mod or go.sum.
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
    });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { force: true });
    progress();
  }
}

/** What builds that were killed have left. */
function removePartials(target: string): void {
  const folder = dirname(target);
  for (const file of readdirSync(folder)) {
    if (file.startsWith(`${basename(target)}.`) && file.endsWith('.partial')) {
      rmSync(join(folder, file), { force: true });
    }
  }
}

function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<void> {
  return new Promise((done, reject) => {
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const child = spawn(command, args, { ...options, stdio: [...stdio], detached: true });
    killAtEnd(child);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4_000);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) done();
      else
        reject(
          new Fault('Internal', `${command} ${args.join(' ')} failed (exit ${code}):\n${errors}`),
        );
    });
  });
}

function requireGo(why: string): void {
  const waysOut = `Install Go 1.26 or newer, or point KUBEBUILDER_ASSETS at a folder that has ${controlPlanePrograms.join(', ')}.`;
  let version: string;
  try {
    version = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', cwd: goFolder }).trim();
  } catch {
    throw new Fault('InvalidConfig', `${why} and there is no Go. ${waysOut}`);
  }
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) < 1 || (Number(major) === 1 && Number(minor) < 26)) {
    throw new Fault('InvalidConfig', `${why} and ${version} is too old. ${waysOut}`);
  }
}

export function cacheFolder(): string {
  const own = process.env['SPILLWAY_CACHE'];
  if (own !== undefined && own !== '') return own;
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'spillway');
}

/** Changes with the module's versions, and its sources where they are our own. */
export function moduleKey(module: GoModule): string {
  const hash = createHash('sha256');
  const folder = join(goFolder, module);
  // go.mod, go.sum, and the sources where they are our own.
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => /\.(go|mod|sum)$/.test(name)).toSorted()) {
    hash.update(readFileSync(join(folder, file)));
  }
  return hash.update(`${process.platform}/${process.arch}`).digest('hex').slice(0, 16);
}

export function pinnedVersion(module: GoModule): string {
  const text = readFileSync(join(goFolder, module, 'go.mod'), 'utf8');
  const escaped = modulePaths[module].replaceAll('.', '\\.');
  return new RegExp(`^\\s*(?:require\\s+)?${escaped} (v\\S+)`, 'm').exec(text)?.[1] ?? 'v0.0.0';
}
