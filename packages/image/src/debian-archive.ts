/**
 * Debian packages by name, for any architecture. Nothing is installed, and this machine's own dpkg and apt
 * stay as they are: apt runs on folders of its own. The mirror and the release are those that this machine's
 * apt has for Debian. apt checks their signatures.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '@spillway/core';
import type { Architecture } from './platform.ts';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  /** The .deb. */
  readonly file: string;
}

/** How long to go on with the versions that apt named: a security update is noticed within a day. */
const freshMs = 24 * 60 * 60 * 1000;

/**
 * What the image takes: Node's libraries, roots of trust, and base-files for the release and the
 * licences. All are in every Debian release.
 */
const wanted = ['base-files', 'ca-certificates', 'libc6', 'libgcc-s1', 'libstdc++6'] as const;

/** @throws Fault `Unavailable` without a Debian archive in reach, `InvalidConfig` without apt. */
export async function debianPackages(
  architecture: Architecture,
  cache: string,
): Promise<readonly DebianPackage[]> {
  const folder = join(cache, 'debian', architecture);
  const list = join(folder, 'packages.json');
  if (existsSync(list) && Date.now() - statSync(list).mtimeMs < freshMs) {
    const known = JSON.parse(readFileSync(list, 'utf8')) as readonly DebianPackage[];
    if (known.every(intact)) return known;
  }
  const apt = await aptOf(architecture, folder);
  await apt('apt-get', 'update');
  const names = [...wanted, await licencesOf(apt)];
  const uris = await apt('apt-get', 'download', '--print-uris', ...names);
  const packages = names.map((name) => {
    // 'URI' NAME_VERSION_ARCHITECTURE.deb SIZE SHA256:…, with : in versions written as %3a.
    const line = uris.split('\n').find((line) => line.includes(` ${name}_`));
    const [, file = '', sha256 = ''] =
      / (\S+\.deb) \d+ SHA256:([0-9a-f]{64})$/.exec(line ?? '') ?? [];
    const [, version = '', arch = ''] = file.replace(/\.deb$/, '').split('_');
    if (version === '')
      throw new Fault('Unavailable', `apt knows no package ${name} for ${architecture}`);
    return {
      name,
      version: decodeURIComponent(version),
      architecture: arch,
      sha256,
      file: join(folder, file),
    };
  });
  if (!packages.every(intact)) await apt('apt-get', 'download', ...names);
  for (const each of packages) {
    if (!intact(each)) throw new Fault('InvalidInput', `${each.file} is not what apt announced`);
  }
  writeFileSync(`${list}.${process.pid}.partial`, JSON.stringify(packages, null, 2));
  renameSync(`${list}.${process.pid}.partial`, list);
  return packages;
}

function intact({ file, sha256 }: DebianPackage): boolean {
  return (
    existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === sha256
  );
}

/** gcc-12-base or a later one: the libraries' documentation folders are links into it. */
async function licencesOf(apt: Apt): Promise<string> {
  const depends = await apt('apt-cache', 'depends', 'libgcc-s1');
  const [name] = /gcc-\d+-base/.exec(depends) ?? [];
  if (name === undefined) throw new Fault('Unavailable', `libgcc-s1 names no gcc base: ${depends}`);
  return name;
}

type Apt = (program: 'apt-get' | 'apt-cache', ...args: readonly string[]) => Promise<string>;

async function aptOf(architecture: Architecture, folder: string): Promise<Apt> {
  for (const inner of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, inner), { recursive: true });
  }
  const sources = join(folder, 'sources.list');
  writeFileSync(sources, await debianSources());
  writeFileSync(join(folder, 'state', 'status'), '');
  const options = [
    `Dir::State=${join(folder, 'state')}`,
    `Dir::State::status=${join(folder, 'state', 'status')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    'APT::Sandbox::User=root',
    'APT::Update::Error-Mode=any',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
  ].flatMap((option) => ['-o', option]);
  return async (program, ...args) => await run(program, [...options, ...args], folder);
}

/** The `main` of Debian's own archives, of all that this machine's apt is set to. */
async function debianSources(): Promise<string> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)';
  const targets = await run('apt-get', ['indextargets', '--format', format], '/');
  const lines = new Set<string>();
  for (const target of targets.split('\n')) {
    const [uri = '', release = '', component, kind] = target.split(' ');
    if (component !== 'main' || kind !== 'Packages') continue;
    if (/\/debian(-security)?\/?$/.test(uri)) lines.add(`deb ${uri} ${release} main\n`);
  }
  if (lines.size === 0) {
    throw new Fault(
      'InvalidConfig',
      'the image is made of Debian packages, and apt has no Debian archive here: build it on Debian, or with the Dockerfile (packages/image/README.md)',
    );
  }
  return [...lines].toSorted().join('');
}

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, {
      cwd,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT') {
      throw new Fault(
        'InvalidConfig',
        `there is no ${program}: the image is made of Debian packages. Build it on Debian, or with the Dockerfile (packages/image/README.md)`,
        { cause: error },
      );
    }
    const verb = args.findLast((arg) => !arg.startsWith('-'));
    throw new Fault('Unavailable', `${program} … ${verb} failed: ${stderr.trim()}`, {
      cause: error,
    });
  }
}
