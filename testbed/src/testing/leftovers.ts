/** What a test bed could leave behind. Linux: /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processes whose command line names `folder`, zombies aside. */
export function processesOf(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)) return false;
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Ports of 127.0.0.1 on which `pids` listen. */
export function portsOf(pids: readonly number[]): readonly number[] {
  const inodes = new Set(pids.flatMap(socketsOf));
  return listening().flatMap(({ port, inode }) => (inodes.has(inode) ? [port] : []));
}

/** Those of `ports` on which anybody listens. */
export function openPorts(ports: readonly number[]): readonly number[] {
  const open = new Set(listening().map(({ port }) => port));
  return ports.filter((port) => open.has(port));
}

export function leftovers(folder: string, ports: readonly number[]): readonly string[] {
  return [
    ...processesOf(folder).map((pid) => `process ${pid}`),
    ...openPorts(ports).map((port) => `port ${port}`),
    ...(existsSync(folder) ? [folder] : []),
  ];
}

function listening(): readonly { readonly port: number; readonly inode: string }[] {
  return readFileSync('/proc/net/tcp', 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map((fields) => ({
      port: Number.parseInt(fields[1]?.split(':')[1] ?? '', 16),
      inode: fields[9] ?? '',
    }));
}

function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
