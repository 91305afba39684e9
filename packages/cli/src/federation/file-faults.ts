/** What a file system says, as a fault that names the path and says what is in the way. */
import { Fault, type FaultCode, isFault } from '@spillway/core';

const words: Readonly<Record<string, readonly [FaultCode, string]>> = {
  EACCES: ['PermissionDenied', 'this user may not write there'],
  EPERM: ['PermissionDenied', 'this user may not change it'],
  EROFS: ['PermissionDenied', 'the file system is read-only'],
  ENOSPC: ['ResourceExhausted', 'the disk is full'],
  EDQUOT: ['ResourceExhausted', 'the quota of this user is used up'],
  EFBIG: ['ResourceExhausted', 'this user may not write files of that size'],
  ENOTDIR: ['InvalidInput', 'a part of its path is not a folder'],
  ENOENT: ['InvalidInput', 'its folder does not exist and cannot be made'],
  EEXIST: ['InvalidInput', 'a broken symbolic link is in its place'],
  ELOOP: ['InvalidInput', 'its symbolic links form a circle'],
  ENAMETOOLONG: ['InvalidInput', 'the name is too long'],
};

/** Faults pass as they are. */
export function unwritable(path: string, error: unknown): Fault {
  if (isFault(error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const [fault, why] = words[code ?? ''] ?? ['InvalidInput', message];
  return new Fault(fault, `${path} cannot be written: ${why}`, { cause: error });
}
