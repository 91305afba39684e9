/**
 * The Neighbour objects, one for each known neighbour. Only this class creates, updates and deletes them.
 * One is written only when a person would see a difference, and only `gapMs` after its last write. Between
 * any two writes lie `sharedGapMs`. What an earlier agent of this cluster left is taken over. If a neighbour
 * that it knew has not been heard from, it is shown as gone when others would be gone too.
 */
import { type ClusterName, isFault, type WallMs } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { customResourcesPath } from './custom-resources.ts';
import {
  looksAlike,
  type NeighbourFacts,
  neighbourStatus,
  type NeighbourStatus,
  timestamp,
  withTransitions,
} from './neighbour-status.ts';

interface Stored {
  readonly metadata: { readonly name: string };
  readonly status?: NeighbourStatus;
}

interface Known {
  /** Undefined before the first write. */
  readonly status: NeighbourStatus | undefined;
  readonly nextWrite: WallMs;
}

export interface NeighbourObjectsOptions {
  readonly api: ApiClient;
  /** How long until a silent neighbour of a former life is suspect, and then gone (ms). */
  readonly suspectMs: number;
  readonly silentMs: number;
  /** How long until the object of a neighbour that is neither heard nor named is removed (ms). */
  readonly forgottenMs: number;
}

/** No neighbour's object is written more often. */
export const gapMs = 5_000;
/** Of a thousand neighbours that all change, one object is written every 50 s. */
const sharedGapMs = 50;
/** Maximum age of what is shown while nothing changes: the agent writes each object at least this often (ms). */
export const asOfMsMax = 60_000;
const pageSize = 500;

export class NeighbourObjects {
  readonly #options: NeighbourObjectsOptions;
  readonly #known = new Map<ClusterName, Known>();
  #started: WallMs | undefined;

  constructor(options: NeighbourObjectsOptions) {
    this.#options = options;
  }

  /**
   * Brings the objects up to date; call about once a second, one call at a time. Faults concern one
   * object each, and the next call tries again.
   *
   * @returns false when the API server does not serve Neighbours (any more).
   * @throws Fault when the objects that are there can't be listed.
   */
  async keep(
    neighbours: readonly NeighbourFacts[],
    now: WallMs,
    onFault: (cluster: ClusterName, error: unknown) => void,
  ): Promise<boolean> {
    if (this.#started === undefined) {
      if (!(await this.#list())) return false;
      this.#started = now;
    }
    const spacingMs = Math.max(gapMs, neighbours.length * sharedGapMs);
    const present = new Set<ClusterName>();
    for (const facts of neighbours) {
      present.add(facts.cluster);
      const known = this.#known.get(facts.cluster);
      const status = this.#toWrite(facts, known, now);
      if (status === undefined) continue;
      const nextWrite = (now + spacingMs) as WallMs;
      const written = await this.#tried(facts.cluster, onFault, () =>
        this.#write(facts.cluster, status, known !== undefined),
      );
      if (written === 'unserved') return this.#unserved();
      if (written === 'failed') {
        this.#known.set(facts.cluster, { status: known?.status, nextWrite });
      } else if (written === 'missing') this.#known.delete(facts.cluster);
      else this.#known.set(facts.cluster, { status, nextWrite });
    }
    for (const [cluster, known] of this.#known) {
      if (!present.has(cluster)) await this.#unheard(cluster, known, now, onFault);
    }
    return true;
  }

  /** The status to write now, if any. */
  #toWrite(
    facts: NeighbourFacts,
    known: Known | undefined,
    now: WallMs,
  ): NeighbourStatus | undefined {
    if (known !== undefined && now < known.nextWrite) return undefined;
    const status = neighbourStatus(facts, known?.status, now);
    if (known?.status === undefined || !looksAlike(known.status, status)) return status;
    return isStale(known.status, now) ? status : undefined;
  }

  /** Of a former life, or forgotten by the directory. */
  async #unheard(
    cluster: ClusterName,
    { status, nextWrite }: Known,
    now: WallMs,
    onFault: (cluster: ClusterName, error: unknown) => void,
  ): Promise<void> {
    const { suspectMs, silentMs, forgottenMs } = this.#options;
    const silent = now - (this.#started ?? now);
    if (now < nextWrite || silent < suspectMs) return;
    const next = (now + gapMs) as WallMs;
    const heard = status === undefined ? 0 : Date.parse(status.lastHeard);
    if (silent >= silentMs && !(now - heard < forgottenMs)) {
      const removed = await this.#tried(cluster, onFault, () => this.#delete(cluster));
      if (removed === 'failed') this.#known.set(cluster, { status, nextWrite: next });
      else this.#known.delete(cluster);
      return;
    }
    if (status === undefined) return;
    const shown = unheardStatus(status, silent < silentMs ? 'suspect' : 'gone', now);
    if (looksAlike(shown, status) && !isStale(status, now)) return;
    const written = await this.#tried(cluster, onFault, () => this.#write(cluster, shown, true));
    if (written === 'missing') this.#known.delete(cluster);
    else this.#known.set(cluster, { status: written === 'ok' ? shown : status, nextWrite: next });
  }

  async #tried(
    cluster: ClusterName,
    onFault: (cluster: ClusterName, error: unknown) => void,
    act: () => Promise<'ok' | 'missing' | 'unserved'>,
  ): Promise<'ok' | 'missing' | 'unserved' | 'failed'> {
    try {
      return await act();
    } catch (error) {
      onFault(cluster, error);
      return 'failed';
    }
  }

  /** `missing`: someone has deleted it; the next call makes it again. */
  async #write(
    cluster: ClusterName,
    status: NeighbourStatus,
    exists: boolean,
  ): Promise<'ok' | 'missing' | 'unserved'> {
    if (!exists && !(await this.#create(cluster))) return 'unserved';
    try {
      await this.#options.api.call({
        method: 'PATCH',
        path: `${objectPath(cluster)}/status`,
        contentType: 'application/json-patch+json',
        // The whole of it: what a merge leaves out would stay, such as a label that is no more.
        body: [{ op: 'add', path: '/status', value: status }],
      });
      return 'ok';
    } catch (error) {
      if (isFault(error, 'NotFound')) return 'missing';
      throw error;
    }
  }

  /** False when the API server knows no Neighbours. */
  async #create(cluster: ClusterName): Promise<boolean> {
    try {
      await this.#options.api.call({
        method: 'POST',
        path: listPath,
        body: {
          apiVersion: 'spillway.dev/v1alpha1',
          kind: 'Neighbour',
          metadata: { name: cluster },
        },
      });
      return true;
    } catch (error) {
      if (isFault(error, 'NotFound')) return false;
      if (isFault(error, 'Conflict')) return true;
      throw error;
    }
  }

  async #delete(cluster: ClusterName): Promise<'ok'> {
    try {
      await this.#options.api.call({ method: 'DELETE', path: objectPath(cluster) });
    } catch (error) {
      if (!isFault(error, 'NotFound')) throw error;
    }
    return 'ok';
  }

  /** False when the API server knows no Neighbours. */
  async #list(): Promise<boolean> {
    const stored = await storedNeighbours(this.#options.api);
    for (const { metadata, status } of stored ?? []) {
      this.#known.set(metadata.name as ClusterName, { status, nextWrite: 0 as WallMs });
    }
    return stored !== undefined;
  }

  #unserved(): false {
    this.#known.clear();
    this.#started = undefined;
    return false;
  }
}

/** Clusters whose virtual node was cordoned when an agent last wrote their object. None where the CRD is not served. */
export async function cordonedNeighbours(api: ApiClient): Promise<readonly ClusterName[]> {
  const stored = (await storedNeighbours(api)) ?? [];
  return stored.flatMap(({ metadata, status }) =>
    status?.cordoned ? [metadata.name as ClusterName] : [],
  );
}

/** Undefined when the API server knows no Neighbours. */
async function storedNeighbours(api: ApiClient): Promise<readonly Stored[] | undefined> {
  const stored: Stored[] = [];
  let next = '';
  do {
    const query = `limit=${pageSize}${next && `&continue=${encodeURIComponent(next)}`}`;
    try {
      const page = await api.call<{
        readonly metadata: { readonly continue?: string };
        readonly items: readonly Stored[];
      }>({ method: 'GET', path: `${listPath}?${query}` });
      stored.push(...page.items);
      next = page.metadata.continue ?? '';
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  } while (next !== '');
  return stored;
}

const listPath = `${customResourcesPath}/neighbours`;

function objectPath(cluster: ClusterName): string {
  return `${listPath}/${cluster}`;
}

/** An object of an agent that wrote no `asOf` yet is stale. */
function isStale({ asOf }: NeighbourStatus, now: WallMs): boolean {
  return !(now - Date.parse(asOf) < asOfMsMax);
}

/** Silence changes nothing about one that is revoked, nor brings one back that was gone. */
function unheardStatus(
  status: NeighbourStatus,
  silence: 'suspect' | 'gone',
  now: WallMs,
): NeighbourStatus {
  const asOf = timestamp(now);
  const state = status.state === 'alive' || silence === 'gone' ? silence : status.state;
  if (status.state === 'revoked' || state === status.state) return { ...status, asOf };
  const others = status.conditions.filter(({ type }) => type !== 'Reachable');
  const reachable = {
    type: 'Reachable',
    status: state === 'gone' ? 'False' : 'Unknown',
    reason: state === 'gone' ? 'Gone' : 'Silent',
    message: 'the agent has not heard it since it started',
  } as const;
  return {
    ...status,
    state,
    asOf,
    connected: false,
    link: 'none',
    conditions: [...withTransitions([reachable], status.conditions, now), ...others],
  };
}
