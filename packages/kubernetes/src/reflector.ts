/**
 * List and watch of one kind, after client-go's reflector: a consistent first list, then changes in order.
 * After a break it resumes where it was. If the server has forgotten that (410 Gone), it lists again,
 * reports what is new, and also reports the deletions that it missed.
 *
 * Only which objects exist, and their versions, are cached. The listener keeps what it needs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, jittered, type ObjectMeta, type Random } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { ApiFault } from './api-fault.ts';

export interface ReflectorOptions<Listed extends WithMetadata> {
  readonly api: ApiClient;
  readonly random: Random;
  /** For messages. */
  readonly kind: string;
  readonly path: string;
  /** Of a deletion that was missed, no more than the metadata is known. */
  readonly onEvent: (type: 'set' | 'deleted', object: Listed) => void;
  /** A list has been told to its end. */
  readonly onListed: () => void;
  /** It is tried again after a pause. */
  readonly onBroken: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const pageSize = 500;
/** The server sends a bookmark about every minute; a watch silent for longer is dead. */
const idleMs = 90_000;
const watchSeconds = 600;
const listMsMax = 60_000;
/** Pauses double from the one to the other; a watch that told something, or lived long, resets them. */
const retryMsMin = 200;
const retryMsMax = 10_000;

export class Reflector<Listed extends WithMetadata> {
  readonly #options: ReflectorOptions<Listed>;
  readonly #known = new Map<string, ObjectMeta>();
  /** Where to resume; undefined: list. */
  #version: string | undefined;
  #progress = false;

  constructor(options: ReflectorOptions<Listed>) {
    this.#options = options;
  }

  /** Until the signal fires. */
  async run(): Promise<void> {
    const { signal, random, onBroken, onListed } = this.#options;
    let retryMs = retryMsMin;
    while (!signal.aborted) {
      const started = performance.now();
      this.#progress = false;
      try {
        if (this.#version === undefined) {
          this.#version = await this.#list();
          onListed();
        }
        await this.#watch(this.#version);
        if (this.#progress || performance.now() - started > retryMsMax) continue;
        // A server on its way down ends watches as soon as they begin, in good order.
        throw new Error(`watch of ${this.#options.kind} ended as soon as it began`);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof WatchError || isGone(error)) this.#version = undefined;
        if (this.#progress || performance.now() - started > retryMsMax) retryMs = retryMsMin;
        onBroken(error);
        await sleep(jittered(random, retryMs, 0.5), undefined, { signal }).catch(() => {});
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    }
  }

  /** A consistent list (no resourceVersion: the newest state), in pages. Returns its version. */
  async #list(): Promise<string> {
    const { api, path } = this.#options;
    const listed = new Set<string>();
    let version = '';
    let next = '';
    do {
      const page: List<Listed> = await api.call<List<Listed>>({
        method: 'GET',
        path: `${path}?limit=${pageSize}${next && `&continue=${encodeURIComponent(next)}`}`,
        deadlineMs: listMsMax,
      });
      version = page.metadata.resourceVersion;
      next = page.metadata.continue ?? '';
      for (const object of page.items) {
        listed.add(keyOf(object.metadata));
        this.#set(object);
      }
    } while (next !== '');
    for (const [key, metadata] of this.#known) {
      if (!listed.has(key)) this.#deleted({ metadata });
    }
    return version;
  }

  /** Ends when the server ends it in good order. */
  async #watch(from: string): Promise<void> {
    const { api, path, kind, signal } = this.#options;
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${from}`;
    for await (const line of api.lines(`${path}?${query}`, { idleMs, signal })) {
      const { type, object } = JSON.parse(line) as WatchLine<Listed>;
      if (type === 'ERROR')
        throw new WatchError('Unavailable', `watch of ${kind}: ${object.message}`);
      if (type === 'DELETED') this.#deleted(object);
      else if (type !== 'BOOKMARK') this.#set(object);
      this.#version = object.metadata.resourceVersion ?? this.#version;
      this.#progress = true;
    }
  }

  #set(object: Listed): void {
    const { uid, name, namespace, labels, resourceVersion } = object.metadata;
    const key = keyOf(object.metadata);
    const known = this.#known.get(key);
    if (known !== undefined && known.uid !== uid) this.#deleted({ metadata: known });
    // Listed again after a break: nothing new.
    else if (known !== undefined && known.resourceVersion === resourceVersion) return;
    this.#known.set(key, essential({ uid, name, namespace, labels, resourceVersion }));
    this.#emit('set', object);
  }

  #deleted(object: WithMetadata): void {
    // Only once, should a list that broke off have told of it already.
    if (this.#known.delete(keyOf(object.metadata))) this.#emit('deleted', object as Listed);
  }

  #emit(type: 'set' | 'deleted', object: Listed): void {
    // Who manages which field is of no use to anybody here, and the largest part of many objects.
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    this.#options.onEvent(type, object);
  }
}

interface WithMetadata {
  readonly metadata: ObjectMeta;
}

interface List<Listed> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly Listed[];
}

interface WatchLine<Listed> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Listed & { readonly message?: string };
}

/** The server can't go on from where we are, mostly since it has forgotten (410): only a list helps. */
class WatchError extends Fault {}

function isGone(error: unknown): boolean {
  return error instanceof ApiFault && error.status === 410;
}

/** What a deletion that was missed must still tell, and whether an object is the one we know. */
function essential(
  metadata: {
    readonly [field in 'uid' | 'name' | 'namespace' | 'resourceVersion']: string | undefined;
  } & { readonly labels: ObjectMeta['labels'] | undefined },
): ObjectMeta {
  const defined = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as ObjectMeta;
}

function keyOf({ namespace, name }: ObjectMeta): string {
  return `${namespace ?? ''}/${name ?? ''}`;
}
