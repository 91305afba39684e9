/** CPU time and resident memory of processes on this machine, from /proc. */
import { readFileSync } from 'node:fs';
import type { ProcessRecord } from '@spillway/simulator';

/** Linux' USER_HZ on every architecture that Node runs on. */
const ticksPerSecond = 100;

export interface Watched {
  readonly name: string;
  readonly pid: number | undefined;
}

/** Starts counting; call the result for what was used since. A process that is gone is left out. */
export function watchProcesses(watched: readonly Watched[]): () => readonly ProcessRecord[] {
  const before = watched.map(({ pid }) => cpuSeconds(pid));
  return () =>
    watched.flatMap(({ name, pid }, i) => {
      const [since, now, rssMib] = [before[i], cpuSeconds(pid), residentMib(pid)];
      if (since === undefined || now === undefined || rssMib === undefined) return [];
      return [{ name, cpuSeconds: Math.round((now - since) * 100) / 100, rssMib }];
    });
}

function cpuSeconds(pid: number | undefined): number | undefined {
  const text = read(pid, 'stat');
  if (text === undefined) return undefined;
  // After the command in parentheses, which may hold spaces: state is field 3, utime 14, stime 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function residentMib(pid: number | undefined): number | undefined {
  const kibibytes = /VmRSS:\s+(\d+)/.exec(read(pid, 'status') ?? '')?.[1];
  return kibibytes === undefined ? undefined : Math.round(Number(kibibytes) / 1_024);
}

function read(pid: number | undefined, file: string): string | undefined {
  if (pid === undefined) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
