/** All manifests in folders and the folders below, by name. Links are not followed, so that the walk ends. */
import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { manifestFile } from '@spillway/manifests';

const filesMax = 200_000;
/** Of people's checkouts: what is there is others' or no manifest. */
const skippedFolders: ReadonlySet<string> = new Set(['.git', 'node_modules']);

/** @throws Fault `NotFound` for a path that does not exist, `InvalidInput` beyond the maximum. */
export function manifestsBelow(paths: readonly string[]): readonly string[] {
  const files: string[] = [];
  const open = [...paths].toReversed();
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const { name, folder } of entriesOf(path)) {
      if (folder) open.push(name);
      else files.push(name);
    }
    if (files.length > filesMax)
      throw new Fault('InvalidInput', `more than ${filesMax} files. Count fewer folders at once`);
  }
  return files.toSorted();
}

interface Entry {
  readonly name: string;
  readonly folder: boolean;
}

/** A file that is named itself counts whatever its name is. */
function entriesOf(path: string): readonly Entry[] {
  try {
    if (!lstatSync(path).isDirectory()) return [{ name: path, folder: false }];
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter(isOfInterest).map((entry) => ({
      name: join(path, entry.name),
      folder: entry.isDirectory(),
    }));
  } catch (error) {
    const { message } = error as Error;
    throw new Fault('NotFound', `${path} can't be read: ${message}`, { cause: error });
  }
}

function isOfInterest(entry: Dirent): boolean {
  if (entry.isDirectory()) return !skippedFolders.has(entry.name);
  return entry.isFile() && manifestFile.test(entry.name);
}
