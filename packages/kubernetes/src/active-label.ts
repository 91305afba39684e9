/**
 * The label on the active agent's own pod, by which Services and people tell it from those that stand
 * by. A hint, not the truth (that is the Lease): an agent that was killed leaves it behind until its
 * successor takes it away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isFault, type Pod, wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

export interface ActiveLabelOptions {
  readonly api: ApiClient;
  /** The agent's own pod. */
  readonly pod: { readonly namespace: string; readonly name: string };
  readonly onProblem: (error: unknown) => void;
}

const retryMs = 1_000;
/** A call of a predecessor that was thought dead may still arrive: what stands there is looked at again. */
const againMs = 30_000;
const callMsMax = 5_000;
/** A Lease is not held back for it: the agent that takes over removes the label too. */
const stopMsMax = 1_000;

export class ActiveLabel {
  readonly #options: ActiveLabelOptions;
  readonly #stopped = new AbortController();
  #keeping: Promise<void> | undefined;

  constructor(options: ActiveLabelOptions) {
    this.#options = options;
  }

  /** On this pod, and on no other of its namespace, until `stop`. */
  start(): void {
    this.#keeping = this.#keep(this.#stopped.signal);
  }

  async stop(): Promise<void> {
    if (this.#keeping === undefined || this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    await Promise.race([this.#keeping, sleep(stopMsMax, undefined, { ref: false })]);
    try {
      await this.#patch(this.#options.pod.name, null, stopMsMax);
    } catch (error) {
      this.#options.onProblem(error);
    }
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = againMs;
      try {
        await this.#once();
      } catch (error) {
        waitMs = retryMs;
        this.#options.onProblem(error);
      }
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  async #once(): Promise<void> {
    const { api, pod } = this.#options;
    const selector = encodeURIComponent(`${wellKnown.activeLabel}=true`);
    const { items } = await api.call<{ readonly items: readonly Pod[] }>({
      method: 'GET',
      path: `/api/v1/namespaces/${pod.namespace}/pods?labelSelector=${selector}`,
      deadlineMs: callMsMax,
    });
    const names = items.map(({ metadata }) => metadata.name ?? '');
    if (!names.includes(pod.name)) await this.#patch(pod.name, 'true', callMsMax);
    for (const name of names) if (name !== pod.name) await this.#patch(name, null, callMsMax);
  }

  async #patch(name: string, value: 'true' | null, deadlineMs: number): Promise<void> {
    try {
      await this.#options.api.call({
        method: 'PATCH',
        path: `/api/v1/namespaces/${this.#options.pod.namespace}/pods/${name}`,
        contentType: 'application/merge-patch+json',
        body: { metadata: { labels: { [wellKnown.activeLabel]: value } } },
        deadlineMs,
      });
    } catch (error) {
      // One that is gone wears no label.
      if (!isFault(error, 'NotFound')) throw error;
    }
  }
}
