/** What the kernel does not remove with a daemon's processes, and how to find these. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const cgroupRoot = '/sys/fs/cgroup';

/** Those of this name in every hierarchy. One that still has processes stays, for the next start. */
export function removeCgroups(name: string): void {
  for (const hierarchy of ['.', ...listed(cgroupRoot)]) {
    removeCgroup(join(cgroupRoot, hierarchy, name));
  }
}

function removeCgroup(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  }
  // Else its processes are still ending.
  removeEmptyFolder(folder);
}

/** Leaves one that is in use. */
export function removeEmptyFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // In use, or gone.
  }
}

export function listed(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The first child of a process. */
export function childOf(parent: number): number | undefined {
  return listed('/proc')
    .map(Number)
    .find((pid) => pid > 0 && parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // Ended meanwhile.
    return undefined;
  }
}
