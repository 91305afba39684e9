/**
 * Which agent dials the relay. On loopback every agent is a process, and the kernel's socket table says
 * whose a connection is. On the network of real nodes each node has an address, and packets of its pods
 * leave with that address.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';

const pids = new Map<number, string>();
const nodes = new Map<string, readonly string[]>();
const clusterOfNode = new Map<string, string>();

export function watchPid(pid: number, cluster: string): void {
  pids.set(pid, cluster);
}

/** All of a cluster's nodes, instead of those that were said to be before. */
export function setNodes(cluster: string, addresses: readonly string[]): void {
  for (const address of nodes.get(cluster) ?? []) clusterOfNode.delete(address);
  nodes.set(cluster, addresses);
  for (const address of addresses) clusterOfNode.set(address, cluster);
}

export function nodesOf(cluster: string): readonly string[] | undefined {
  return nodes.get(cluster);
}

/** The kernel's table is read while it changes, and may lack a line: it is asked again. */
const tableReadsMax = 3;

/** The cluster whose agent is at the other end of `socket`; undefined for strangers. */
export function dialler(socket: Socket): string | undefined {
  return clusterOfNode.get(socket.remoteAddress ?? '') ?? owner(socket);
}

/** Linux only: /proc/net/tcp. */
function owner(socket: Socket): string | undefined {
  if (pids.size === 0) return undefined;
  const theirs = tableAddress(socket.remoteAddress, socket.remotePort);
  const ours = tableAddress(socket.localAddress, socket.localPort);
  let inode: string | undefined;
  for (let reads = 0; inode === undefined && reads < tableReadsMax; reads++) {
    inode = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      // Both ends: a port that was used lately stands there once more, for the connection that was.
      .find((fields) => fields[1] === theirs && fields[2] === ours)?.[9];
  }
  if (inode === undefined) return undefined;
  for (const [pid, cluster] of pids) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (link(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) return cluster;
      }
    } catch {
      // The agent has ended: it dials nobody.
      pids.delete(pid);
    }
  }
  return undefined;
}

/** As /proc/net/tcp writes it: the address's bytes from last to first, in hexadecimal. */
function tableAddress(address = '', port = 0): string {
  const bytes = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1) ?? [];
  const hexadecimal = (value: number, digits: number): string =>
    value.toString(16).toUpperCase().padStart(digits, '0');
  const host = bytes.toReversed().map((byte) => hexadecimal(Number(byte), 2));
  return `${host.join('')}:${hexadecimal(port, 4)}`;
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
