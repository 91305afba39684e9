/** What an agent sees of its API server: a list of each kind, then changes; all of it some time later, in order. */
import type { ClusterEvent, Random } from '@spillway/core';
import type { ModelApiServer } from '../cluster/api-server.ts';
import type { VirtualTime } from '../virtual-time.ts';

export interface ModelWatchOptions {
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly random: Random;
  /** From a change at the API server to the agent's knowing of it, at most, ms. */
  readonly watchMsMax: number;
  readonly alive: () => boolean;
  readonly take: (event: ClusterEvent) => void;
  /** All that was there has been taken. */
  readonly synced: () => void;
}

export class ModelWatch {
  readonly #options: ModelWatchOptions;
  readonly #unwatch: () => void;
  #until = 0;

  constructor(options: ModelWatchOptions) {
    this.#options = options;
    const { api, take, synced } = options;
    this.#unwatch = api.watch((event) => this.#later(() => take(event)));
    this.#list();
    this.#later(synced);
  }

  stop(): void {
    this.#unwatch();
  }

  /** Every kind is listed on its own, in any order, and the pods as they are when the list is made. */
  #list(): void {
    const { api, random, take } = this.#options;
    const nodes = (): void => {
      for (const object of api.nodes) take({ kind: 'Node', type: 'set', object });
    };
    const namespaces = (): void => {
      for (const object of api.namespaces) take({ kind: 'Namespace', type: 'set', object });
    };
    const listed = [...api.pods()];
    const pods = (): void => {
      for (const object of listed) take({ kind: 'Pod', type: 'set', object });
    };
    const kinds = random.below(2) === 0 ? [nodes, namespaces, pods] : [pods, namespaces, nodes];
    for (const kind of kinds) this.#later(kind);
  }

  #later(arrive: () => void): void {
    const { time, random, watchMsMax, alive } = this.#options;
    this.#until = Math.max(this.#until, time.now + random.below(watchMsMax));
    time.after(this.#until - time.now, () => {
      if (alive()) arrive();
    });
  }
}
