/**
 * What `-f` names, as text: files, standard input, folders, and folders with a kustomization, which kubectl
 * builds, since its version decides what a kustomization means.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';

export interface ManifestSource {
  /** For people: the file's path. */
  readonly name: string;
  readonly text: string;
}

/** An API server takes no object of more than a few MB. */
const bytesMax = 16 * 1024 * 1024;
const filesMax = 1_000;
const kustomizeMsMax = 60_000;
/** Of what kubectl reads in a folder. */
export const manifestFile = /\.(ya?ml|json)$/;
const kustomizationFiles = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** @throws Fault `NotFound`, `InvalidInput` naming the file. */
export function manifestSources(paths: readonly string[]): readonly ManifestSource[] {
  if (paths.filter((path) => path === '-').length > 1)
    throw new Fault('InvalidInput', '-f - is standard input: use it once');
  const sources = paths.flatMap((path): readonly ManifestSource[] => {
    if (path === '-') return [textOf('standard input', read('standard input', 0))];
    if (!stat(path).isDirectory()) return [manifestAt(path)];
    return kustomizationFiles.some((file) => existsSync(join(path, file)))
      ? [kustomized(path)]
      : filesIn(path);
  });
  if (sources.length > filesMax)
    throw new Fault('InvalidInput', `-f: ${sources.length} files. Maximum ${filesMax}`);
  return sources;
}

/** As `kubectl apply -f FOLDER`: its manifests by name, not those of folders below. */
function filesIn(folder: string): readonly ManifestSource[] {
  const names = readdirSync(folder).filter((name) => manifestFile.test(name));
  if (names.length === 0)
    throw new Fault('InvalidInput', `folder ${folder} has no .yaml, .yml or .json file`);
  return names.toSorted().map((name) => manifestAt(join(folder, name)));
}

/** @throws Fault `NotFound`, `InvalidInput` naming the file. */
export function manifestAt(path: string): ManifestSource {
  const { size } = stat(path);
  if (size > bytesMax) throw tooLarge(path);
  return textOf(path, read(path, path));
}

function kustomized(folder: string): ManifestSource {
  const { status, stdout, stderr, error } = spawnSync('kubectl', ['kustomize', folder], {
    timeout: kustomizeMsMax,
    maxBuffer: bytesMax,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new Fault(
      'InvalidInput',
      `folder ${folder} has a kustomization, which needs kubectl, and kubectl is not on the PATH`,
    );
  if (error !== undefined || status !== 0) {
    const why = stderr.toString('utf8').trim() || error?.message || `exit code ${status}`;
    throw new Fault('InvalidInput', `kubectl kustomize ${folder}: ${why}`);
  }
  return textOf(`kubectl kustomize ${folder}`, stdout);
}

function stat(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function read(name: string, from: string | number): Buffer {
  try {
    return readFileSync(from);
  } catch (error) {
    throw unreadable(name, error);
  }
}

function textOf(name: string, bytes: Buffer): ManifestSource {
  if (bytes.length > bytesMax) throw tooLarge(name);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return { name, text };
  } catch {
    // Said below.
  }
  throw new Fault('InvalidInput', `${name} is not text: expected manifests in YAML or JSON`);
}

function tooLarge(name: string): Fault {
  return new Fault('InvalidInput', `${name} is too large. Maximum ${bytesMax / 1024 / 1024} MiB`);
}

function unreadable(name: string, error: unknown): Fault {
  const { message } = error as Error;
  return new Fault('NotFound', `${name} can't be read: ${message}`, { cause: error });
}
