/** How the network of a daemon of our own is joined with this machine's: a veth pair and a route. */
import { readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { existsSync } from 'node:fs';
import { Fault } from '@spillway/core';
import { run } from '../run-program.ts';
import { pathWithSbin } from './debian-packages.ts';

export interface Ranges {
  /** Of the containers that nodes are: reached from this machine. */
  readonly nodes: string;
  /** Of Docker's default bridge, which no node uses. */
  readonly bridge: string;
  /** This machine's end of the pair, by name and address, and the daemon's. */
  readonly link: string;
  readonly here: string;
  readonly there: string;
}

/** Docker's own choices first; the pair's addresses are of the range for benchmarks (RFC 2544), which nobody routes. */
const choices: readonly Ranges[] = [18, 28, 29, 30].map((second, index) => ({
  nodes: `172.${second}.0.0/16`,
  bridge: '172.17.0.1/24',
  link: `spillway-d${index}`,
  here: `198.18.255.${4 * index + 1}`,
  there: `198.18.255.${4 * index + 2}`,
}));

interface Joined {
  /** Of the process that holds the daemon's network. */
  readonly pid: number;
  readonly ranges: Ranges;
}

/** Ranges that nothing on this machine has. @throws Fault `ResourceExhausted` */
export async function freeRanges(): Promise<Ranges> {
  const routes = await ip(['-4', 'route', 'show', 'table', 'all']);
  const free = choices.find(({ nodes, link, here }) => {
    const prefix = nodes.split('.').slice(0, 2).join('.');
    return ![`${prefix}.`, link, here].some((taken) => routes.includes(taken)) && !linkExists(link);
  });
  if (free !== undefined) return free;
  const tried = choices.map(({ nodes }) => nodes).join(', ');
  throw new Fault('ResourceExhausted', `no free range for Docker's nodes: ${tried} are all routed`);
}

export function linkExists(name: string): boolean {
  return Object.hasOwn(networkInterfaces(), name) || existsSync(`/sys/class/net/${name}`);
}

export function hasOwnNetwork(pid: number): true | undefined {
  return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')
    ? undefined
    : true;
}

export async function joinNetworks({ pid, ranges }: Joined): Promise<void> {
  const { link, here, there, nodes } = ranges;
  await ip(['link', 'add', link, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', `${pid}`]);
  await ip(['addr', 'add', `${here}/30`, 'dev', link]);
  await ip(['link', 'set', link, 'up']);
  await inside(pid, ['ip', 'link', 'set', 'lo', 'up']);
  await inside(pid, ['ip', 'addr', 'add', `${there}/30`, 'dev', 'uplink']);
  await inside(pid, ['ip', 'link', 'set', 'uplink', 'up']);
  await ip(['route', 'add', nodes, 'via', there]);
}

/** Docker lets nobody from outside in, and hides nodes behind its own address: neither between here and nodes. */
export async function letThrough({ pid, ranges }: Joined): Promise<void> {
  await inside(pid, ['iptables', '-I', 'DOCKER-USER', '-i', 'uplink', '-j', 'ACCEPT']);
  const seen = ['-o', 'uplink', '-d', ranges.here, '-j', 'ACCEPT'];
  await inside(pid, ['iptables', '-t', 'nat', '-I', 'POSTROUTING', ...seen]);
}

/** What starts a program in the daemon's network. */
export function enter(pid: number): readonly string[] {
  return ['nsenter', `--net=/proc/${pid}/ns/net`];
}

async function inside(pid: number, command: readonly string[]): Promise<void> {
  const [program = '', ...args] = [...enter(pid), ...command];
  await must(program, args);
}

async function ip(args: readonly string[]): Promise<string> {
  return await must('ip', args);
}

async function must(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, {
    env: { ...process.env, PATH: pathWithSbin() },
  });
  if (code === 0) return stdout;
  throw new Fault('Unavailable', `${[program, ...args].join(' ')}: ${stderr.trim()}`);
}
