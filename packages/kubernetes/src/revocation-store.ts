/**
 * What is revoked, kept in the cluster. It is one ConfigMap, which the agent may only read and patch. An
 * operator gives a list under one key. Under another, the agent keeps all that it knows. So neither `kubectl
 * apply` of an older list nor a restart takes anything back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isFault, jittered, type Random, wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

const { revocationsConfigMap, revocationsKey } = wellKnown;
/** Written by the agent: the union of all it has seen. */
const keptKey = 'in-force.list';

/** Texts as they are there; undefined where there is none. */
export interface StoredRevocations {
  readonly given: string | undefined;
  readonly kept: string | undefined;
}

export interface RevocationStoreOptions {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly random: Random;
  /** As it is now: after each change, and after each break. */
  readonly onStored: (stored: StoredRevocations) => void;
  /** It is tried again after a pause. */
  readonly onBroken: (error: unknown) => void;
}

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

const idleMs = 90_000;
const watchSeconds = 600;
const pauseMsMin = 500;
const pauseMsMax = 10_000;

export class RevocationStore {
  readonly #options: RevocationStoreOptions;
  readonly #path: string;
  readonly #watchPath: string;
  readonly #stopping = new AbortController();

  constructor(options: RevocationStoreOptions) {
    this.#options = options;
    const all = `/api/v1/namespaces/${options.namespace}/configmaps`;
    this.#path = `${all}/${revocationsConfigMap}`;
    this.#watchPath = `${all}?fieldSelector=metadata.name%3D${revocationsConfigMap}`;
  }

  /** @throws Fault `NotFound` when there is no such ConfigMap, `PermissionDenied` without the right. */
  async load(): Promise<StoredRevocations> {
    return storedIn(await this.#get());
  }

  /** Replaces what the agent keeps. */
  async keep(text: string): Promise<void> {
    await this.#options.api.call({
      method: 'PATCH',
      path: this.#path,
      contentType: 'application/merge-patch+json',
      body: { data: { [keptKey]: text } },
    });
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #run(): Promise<void> {
    const { onBroken, random } = this.#options;
    const { signal } = this.#stopping;
    let pauseMs = pauseMsMin;
    while (!signal.aborted) {
      const started = performance.now();
      try {
        await this.#follow();
      } catch (error) {
        if (signal.aborted) return;
        onBroken(error);
      }
      pauseMs =
        performance.now() - started > pauseMsMax ? pauseMsMin : Math.min(pauseMs * 2, pauseMsMax);
      await sleep(jittered(random, pauseMs, 0.25), undefined, { signal }).catch(() => {});
    }
  }

  /** Until the watch ends. */
  async #follow(): Promise<void> {
    const { api, onStored } = this.#options;
    const { signal } = this.#stopping;
    const there = await this.#get();
    onStored(storedIn(there));
    const from = there.metadata.resourceVersion;
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${from}`;
    for await (const line of api.lines(`${this.#watchPath}&${query}`, { idleMs, signal })) {
      const { type, object } = JSON.parse(line) as { type: string; object: ConfigMap };
      // It was deleted, or is too long ago: read again.
      if (type === 'DELETED' || type === 'ERROR') return;
      if (type !== 'BOOKMARK') onStored(storedIn(object));
    }
  }

  async #get(): Promise<ConfigMap> {
    return await this.#options.api.call<ConfigMap>({ method: 'GET', path: this.#path });
  }
}

function storedIn({ data = {} }: ConfigMap): StoredRevocations {
  return { given: data[revocationsKey], kept: data[keptKey] };
}

/** Whether a cluster simply has no place for revocations: installed before there was one. */
export function isNoPlace(error: unknown): boolean {
  return isFault(error, 'NotFound') || isFault(error, 'PermissionDenied');
}
