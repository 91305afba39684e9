/**
 * Whether this cluster is to leave the federation. `spillway leave` says so in a ConfigMap of the release.
 * So an agent that starts in the middle of it goes on, and the next installation of Spillway begins again.
 * What was said once applies for the life of a process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isFault, wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

export interface LeaveNoticeOptions {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly onProblem: (error: unknown) => void;
}

/** Read this often: a watch would need more rights, for something that happens once. */
const readMs = 3_000;

export class LeaveNotice {
  readonly #options: LeaveNoticeOptions;
  readonly #stopping = new AbortController();

  constructor(options: LeaveNoticeOptions) {
    this.#options = options;
  }

  /** An installation that has no such ConfigMap, or no right to it, cannot be told. @throws Fault */
  async isGiven(): Promise<boolean> {
    const { api, namespace } = this.#options;
    const path = leavingPath(namespace);
    try {
      const { data } = await api.call<LeavingConfigMap>({ method: 'GET', path });
      return data?.[wellKnown.leavingKey] === 'true';
    } catch (error) {
      if (isFault(error, 'NotFound') || isFault(error, 'PermissionDenied')) return false;
      throw error;
    }
  }

  /** Calls `onGiven` once, as soon as it is given. */
  start(onGiven: () => void): void {
    void this.#follow(onGiven);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #follow(onGiven: () => void): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (await this.isGiven()) return signal.aborted ? undefined : onGiven();
      } catch (error) {
        if (!signal.aborted) this.#options.onProblem(error);
      }
      await sleep(readMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

export interface LeavingConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

export function leavingPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps/${wellKnown.leavingConfigMap}`;
}
