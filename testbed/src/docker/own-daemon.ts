/**
 * A Docker daemon of our own, for machines where none runs: Debian's dockerd in a network, mount and process
 * namespace of its own. Only the daemon's processes hold these namespaces. So the kernel removes everything
 * with them when they end for any reason: containers, mounts, bridges, iptables rules. Its images stay in
 * the cache folder. Containers, volumes and networks end with it.
 *
 * A veth pair joins its network with this machine's. So programs here reach nodes by address, and nodes
 * reach programs here without a change of their address on the way.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import lockfile from 'proper-lockfile';
import { cacheFolder, ensureProgram } from '../binaries.ts';
import { startTime } from '../reaper.ts';
import { waitFor } from '../wait-for.ts';
import { dockerCall } from './docker-client.ts';
import { ensurePackages, pathWithSbin } from './debian-packages.ts';
import {
  freeRanges,
  hasOwnNetwork,
  joinNetworks,
  linkExists,
  letThrough,
  type Ranges,
} from './daemon-network.ts';
import { childOf, removeCgroups, removeEmptyFolder, runningWith } from './daemon-remains.ts';
import { lacksCapabilities } from './capabilities.ts';

export interface OwnDaemon {
  /** Of the process that holds the namespaces. */
  readonly pid: number;
  /** Of that process: a pid alone may be another's by now. */
  readonly started: string;
  /** As in `DOCKER_HOST`. */
  readonly host: string;
  readonly ranges: Ranges;
  /** False while it is starting: its starter may have been killed half way. */
  readonly ready: boolean;
}

const readyMsMax = 60_000;
const stopMsMax = 30_000;
const lockStaleMs = 60_000;
const runtimeFolder = '/run/spillway-docker';
const daemonPackages = { dockerd: 'docker.io', tini: 'tini', iptables: 'iptables', ip: 'iproute2' };
const namespaces = ['--net', '--mount', '--mount-proc', '--pid', '--fork', '--kill-child'];

/** Several can run side by side: the tests of it have one of their own. */
export class OwnDaemons {
  readonly #name: string;
  readonly #runtime: string;
  readonly #images: string;

  constructor(name = process.env['SPILLWAY_DOCKER'] || 'default') {
    this.#name = name;
    // Sockets' paths are short.
    this.#runtime = join(runtimeFolder, name);
    this.#images = join(cacheFolder(), 'docker', name);
  }

  get logFile(): string {
    return `${this.#images}.log`;
  }

  /** Undefined when it does not run, or not wholly, whatever it has left. */
  find(): OwnDaemon | undefined {
    const daemon = this.#started();
    return daemon?.ready === false ? undefined : daemon;
  }

  #started(): OwnDaemon | undefined {
    try {
      const daemon = JSON.parse(readFileSync(this.#stateFile, 'utf8')) as OwnDaemon;
      return hasEnded(daemon) ? undefined : daemon;
    } catch {
      return undefined;
    }
  }

  /** The one that runs, or a new one, clean of what an earlier one left. @throws Fault */
  async start(): Promise<OwnDaemon> {
    return await this.#alone(async () => {
      const running = this.find();
      if (running !== undefined && (await answers(running.host))) return running;
      await ensurePackages(daemonPackages);
      await this.#clean();
      return await this.#start();
    });
  }

  /** Leaves nothing but the images. Resolves to whether one ran. */
  async stop(): Promise<boolean> {
    const isThere =
      existsSync(this.#runtime) || runningWith('unshare', this.#imagesFlag).length > 0;
    if (!isThere) return false;
    return await this.#alone(async () => {
      const running = this.#started();
      if (running !== undefined) {
        await removeContainers(running.host).catch(() => {});
        const child = childOf(running.pid);
        if (child !== undefined) process.kill(child, 'SIGTERM');
        await waitFor('Docker has ended', () => (hasEnded(running) ? true : undefined), {
          timeoutMs: stopMsMax,
        }).catch(() => {});
      }
      await this.#clean();
      return running !== undefined;
    });
  }

  async #start(): Promise<OwnDaemon> {
    mkdirSync(this.#runtime, { recursive: true, mode: 0o700 });
    const ranges = await freeRanges();
    const log = openSync(this.logFile, 'w');
    const child = spawn('unshare', [...namespaces, ...(await this.#dockerd(ranges))], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: pathWithSbin() },
    });
    closeSync(log);
    child.unref();
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const { pid } = child;
    if (pid === undefined) return await failed;
    const host = `unix://${this.#socket}`;
    const daemon = { pid, started: startTime(pid), host, ranges, ready: false };
    this.#write(daemon);
    const hopeless = (): Fault | undefined =>
      child.exitCode === null && child.signalCode === null ? undefined : this.#fault();
    try {
      await waitFor('the daemon has a network of its own', () => hasOwnNetwork(pid), {
        timeoutMs: readyMsMax,
        hopeless,
      });
      await joinNetworks(daemon);
      await waitFor('Docker answers', async () => (await answers(daemon.host)) || undefined, {
        timeoutMs: readyMsMax,
        hopeless,
      });
      await letThrough(daemon);
      // Those that an earlier daemon had when it was killed.
      await removeContainers(daemon.host);
      return this.#write({ ...daemon, ready: true });
    } catch (error) {
      await this.#clean();
      throw error;
    }
  }

  async #dockerd(ranges: Ranges): Promise<readonly string[]> {
    const runtime = lacksCapabilities() ? await ensureProgram('runc-as-allowed') : undefined;
    return [
      // The first process of a process namespace adopts and reaps, which dockerd does not.
      'tini',
      '--',
      'dockerd',
      `--host=unix://${this.#socket}`,
      this.#imagesFlag,
      `--exec-root=${join(this.#runtime, 'exec')}`,
      `--pidfile=${join(this.#runtime, 'docker.pid')}`,
      `--cgroup-parent=/${this.#cgroup}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      `--bip=${ranges.bridge}`,
      `--default-address-pool=base=${ranges.nodes},size=24`,
      '--log-opt=max-size=10m',
      ...(runtime ? [`--add-runtime=as-allowed=${runtime}`, '--default-runtime=as-allowed'] : []),
    ];
  }

  /** Kills what is left, and removes what the kernel does not. */
  async #clean(): Promise<void> {
    const link = this.#started()?.ranges.link;
    // The end of the one that holds the namespaces is the end of all in them. It is sought by what it
    // was started with, since it may have been before anybody could write it down.
    for (const pid of runningWith('unshare', this.#imagesFlag)) process.kill(pid, 'SIGKILL');
    const isGone = (): boolean =>
      runningWith('dockerd', this.#imagesFlag).length === 0 &&
      removeCgroups(this.#cgroup) &&
      (link === undefined || !linkExists(link));
    await waitFor('all of Docker has ended', () => isGone() || undefined, {
      timeoutMs: stopMsMax,
    });
    rmSync(this.#runtime, { recursive: true, force: true });
    removeEmptyFolder(runtimeFolder);
  }

  /** Of several that start or stop it, one at a time. */
  async #alone<T>(act: () => Promise<T>): Promise<T> {
    mkdirSync(this.#images, { recursive: true });
    const release = await lockfile.lock(this.#images, {
      lockfilePath: `${this.#images}.lock`,
      stale: lockStaleMs,
      retries: { forever: true, minTimeout: 200, maxTimeout: 1_000 },
      onCompromised: () => {},
    });
    try {
      return await act();
    } finally {
      await release().catch(() => {});
    }
  }

  #fault(): Fault {
    const said = readFileSync(this.logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
    return new Fault(
      'Unavailable',
      `Docker did not start:\n${said}\nAll it said is in ${this.logFile}. If its folder ${this.#images} is damaged, remove that; the images are made again.`,
    );
  }

  #write(daemon: OwnDaemon): OwnDaemon {
    writeFileSync(this.#stateFile, JSON.stringify(daemon), { mode: 0o600 });
    return daemon;
  }

  get #imagesFlag(): string {
    return `--data-root=${this.#images}`;
  }

  get #cgroup(): string {
    return `spillway-docker-${this.#name}`;
  }

  get #socket(): string {
    return join(this.#runtime, 'docker.sock');
  }

  get #stateFile(): string {
    return join(this.#runtime, 'daemon.json');
  }
}

/** One that was started only to hold the image, unless someone has begun to use it. */
export async function stopUnusedDocker(): Promise<void> {
  const daemons = new OwnDaemons();
  const running = daemons.find();
  if (running === undefined) return;
  const used = await dockerCall(running.host, ['ps', '--all', '--quiet']);
  if (used === '') await daemons.stop();
}

function hasEnded({ pid, started }: OwnDaemon): boolean {
  return started === '' || startTime(pid) !== started;
}

async function answers(host: string): Promise<boolean> {
  return await dockerCall(host, ['version']).then(
    () => true,
    () => false,
  );
}

/** With what hangs on them. */
async function removeContainers(host: string): Promise<void> {
  const ids = (await dockerCall(host, ['ps', '--all', '--quiet'])).split('\n').filter(Boolean);
  if (ids.length > 0) await dockerCall(host, ['rm', '--force', '--volumes', ...ids]);
  await dockerCall(host, ['network', 'prune', '--force']);
  await dockerCall(host, ['volume', 'prune', '--force']);
}
