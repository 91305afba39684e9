/** Where the Unix sockets of one process are: a directory that only its user can enter. */
import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const prefix = 'spillway-mesh-';

/**
 * Of this process. Its process id alone is not enough: in a container every agent is process 1. A container
 * that was killed leaves its directories to the next one.
 */
const own = new Set<string>();

/** A new one for each process; those of processes that were killed are swept away. */
export async function socketDirectory(): Promise<string> {
  await sweep();
  // At once, so that no other sweep of this process sees it before it is known.
  const directory = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  own.add(basename(directory));
  return directory;
}

async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]);
    if (!Number.isSafeInteger(pid) || own.has(name)) continue;
    if (pid !== process.pid && isAlive(pid)) continue;
    // Another user's stays, and so does what another agent sweeps at the same moment.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
