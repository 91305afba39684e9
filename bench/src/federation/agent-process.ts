/** One agent as a process of its own, as it ships: the bundle, a service account, files for its identity. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentBundle } from '@spillway/bundling';
import { Fault } from '@spillway/core';
import { type Cluster, type Testbed, waitFor } from '@spillway/testbed';

export interface AgentProcessOptions {
  readonly testbed: Testbed;
  readonly cluster: Cluster;
  /** Unique among the agents of the cluster. */
  readonly instance: string;
  readonly bundle: AgentBundle;
  readonly kubeconfig: string;
  readonly identity: {
    readonly key: string;
    readonly certificate: string;
    readonly federation: string;
  };
  /** What its pod would tell it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly meshPort: number;
  readonly announcePort: number;
  readonly httpPort: number;
  readonly bootstrap: readonly string[];
  /** `KEY=VALUE` as for `--set`. */
  readonly settings: readonly string[];
}

/** An agent that loses its Lease ends itself with this code, to be started again; see packages/agent. */
const lostLeaseCode = 3;
/** As a kubelet does: at once the first time, then 10 s later, doubling. Maximum 5 minutes. */
const restartMs = (restarts: number): number =>
  restarts === 0 ? 0 : Math.min(10_000 * 2 ** (restarts - 1), 300_000);

export class AgentProcess {
  readonly cluster: string;
  readonly #options: AgentProcessOptions;
  #child: ChildProcess | undefined;
  #ended = false;
  #restarts = 0;
  #restart: NodeJS.Timeout | undefined;
  #peakRssBytes = 0;
  #sampler: NodeJS.Timeout | undefined;

  constructor(options: AgentProcessOptions) {
    this.cluster = options.cluster.name;
    this.#options = options;
  }

  /** Another of the same cluster, at ports of its own, which waits for its turn. */
  standby(
    places: Pick<
      AgentProcessOptions,
      'instance' | 'environment' | 'meshPort' | 'announcePort' | 'httpPort'
    >,
  ) {
    return new AgentProcess({ ...this.#options, ...places });
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null ? this.#child.pid : undefined;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#options.httpPort}`;
  }

  /** Where it listens itself, past the test bed's relay. */
  get meshAddress(): string {
    return `/ip4/127.0.0.1/tcp/${this.#options.meshPort}`;
  }

  get log(): string {
    return join(this.#options.cluster.folder, `${this.#options.instance}.log`);
  }

  get peakRssBytes(): number {
    return this.#peakRssBytes;
  }

  async start(): Promise<void> {
    this.#ended = false;
    clearTimeout(this.#restart);
    const {
      testbed,
      bundle,
      kubeconfig,
      identity,
      meshPort,
      announcePort,
      httpPort,
      bootstrap,
      settings,
    } = this.#options;
    const log = openSync(this.log, 'a');
    const all = [
      `cluster=${this.cluster}`,
      `instance=${this.#options.instance}`,
      `kubeconfig=${kubeconfig}`,
      `identity.key=${identity.key}`,
      `identity.certificate=${identity.certificate}`,
      `identity.federation=${identity.federation}`,
      `mesh.listen=["/ip4/127.0.0.1/tcp/${meshPort}"]`,
      `mesh.announce=["/ip4/127.0.0.1/tcp/${announcePort}"]`,
      `mesh.bootstrap=${JSON.stringify(bootstrap)}`,
      `http.port=${httpPort}`,
      'kubelet.address=127.0.0.1',
      'kubelet.port=0',
      // What KWOK goes by in place of programs.
      'guests.annotations=["testbed.spillway.dev/*"]',
      ...settings,
    ];
    this.#child = spawn(
      process.execPath,
      [...bundle.flags, bundle.file, ...all.flatMap((setting) => ['--set', setting])],
      {
        stdio: ['ignore', log, log],
        detached: true,
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          NODE_COMPILE_CACHE: bundle.compileCache,
          // Its sockets, which go with the test bed however it ends.
          TMPDIR: this.#options.cluster.folder,
          ...this.#options.environment,
        },
      },
    );
    closeSync(log);
    const { pid } = this.#child;
    if (pid === undefined)
      throw new Fault('Internal', `the agent of ${this.cluster} could not be started`);
    this.#child.once('exit', (code) => {
      if (code === lostLeaseCode) this.#startAgain();
    });
    testbed.adopt(pid);
    await testbed.links.register(this.cluster, pid);
    this.#sampler ??= setInterval(() => this.rssBytes(), 250);
    this.#sampler.unref();
  }

  /** @throws Fault with the end of the agent's log. */
  async ready(timeoutMs = 60_000): Promise<void> {
    try {
      await waitFor(
        `agent of ${this.cluster} ready`,
        async () => {
          if (this.pid === undefined) throw new Error('it has ended');
          const status = await this.get<{ active: boolean; ready: boolean }>('/v1/status');
          return status.active && status.ready ? true : undefined;
        },
        { timeoutMs, everyMs: 50 },
      );
    } catch (error) {
      const tail = readFileSync(this.log, 'utf8').split('\n').slice(-15).join('\n');
      throw new Fault('Unavailable', `${(error as Error).message}\n${tail}`, { cause: error });
    }
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.httpUrl}${path}`, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok)
      throw new Fault('Unavailable', `${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Resident memory now, 0 when it does not run. */
  rssBytes(): number {
    if (this.pid === undefined) return 0;
    try {
      const kibibytes = /VmRSS:\s+(\d+)/.exec(
        readFileSync(`/proc/${this.pid}/status`, 'utf8'),
      )?.[1];
      const bytes = Number(kibibytes ?? 0) * 1024;
      this.#peakRssBytes = Math.max(this.#peakRssBytes, bytes);
      return bytes;
    } catch {
      return 0;
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }

  /** What a kubelet does for a container of a DaemonSet. Nothing after `end`. */
  #startAgain(): void {
    if (this.#ended) return;
    this.#restart = setTimeout(() => {
      // The test bed may end meanwhile: then nothing waits for this agent.
      this.start().catch(() => {});
    }, restartMs(this.#restarts));
    this.#restart.unref();
    this.#restarts += 1;
  }
}
