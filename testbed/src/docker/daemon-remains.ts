/** What the kernel does not remove with a daemon's processes, and how to find these. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const cgroupRoot = '/sys/fs/cgroup';

/** Those of this name in every hierarchy; whether all are gone. One that still has processes stays. */
export function removeCgroups(name: string): boolean {
  const folders = ['.', ...listed(cgroupRoot)].map((hierarchy) =>
    join(cgroupRoot, hierarchy, name),
  );
  for (const folder of folders) removeCgroup(folder);
  return !folders.some((folder) => existsSync(folder));
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

/** Processes of a program that was started with this argument. */
export function runningWith(program: string, argument: string): readonly number[] {
  return listed('/proc')
    .map(Number)
    .filter((pid) => {
      const [command = '', ...args] = pid > 0 ? commandLine(pid) : [];
      return basename(command) === program && args.includes(argument);
    });
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // Ended meanwhile.
    return [];
  }
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
