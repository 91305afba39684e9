/**
 * Writes files so that a full disk or a kill leaves either the old ones or the new ones whole. Each file is
 * written to a temporary file of the same folder, reaches the disk, and then gets its name by a rename.
 * Nothing is renamed before all are on the disk. One command at a time writes in a folder, see
 * folder-lock.ts.
 *
 * Rejected: writing in place, which keeps the mode and the readers of a file that was there.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '@spillway/core';
import { unwritable } from './file-faults.ts';

export interface NewFile {
  readonly file: string;
  readonly text: string;
  /** In force whatever the umask is, and whatever mode a file has that is replaced. */
  readonly mode: 0o600 | 0o644;
}

/** In this order. @throws Fault naming the file; then none has changed, but for a fault while renaming. */
export function writeFiles(files: readonly NewFile[]): void {
  for (const { file } of files) checkReplaceable(file);
  const written: string[] = [];
  try {
    for (const each of files) {
      written.push(temporaryOf(each.file));
      writeTemporary(each);
    }
    for (const { file } of files) renameSync(temporaryOf(file), file);
  } catch (error) {
    for (const temporary of written) rmSync(temporary, { force: true });
    throw error;
  }
  for (const folder of new Set(files.map(({ file }) => dirname(file)))) syncFolder(folder);
}

/** @throws Fault `InvalidInput` where a rename would take away what is no file of ours. */
export function checkReplaceable(file: string): void {
  const stat = statOf(file);
  if (stat === undefined || stat.isFile()) return;
  const what = stat.isSymbolicLink() ? 'a symbolic link' : 'not a regular file';
  throw new Fault('InvalidInput', `${file} is ${what}: it is not replaced. Choose another place.`);
}

function statOf(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw unwritable(file, error);
  }
}

function temporaryOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.new`);
}

function writeTemporary({ file, text, mode }: NewFile): void {
  const temporary = temporaryOf(file);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    // What a killed command has left.
    rmSync(temporary, { force: true });
    const descriptor = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      fchmodSync(descriptor, mode);
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw unwritable(file, error);
  }
}

/** So that the new names outlive a power cut. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
