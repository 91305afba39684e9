/**
 * One command at a time reads and writes the files of a folder. Two that admit different clusters would mix
 * their files, and two that revoke would lose a revocation.
 *
 * A lock that a killed command has left is not taken over. Two commands that both found its owner dead could
 * then both go on.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { unwritable } from './file-faults.ts';

export const lockName = '.spillway-lock';

/** @throws Fault `Conflict` when another command holds it. */
export async function withFolderLocked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, lockName);
  take(lock);
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock: string): void {
  try {
    const descriptor = openSync(lock, 'wx', 0o600);
    try {
      writeSync(descriptor, `${process.pid}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(lock, error);
    throw new Fault(
      'Conflict',
      `${lock} exists: another spillway command works in this folder. If there is none, a killed command left the file: delete it, and try again.`,
      { cause: error },
    );
  }
}
