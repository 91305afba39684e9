/** Tells those who wait for a Lease what becomes of it, each time from its present state on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { jittered, type Random } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

export interface LeaseWatchOptions<Lease> {
  readonly api: ApiClient;
  readonly random: Random;
  readonly namespace: string;
  readonly name: string;
  /** Its holder renews it far more often: how long until a silent watch, or its holder, counts as dead (ms). */
  readonly durationMs: number;
  readonly retryMs: number;
  /** Undefined: deleted. */
  readonly onLease: (lease: Lease | undefined) => void;
  readonly onProblem: (error: unknown) => void;
}

interface WatchLine<Lease> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Lease;
}

const watchSeconds = 600;

export class LeaseWatch<Lease> {
  readonly #options: LeaseWatchOptions<Lease>;
  readonly #stopped = new AbortController();
  #live = false;

  constructor(options: LeaseWatchOptions<Lease>) {
    this.#options = options;
  }

  start(): void {
    void this.#run(this.#stopped.signal);
  }

  stop(): void {
    this.#stopped.abort();
    this.#live = false;
  }

  /** It has told of the Lease, and is open. */
  get live(): boolean {
    return this.#live;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { random, retryMs, onProblem } = this.#options;
    let problems = 0;
    while (!signal.aborted) {
      try {
        await this.#once(signal);
        problems = 0;
      } catch (error) {
        // A silent or broken watch is what it is made again for; one that does not come about is told once.
        if (!signal.aborted && !this.#live && problems++ === 0) onProblem(error);
      }
      this.#live = false;
      await sleep(jittered(random, retryMs, 0.2), undefined, { signal }).catch(() => {});
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { api, namespace, name, durationMs, onLease } = this.#options;
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    // Without a version it begins with the Lease as it is.
    const query = `watch=1&fieldSelector=metadata.name%3D${name}&timeoutSeconds=${watchSeconds}`;
    for await (const line of api.lines(`${leases}?${query}`, { idleMs: durationMs, signal })) {
      const { type, object } = JSON.parse(line) as WatchLine<Lease>;
      if (type === 'ERROR') return;
      this.#live = true;
      if (type !== 'BOOKMARK') onLease(type === 'DELETED' ? undefined : object);
    }
  }
}
