/** Reads private keys, and looks who else could. */
import { Fault } from '@spillway/core';
import { type PrivateKey, readIdentityFile, readPrivateKey } from '@spillway/mesh';
import { modeText } from './key-folder.ts';

const readableToOthers = 0o077;

/**
 * The federation's root, for signing with.
 *
 * @throws Fault `InvalidInput` when others may read it: as ssh does, so that it is noticed.
 */
export function readRootKey(file: string): PrivateKey {
  const { text, mode } = readIdentityFile(file);
  const key = named(file, () => readPrivateKey(text));
  if (isReadableToOthers(mode)) {
    throw new Fault(
      'InvalidInput',
      `${file} is open to other users (mode ${modeText(mode)}). Anyone who has read it can admit clusters. Close it: chmod 600 ${file}`,
    );
  }
  return key;
}

export function isReadableToOthers(mode: number | undefined): mode is number {
  return mode !== undefined && (mode & readableToOthers) !== 0;
}

/** Says which file is meant. */
export function named<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(error.code, `${file}: ${error.message}`, { cause: error });
  }
}
