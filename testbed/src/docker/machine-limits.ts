/**
 * What on this machine prevents kind clusters, each finding with what to do. It is checked before anything
 * starts, because otherwise programs fail halfway with another error.
 */
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '@spillway/core';
import { cacheFolder } from '../binaries.ts';
import { lacksCapabilities, lacksSysResource } from './capabilities.ts';

/** All in bytes, but for counts. */
export interface Machine {
  readonly cgroup: 'v1' | 'v2';
  readonly lacksCapabilities: boolean;
  readonly lacksSysResource: boolean;
  readonly isRoot: boolean;
  readonly inotifyInstances: number;
  readonly inotifyWatches: number;
  readonly freeDiskBytes: number;
  readonly freeMemoryBytes: number;
}

export interface Wanted {
  readonly clusters: number;
  /** Of all clusters together, control planes among them. */
  readonly nodes: number;
  /** Whether the node image has to be made first. */
  readonly makesImage: boolean;
}

export interface Finding {
  readonly what: 'cgroup' | 'capabilities' | 'inotify' | 'disk' | 'memory';
  /** `blocks`: it cannot work. `changed`: the test bed changes it, and puts it back. `handled`: it works nevertheless. */
  readonly weight: 'blocks' | 'changed' | 'handled';
  /** What was found, and what to do. */
  readonly advice: string;
}

/** Measured: 28 instances a one-node cluster; the machine's own processes need some too. */
const inotifyInstancesPerNode = 40;
const inotifyInstancesSpare = 100;
const inotifyInstancesRaised = 1_024;
/** What kind's documentation asks for. */
const inotifyWatchesWanted = 65_536;
const mib = 2 ** 20;
/** Measured: 425 to 510 MiB a cluster, 84 MiB a further node, 550 MB of disk a node. */
const memoryPerClusterBytes = 600 * mib;
const memoryPerNodeBytes = 100 * mib;
const diskPerNodeBytes = 700 * mib;
/** The Go builds, the image as a file and in Docker. */
const diskForImageBytes = 8_000 * mib;

/** What is found limiting, worst first; nothing when nothing is. */
export function machineLimits(wanted: Wanted, machine = thisMachine()): readonly Finding[] {
  const order = ['blocks', 'changed', 'handled'];
  return [
    ...inotify(wanted, machine),
    ...room(wanted, machine),
    ...(machine.cgroup === 'v1' ? [cgroupV1] : []),
    ...(machine.lacksCapabilities ? [fewCapabilities] : []),
  ].toSorted((a, b) => order.indexOf(a.weight) - order.indexOf(b.weight));
}

/** @throws Fault `ResourceExhausted` with all that blocks. */
export function requireMachine(wanted: Wanted, machine = thisMachine()): void {
  const blocking = machineLimits(wanted, machine).filter(({ weight }) => weight === 'blocks');
  if (blocking.length === 0) return;
  const { clusters, nodes } = wanted;
  const lines = blocking.map(({ advice }) => `- ${advice}`);
  throw new Fault(
    'ResourceExhausted',
    `this machine has not what ${clusters} kind clusters of ${nodes} nodes need:\n${lines.join('\n')}`,
  );
}

/** The settings that `raiseInotify` changes, below /proc/sys: its caller puts them back. */
export const inotifySettings = ['fs/inotify/max_user_instances', 'fs/inotify/max_user_watches'];

/** More than these nodes need, since others may start; never less than it was. Does nothing where we are not root. */
export function raiseInotify(wanted: Wanted): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  const values = [Math.max(instancesFor(wanted), inotifyInstancesRaised), inotifyWatchesWanted];
  for (const [index, setting] of inotifySettings.entries()) {
    const value = values[index] ?? 0;
    if (sysctl(setting) < value) writeFileSync(`/proc/sys/${setting}`, `${value}`);
  }
}

export function thisMachine(): Machine {
  const memory = /^MemAvailable:\s*(\d+) kB$/m.exec(readText('/proc/meminfo'))?.[1];
  return {
    cgroup: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'v2' : 'v1',
    lacksCapabilities: lacksCapabilities(),
    lacksSysResource: lacksSysResource(),
    isRoot: process.getuid?.() === 0,
    inotifyInstances: sysctl('fs/inotify/max_user_instances'),
    inotifyWatches: sysctl('fs/inotify/max_user_watches'),
    freeDiskBytes: freeDisk(cacheFolder()),
    freeMemoryBytes: Number(memory ?? 0) * 1024,
  };
}

const cgroupV1: Finding = {
  what: 'cgroup',
  weight: 'handled',
  advice:
    'cgroup v1: kubelets are told to run nevertheless. Kubernetes no longer maintains it; boot with systemd.unified_cgroup_hierarchy=1 to have v2',
};

const fewCapabilities: Finding = {
  what: 'capabilities',
  weight: 'handled',
  advice:
    'this machine withholds capabilities from root: nodes run without them, and nothing in them can lower its oom_score_adj',
};

function instancesFor({ nodes }: Wanted): number {
  return inotifyInstancesSpare + nodes * inotifyInstancesPerNode;
}

function inotify(wanted: Wanted, machine: Machine): readonly Finding[] {
  const instances = instancesFor(wanted);
  const short = [
    machine.inotifyInstances < instances ? `fs.inotify.max_user_instances=${instances}` : undefined,
    machine.inotifyWatches < inotifyWatchesWanted
      ? `fs.inotify.max_user_watches=${inotifyWatchesWanted}`
      : undefined,
  ].filter((setting) => setting !== undefined);
  if (short.length === 0) return [];
  const has = `inotify: ${machine.inotifyInstances} instances and ${machine.inotifyWatches} watches`;
  if (machine.isRoot) {
    const advice = `${has} are too few; while the clusters run: ${short.join(' ')}`;
    return [{ what: 'inotify', weight: 'changed', advice }];
  }
  const advice = `${has} are too few: sudo sysctl -w ${short.join(' ')}`;
  return [{ what: 'inotify', weight: 'blocks', advice }];
}

function room({ clusters, nodes, makesImage }: Wanted, machine: Machine): readonly Finding[] {
  const memory = clusters * memoryPerClusterBytes + (nodes - clusters) * memoryPerNodeBytes;
  const disk = nodes * diskPerNodeBytes + (makesImage ? diskForImageBytes : 0);
  const findings: Finding[] = [];
  if (machine.freeMemoryBytes < memory) {
    const advice = `memory: ${inMib(memory)} are needed, ${inMib(machine.freeMemoryBytes)} are free: fewer clusters or nodes, or end what uses it`;
    findings.push({ what: 'memory', weight: 'blocks', advice });
  }
  if (machine.freeDiskBytes < disk) {
    const advice = `disk: ${inMib(disk)} are needed, ${inMib(machine.freeDiskBytes)} are free at ${cacheFolder()}: free some ("docker system prune"), or set SPILLWAY_CACHE to a folder elsewhere`;
    findings.push({ what: 'disk', weight: 'blocks', advice });
  }
  return findings;
}

function inMib(bytes: number): string {
  return `${Math.ceil(bytes / mib)} MiB`;
}

function sysctl(setting: string): number {
  return Number(readText(`/proc/sys/${setting}`));
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

function freeDisk(folder: string): number {
  if (!existsSync(folder)) return freeDisk(dirname(folder));
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
