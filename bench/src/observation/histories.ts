/**
 * What the API servers say happened: every change of pods and nodes, in order, with the moment we heard
 * of it. Drills and reports are made from this alone; nothing that an agent says counts. Pods that only stand
 * in for agents, which are processes on the local test bed, are left out.
 */
import type { Node, Pod } from '@spillway/core';
import { ApiClient, ApiFault } from '@spillway/kubernetes';
import { type Cluster, isAgentProcess } from '@spillway/testbed';

export interface PodChange {
  readonly kind: 'Pod';
  readonly type: 'set' | 'deleted';
  readonly object: Pod;
  /** When we heard of it, on our own monotonic clock, one for all clusters. */
  readonly atMs: number;
  /** It may have happened since then: found by listing again, after a gap. Else `atMs`. */
  readonly sinceMs: number;
}

export interface NodeChange {
  readonly kind: 'Node';
  readonly type: 'set' | 'deleted';
  readonly object: Node;
  readonly atMs: number;
  readonly sinceMs: number;
}

export type Change = PodChange | NodeChange;

export interface History {
  readonly cluster: string;
  /** In the order of the API server, kind by kind. */
  readonly changes: readonly Change[];
  /**
   * Times that the API server could not go on where we were, as after its own restart: what was then
   * different is listed again. Only a pod that came and went within one gap stays unknown, and an API
   * server that is down takes no pods.
   */
  readonly gaps: number;
}

export interface Histories {
  readonly histories: readonly History[];
  /** Every pod that exists now in a cluster, by UID. */
  pods(cluster: string): ReadonlyMap<string, Pod>;
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
  readonly listeners: ((cluster: string, change: Change) => void)[] = [];
  gaps = 0;
  readonly #known = { Pod: new Map<string, Pod>(), Node: new Map<string, Node>() };
  readonly #heardMs = { Pod: 0, Node: 0 };
  readonly #api: ApiClient;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster) {
    this.cluster = cluster.name;
    this.#api = new ApiClient({ kubeconfig: cluster.kubeconfig });
  }

  get pods(): ReadonlyMap<string, Pod> {
    return this.#known.Pod;
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
    const sinceMs = this.#heardMs[kind];
    const listed = new Map(items.map((object) => [object.metadata.uid ?? '', object]));
    // What has gone comes first: it made room for what is new.
    for (const [uid, object] of this.#known[kind]) {
      if (!listed.has(uid)) this.#take(kind, { type: 'deleted', object, sinceMs });
    }
    for (const [uid, object] of listed) {
      const known = this.#known[kind].get(uid)?.metadata.resourceVersion;
      if (known !== object.metadata.resourceVersion) {
        this.#take(kind, { type: 'set', object, sinceMs });
      }
    }
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
          this.#heardMs[kind] = performance.now();
          if (type === 'BOOKMARK') continue;
          this.#take(kind, { type: type === 'DELETED' ? 'deleted' : 'set', object });
        }
      } catch (error) {
        if (signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        if (error instanceof ApiFault && error.status === 410) {
          this.gaps += 1;
          version = (await this.#list(kind).catch(() => undefined)) ?? version;
        }
      }
    }
  }

  #take(
    kind: Change['kind'],
    { type, object, sinceMs }: Pick<Change, 'type' | 'object'> & { readonly sinceMs?: number },
  ): void {
    if (kind === 'Pod' && isAgentProcess(object as Pod)) return;
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    const atMs = performance.now();
    const change = { kind, type, object, atMs, sinceMs: sinceMs ?? atMs } as Change;
    this.changes.push(change);
    const known = this.#known[kind] as Map<string, Pod | Node>;
    const uid = object.metadata.uid ?? '';
    if (type === 'deleted') known.delete(uid);
    else known.set(uid, object);
    for (const listener of this.listeners) listener(this.cluster, change);
  }
}

function pathOf(kind: Change['kind']): string {
  return kind === 'Pod' ? '/api/v1/pods' : '/api/v1/nodes';
}
