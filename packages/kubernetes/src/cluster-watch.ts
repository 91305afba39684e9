/**
 * List and watch of the objects that decide placement, one reflector per kind: a consistent first
 * list, then changes in order; after a break it resumes where it was, and where the server has
 * forgotten that (410 Gone) lists again and makes up for the deletions it missed.
 *
 * Nothing is cached here but which objects exist, so that missed deletions can be told: whoever
 * listens keeps what it needs.
 */
import { type ClusterEvent, isFault, jittered, type ObjectMeta, type Random } from '@spillway/core';
import { type ApiClient, ApiFault } from './api-client.ts';

export type WatchedKind = ClusterEvent['kind'];

export interface ClusterWatchOptions {
  readonly api: ApiClient;
  readonly random: Random;
  readonly onEvent: (event: ClusterEvent) => void;
  /** All kinds have been listed once: what is absent does not exist. */
  readonly onSynced: () => void;
  /** A watch broke, or a list failed; it is tried again. */
  readonly onBroken: (kind: WatchedKind, error: unknown) => void;
}

const paths: Readonly<Record<WatchedKind, string>> = {
  Node: '/api/v1/nodes',
  Namespace: '/api/v1/namespaces',
  PersistentVolume: '/api/v1/persistentvolumes',
  PersistentVolumeClaim: '/api/v1/persistentvolumeclaims',
  Pod: '/api/v1/pods',
};

const pageSize = 500;
/** The server sends a bookmark about every minute; a watch silent for longer is dead. */
const idleMs = 90_000;
const watchSeconds = 600;
const retryMsMin = 200;
const retryMsMax = 10_000;

export class ClusterWatch {
  readonly #options: ClusterWatchOptions;
  readonly #stopping = new AbortController();
  readonly #unsynced = new Set(Object.keys(paths) as WatchedKind[]);

  constructor(options: ClusterWatchOptions) {
    this.#options = options;
  }

  get synced(): boolean {
    return this.#unsynced.size === 0;
  }

  start(): void {
    for (const kind of Object.keys(paths) as WatchedKind[]) void this.#reflect(kind);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #reflect(kind: WatchedKind): Promise<void> {
    const known = new Map<string, ObjectMeta>();
    const { signal } = this.#stopping;
    let version: string | undefined;
    let retryMs = retryMsMin;
    while (!signal.aborted) {
      try {
        if (version === undefined) {
          version = await this.#list(kind, known);
          this.#listed(kind);
        }
        const started = performance.now();
        version = await this.#watch(kind, known, version);
        if (performance.now() - started > retryMsMax) retryMs = retryMsMin;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Forgotten || (error instanceof ApiFault && error.status === 410)) {
          version = undefined;
          continue;
        }
        if (error instanceof Broken) version = error.version;
        this.#options.onBroken(kind, error);
        await pause(jittered(this.#options.random, retryMs, 0.5), signal);
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    }
  }

  #listed(kind: WatchedKind): void {
    if (this.#unsynced.delete(kind) && this.#unsynced.size === 0) this.#options.onSynced();
  }

  /** A consistent list (no resourceVersion: the newest state), in pages. */
  async #list(kind: WatchedKind, known: Map<string, ObjectMeta>): Promise<string> {
    const seen = new Map<string, ObjectMeta>();
    let version = '';
    let next = '';
    do {
      const page: List = await this.#options.api.call<List>({
        method: 'GET',
        path: `${paths[kind]}?limit=${pageSize}${next && `&continue=${encodeURIComponent(next)}`}`,
        deadlineMs: 60_000,
      });
      version = page.metadata.resourceVersion;
      next = page.metadata.continue ?? '';
      for (const object of page.items) {
        seen.set(keyOf(object.metadata), object.metadata);
        this.#emit(kind, 'set', object);
      }
    } while (next !== '');
    for (const [key, metadata] of known) {
      const now = seen.get(key);
      if (now?.uid !== metadata.uid) this.#emit(kind, 'deleted', { metadata });
    }
    known.clear();
    for (const [key, { uid, name, namespace, labels }] of seen) {
      known.set(key, essential({ uid, name, namespace, labels }));
    }
    return version;
  }

  /** Returns the version to go on from when the server ends the watch in good order. */
  async #watch(kind: WatchedKind, known: Map<string, ObjectMeta>, from: string): Promise<string> {
    let version = from;
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${from}`;
    try {
      const lines = this.#options.api.lines(`${paths[kind]}?${query}`, {
        idleMs,
        signal: this.#stopping.signal,
      });
      for await (const line of lines) {
        const { type, object } = JSON.parse(line) as WatchLine;
        if (type === 'ERROR') {
          if (object.code === 410) throw new Forgotten();
          throw new Error(`watch of ${kind}: ${object.message}`);
        }
        version = object.metadata.resourceVersion ?? version;
        if (type === 'BOOKMARK') continue;
        const key = keyOf(object.metadata);
        if (type === 'DELETED') known.delete(key);
        else {
          const { uid, name, namespace, labels } = object.metadata;
          known.set(key, essential({ uid, name, namespace, labels }));
        }
        this.#emit(kind, type === 'DELETED' ? 'deleted' : 'set', object);
      }
      return version;
    } catch (error) {
      if (error instanceof Forgotten || error instanceof ApiFault) throw error;
      throw new Broken(version, error);
    }
  }

  #emit(
    kind: WatchedKind,
    type: ClusterEvent['type'],
    object: { readonly metadata: ObjectMeta },
  ): void {
    // Who manages which field is of no use to anybody here, and the largest part of many objects.
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    this.#options.onEvent({ kind, type, object } as ClusterEvent);
  }
}

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly { readonly metadata: ObjectMeta }[];
}

interface WatchLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: {
    readonly metadata: ObjectMeta;
    readonly code?: number;
    readonly message?: string;
  };
}

class Forgotten extends Error {}

class Broken extends Error {
  readonly version: string;

  constructor(version: string, cause: unknown) {
    super(isFault(cause) ? cause.message : String(cause), { cause });
    this.version = version;
  }
}

/** What a deletion that was missed must still tell. */
function essential(metadata: {
  readonly uid: string | undefined;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly labels: ObjectMeta['labels'] | undefined;
}): ObjectMeta {
  const { uid, name, namespace, labels } = metadata;
  return {
    ...(uid !== undefined && { uid }),
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
  };
}

function keyOf({ namespace, name }: ObjectMeta): string {
  return `${namespace ?? ''}/${name ?? ''}`;
}

/** Resolves after `ms`, or at once when `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
