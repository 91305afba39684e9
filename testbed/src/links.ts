/** Links between agents: how far apart they are, and cuts, one direction at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { city, cityRttMs } from './cities.ts';
import type { RelayAnswer, RelayCommand } from './relay-process.ts';
import type { Distances } from './spec.ts';

export interface LinksOptions {
  /** Told of the relay's process at once. */
  readonly onPid: (pid: number) => void;
  /** Where the relay listens, and what agents announce. Loopback by default. */
  readonly host?: string;
  /** What starts a program where that address is, when it is not here: `nsenter` and its flags. */
  readonly enter?: readonly string[];
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

export class Links {
  /** The address at which the relay listens for agents. */
  readonly host: string;
  readonly #relay: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (answer: RelayAnswer) => void; reject: (error: Error) => void }
  >();
  readonly #ended: Promise<void>;
  readonly #rtts = new Map<string, number>();
  #next = 0;

  private constructor({ host = '127.0.0.1', enter = [] }: LinksOptions) {
    this.host = host;
    const [execPath, ...flags] = [...enter, process.execPath];
    this.#relay = fork(fileURLToPath(new URL('./relay-process.ts', import.meta.url)), [host], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execPath,
      // Not what this process was started with (--eval, --inspect, …): the relay imports no package of ours.
      execArgv: flags,
    });
    this.#relay.on('message', (answer: RelayAnswer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    this.#relay.on('error', () => {
      // A command that can't be sent fails by itself.
    });
    this.#ended = new Promise((resolve) => {
      this.#relay.once('exit', () => {
        const fault = new Fault('Unavailable', 'the relay between the clusters has ended');
        for (const { reject } of this.#waiting.values()) reject(fault);
        this.#waiting.clear();
        resolve();
      });
    });
  }

  static async start(spec: Distances, options: LinksOptions): Promise<Links> {
    const links = new Links(options);
    const { pid } = links.#relay;
    if (pid !== undefined) options.onPid(pid);
    for (const [i, a] of spec.clusters.entries()) {
      for (const b of spec.clusters.slice(i + 1)) {
        const ms = specifiedRttMs(spec, a.name, b.name);
        if (ms > 0) await links.setRttMs(a.name, b.name, ms);
      }
    }
    return links;
  }

  /**
   * The port, at `host`, that `cluster`'s agent must announce. It listens on `targetPort` itself: of
   * loopback, or of the node on which it happens to run, which the relay finds for each connection.
   */
  async listen(cluster: string, targetPort: number): Promise<number> {
    const { port } = await this.#command({ kind: 'listen', to: cluster, targetPort });
    if (port === undefined) throw new Fault('Internal', 'the relay did not listen');
    return port;
  }

  /** Connections of this process are `cluster`'s. */
  async register(cluster: string, pid: number): Promise<void> {
    await this.#command({ kind: 'register', cluster, pid });
  }

  /** Connections from these addresses are `cluster`'s, and those to it go to one of them. */
  async setNodes(cluster: string, addresses: readonly string[]): Promise<void> {
    await this.#command({ kind: 'nodes', cluster, addresses });
  }

  rttMs(a: string, b: string): number {
    return this.#rtts.get([a, b].sort().join('|')) ?? 0;
  }

  async setRttMs(a: string, b: string, ms: number): Promise<void> {
    this.#rtts.set([a, b].sort().join('|'), ms);
    await this.#command({ kind: 'rtt', a, b, ms });
  }

  /** Nothing that `from` says reaches `to` any more; cut the other direction too for a full partition. */
  async cut(from: string, to: string): Promise<void> {
    await this.#command({ kind: 'cut', from, to, cut: true });
  }

  async heal(from: string, to: string): Promise<void> {
    await this.#command({ kind: 'cut', from, to, cut: false });
  }

  /** Connections that pass the relay end. */
  async stop(): Promise<void> {
    if (this.#relay.connected) this.#relay.disconnect();
    await this.#ended;
  }

  #command(command: Unnumbered<RelayCommand>): Promise<RelayAnswer> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#relay.send({ ...command, id }, (error) => {
        if (error === null) return;
        this.#waiting.delete(id);
        reject(new Fault('Unavailable', `relay: ${error.message}`, { cause: error }));
      });
    });
  }
}

/** By matrix, either way round, else by cities, else 0. */
function specifiedRttMs(spec: Distances, a: string, b: string): number {
  const given = spec.rttMs?.[a]?.[b] ?? spec.rttMs?.[b]?.[a];
  if (given !== undefined) return given;
  const cityOf = (name: string) =>
    city(spec.clusters.find((cluster) => cluster.name === name)?.city ?? '');
  const [from, to] = [cityOf(a), cityOf(b)];
  return from && to ? cityRttMs(from, to) : 0;
}
