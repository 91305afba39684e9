/**
 * What the API servers say happened: every change of pods and nodes, in order, with the moment we heard
 * of it. Drills and reports are made from this alone; nothing that an agent says counts.
 */
import type { Node, Pod, PodUid } from '@spillway/core';
import { ApiClient, ApiFault } from '@spillway/kubernetes';
import type { Cluster } from '@spillway/testbed';

export interface PodChange {
  readonly kind: 'Pod';
  readonly type: 'set' | 'deleted';
  readonly object: Pod;
  /** On our own monotonic clock, one for all clusters. */
  readonly atMs: number;
}

export interface NodeChange {
  readonly kind: 'Node';
  readonly type: 'set' | 'deleted';
  readonly object: Node;
  readonly atMs: number;
}

export type Change = PodChange | NodeChange;

export interface History {
  readonly cluster: string;
  /** In the order of the API server, kind by kind. */
  readonly changes: readonly Change[];
  /** Why changes may be missing, if they may. Nothing can be concluded from such a history. */
  readonly incomplete: string | undefined;
}

export interface Histories {
  readonly histories: readonly History[];
  /** Every pod that exists now, by cluster. */
  pods(cluster: string): ReadonlyMap<PodUid, Pod>;
  /** Calls `listener` for each change as it comes. */
  onChange(listener: (cluster: string, change: Change) => void): void;
  stop(): Promise<void>;
}

const retryMs = 200;
const idleMs = 120_000;

/** Begins with everything that exists. Start it before the workload. */
export async function collectHistories(clusters: readonly Cluster[]): Promise<Histories> {
  const collectors = clusters.map((cluster) => new Collector(cluster));
  await Promise.all(collectors.map((collector) => collector.start()));
  return {
    histories: collectors,
    pods: (name) => collectors.find(({ cluster }) => cluster === name)?.pods ?? new Map(),
    onChange: (listener) => {
      for (const collector of collectors) collector.listeners.push(listener);
    },
    async stop() {
      await Promise.all(collectors.map((collector) => collector.stop()));
    },
  };
}

class Collector implements History {
  readonly cluster: string;
  readonly changes: Change[] = [];
  readonly pods = new Map<PodUid, Pod>();
  readonly listeners: ((cluster: string, change: Change) => void)[] = [];
  incomplete: string | undefined;
  readonly #api: ApiClient;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster) {
    this.cluster = cluster.name;
    this.#api = new ApiClient({ kubeconfig: cluster.kubeconfig });
  }

  async start(): Promise<void> {
    const versions = await Promise.all([this.#list('Pod'), this.#list('Node')]);
    this.#running = Promise.all([
      this.#follow('Pod', versions[0]),
      this.#follow('Node', versions[1]),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#api.close();
  }

  async #list(kind: Change['kind']): Promise<string> {
    const { metadata, items } = await this.#api.call<{
      metadata: { resourceVersion: string };
      items: Change['object'][];
    }>({ method: 'GET', path: pathOf(kind) });
    for (const object of items) this.#take(kind, 'set', object);
    return metadata.resourceVersion;
  }

  /** Goes on where it was after every break; only an API server that has forgotten that makes a gap. */
  async #follow(kind: Change['kind'], from: string): Promise<void> {
    const { signal } = this.#stopping;
    let version = from;
    while (!signal.aborted) {
      try {
        const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
        for await (const line of this.#api.lines(`${pathOf(kind)}?${query}`, { idleMs, signal })) {
          const { type, object } = JSON.parse(line) as { type: string; object: Change['object'] };
          if (type === 'ERROR') throw new ApiFault('NotFound', JSON.stringify(object), 410);
          version = object.metadata.resourceVersion ?? version;
          if (type !== 'BOOKMARK') this.#take(kind, type === 'DELETED' ? 'deleted' : 'set', object);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiFault && error.status === 410) {
          this.incomplete = `${kind} changes after ${version} were forgotten by the API server`;
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  #take(kind: Change['kind'], type: Change['type'], object: Change['object']): void {
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    const change = { kind, type, object, atMs: performance.now() } as Change;
    this.changes.push(change);
    if (change.kind === 'Pod') {
      const uid = (change.object.metadata.uid ?? '') as PodUid;
      if (type === 'deleted') this.pods.delete(uid);
      else this.pods.set(uid, change.object);
    }
    for (const listener of this.listeners) listener(this.cluster, change);
  }
}

function pathOf(kind: Change['kind']): string {
  return kind === 'Pod' ? '/api/v1/pods' : '/api/v1/nodes';
}
