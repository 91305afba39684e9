/**
 * A Docker daemon of our own, for machines where none runs: Debian's dockerd in a network, mount and
 * process namespace of its own. Nothing holds these but the daemon's processes, so that the kernel takes
 * everything away with them, however they end: containers, mounts, bridges, iptables rules. Its images
 * stay in the cache folder; containers, volumes and networks do not outlive it.
 *
 * A veth pair joins its network with this machine's, so that programs here reach nodes by address, and
 * nodes reach programs here without their address being changed on the way.
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
import { childOf, removeCgroups, removeEmptyFolder } from './daemon-remains.ts';
import { lacksCapabilities } from './capabilities.ts';

export interface OwnDaemon {
  /** Of the process that holds the namespaces. */
  readonly pid: number;
  /** Of that process: a pid alone may be another's by now. */
  readonly started: string;
  /** As in `DOCKER_HOST`. */
  readonly host: string;
  readonly ranges: Ranges;
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

  /** Undefined when it does not run, whatever it has left. */
  find(): OwnDaemon | undefined {
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
      this.#clean(running);
      return await this.#start();
    });
  }

  /** Leaves nothing but the images. Resolves to whether one ran. */
  async stop(): Promise<boolean> {
    if (!existsSync(this.#runtime)) return false;
    return await this.#alone(async () => {
      const running = this.find();
      if (running !== undefined) {
        await removeContainers(running.host).catch(() => {});
        const child = childOf(running.pid);
        if (child !== undefined) process.kill(child, 'SIGTERM');
        await waitFor('Docker has ended', () => (hasEnded(running) ? true : undefined), {
          timeoutMs: stopMsMax,
        }).catch(() => {});
      }
      this.#clean(running);
      const link = running?.ranges.link;
      await waitFor('its link is gone', () => (link && linkExists(link) ? undefined : true), {
        timeoutMs: stopMsMax,
      });
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
    const daemon = { pid, started: startTime(pid), host: `unix://${this.#socket}`, ranges };
    writeFileSync(this.#stateFile, JSON.stringify(daemon), { mode: 0o600 });
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
      return daemon;
    } catch (error) {
      this.#clean(daemon);
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
      `--data-root=${this.#images}`,
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
  #clean(running: OwnDaemon | undefined): void {
    // The end of the one that holds the namespaces is the end of all in them.
    if (running !== undefined && !hasEnded(running)) {
      process.kill(running.pid, 'SIGKILL');
    }
    removeCgroups(this.#cgroup);
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
