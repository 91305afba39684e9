/**
 * Which npm packages are really in a bundle: those of which esbuild kept at least a byte. The lockfile
 * would name several times as many, most of them never loaded.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As its author wrote it: an SPDX expression, mostly. Empty when there is none. */
  readonly license: string;
  readonly description: string;
  /** Its licence and notice files, which most licences ask to pass on. */
  readonly notices: string;
}

/** What of esbuild's metafile is read here. */
export interface KeptInputs {
  readonly outputs: {
    readonly [file: string]: {
      readonly inputs: { readonly [file: string]: { readonly bytesInOutput: number } };
    };
  };
}

/** Ordered by name and version. `root`: what the metafile's paths are relative to. */
export function bundledPackages(metafile: KeptInputs, root: string): readonly BundledPackage[] {
  const found = new Map<string, BundledPackage>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      if (bytesInOutput === 0 || !file.includes('node_modules/')) continue;
      const each = packageOf(join(root, file));
      found.set(`${each.name}@${each.version}`, each);
    }
  }
  return [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** The nearest package.json with a name and a version: some packages have bare ones in subfolders. */
function packageOf(file: string): BundledPackage {
  for (let folder = dirname(file); dirname(folder) !== folder; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name, version, license, description } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      [key: string]: unknown;
    };
    if (typeof name !== 'string' || typeof version !== 'string') continue;
    return {
      name,
      version,
      license: text(license),
      description: text(description),
      notices: noticesIn(folder),
    };
  }
  throw new Error(`${file} is in the bundle but in no package`);
}

function noticesIn(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice)\b/i.test(entry.name))
    .map(({ name }) => name)
    .toSorted()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim())
    .join('\n\n');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** One text with the notices of all of them, to lie beside a bundle. */
export function thirdPartyNotices(packages: readonly BundledPackage[]): string {
  return packages
    .map(({ name, version, license, notices }) =>
      [`${name} ${version} (${license || 'no licence named'})`, '', notices, ''].join('\n'),
    )
    .join(`\n${'-'.repeat(79)}\n\n`);
}
