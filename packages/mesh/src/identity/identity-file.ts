/** Reads the files of an identity: keys, certificates, lists. They are small, no matter who wrote them. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '@spillway/core';

/** More than a full list of revocations as text (256 KiB in base64). */
const identityFileBytesMax = 512 * 1024;

export interface IdentityFile {
  readonly text: string;
  /** Permission bits of a regular file. A pipe, such as `<(gpg -d …)`, has none that matter. */
  readonly mode: number | undefined;
}

/** @throws Fault `NotFound`, `PermissionDenied` or `InvalidInput`, naming the file. */
export function readIdentityFile(file: string): IdentityFile {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw unreadable(file, error);
  }
  try {
    const stat = fstatSync(descriptor);
    const bytes = readBounded(descriptor, file);
    return {
      text: bytes.toString('utf8'),
      mode: stat.isFile() ? stat.mode & 0o7777 : undefined,
    };
  } catch (error) {
    throw error instanceof Fault ? error : unreadable(file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** Sizes that a file system reports are not trusted: a device has none. */
function readBounded(descriptor: number, file: string): Buffer {
  const bytes = Buffer.alloc(identityFileBytesMax + 1);
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (read === 0) return bytes.subarray(0, length);
    length += read;
  }
  throw new Fault('InvalidInput', `${file}: longer than ${identityFileBytesMax} bytes`);
}

function unreadable(file: string, error: unknown): Fault {
  const { code, message } = error as NodeJS.ErrnoException;
  const faults = {
    ENOENT: ['NotFound', 'there is no such file'],
    EACCES: ['PermissionDenied', 'this user may not read it'],
    EISDIR: ['InvalidInput', 'it is a folder'],
    ENOTDIR: ['InvalidInput', 'a part of its path is not a folder'],
  } as const;
  const [fault, words] = faults[code as keyof typeof faults] ?? ['InvalidInput', message];
  return new Fault(fault, `${file} cannot be read: ${words}`, { cause: error });
}
