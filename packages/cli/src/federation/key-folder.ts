/** Folders that hold keys: made for their owner alone, and refused where others could swap a key. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Fault } from '@spillway/core';
import { unwritable } from './file-faults.ts';

/** Group and others. */
const writableToOthers = 0o022;

/**
 * Makes nothing: what stands in the way is said before anything is signed.
 *
 * @throws Fault `InvalidInput` naming what is no folder, or whose mode lets others write.
 */
export function checkKeyFolder(folder: string): void {
  const there = nearest(resolve(folder));
  const stat = statSync(there);
  if (!stat.isDirectory()) throw new Fault('InvalidInput', `${there} is not a folder`);
  if (there !== resolve(folder) || (stat.mode & writableToOthers) === 0) return;
  throw new Fault(
    'InvalidInput',
    `${folder} can be written by others (mode ${modeText(stat.mode)}), who could swap its keys. Choose another folder, or: chmod go-w ${folder}`,
  );
}

/**
 * With the folders above it, mode 0700 for each that is new. One by one and not by `recursive`, so that
 * every refusal of a file system is an error at once.
 *
 * @throws Fault naming the folder.
 */
export function makeKeyFolder(folder: string): void {
  const path = resolve(folder);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    if (dirname(path) !== path) makeKeyFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another command has made it meanwhile.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    throw unwritable(folder, error);
  }
}

export function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function nearest(path: string): string {
  try {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTDIR') throw unwritable(path, error);
  }
  return nearest(dirname(path));
}
