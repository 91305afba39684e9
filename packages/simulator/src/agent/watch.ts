/**
 * What an agent sees of its API server: a list of each kind, then changes; all of it some time later, in
 * order. A watch that ends is resumed, or the kind is listed again, as in
 * packages/kubernetes/src/reflector.ts. What has not changed is not reported again. Only the metadata is
 * known of a deletion that was missed.
 */
import type { ClusterEvent, Node, Pod, Random } from '@spillway/core';
import type { ModelApiServer, WatchedKind } from '../cluster/api-server.ts';
import type { WatchEnd } from '../cluster/api-conditions.ts';
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

/** As the reflector's. */
const retryMsMin = 200;
const retryMsMax = 10_000;

/** A watch that has ended and is not resumed yet. */
interface Ended {
  end: WatchEnd;
  /** What was there when it ended: all that has been told. */
  readonly known: readonly (Node | Pod)[];
  /** What has changed since, for a watch that resumes. */
  readonly missed: ClusterEvent[];
}

export class ModelWatch {
  readonly #options: ModelWatchOptions;
  readonly #unwatch: () => void;
  readonly #ended = new Map<ClusterEvent['kind'], Ended>();
  #until = 0;

  constructor(options: ModelWatchOptions) {
    this.#options = options;
    const { api, synced } = options;
    this.#unwatch = api.watch(
      (event) => this.#changed(event),
      (end, kind) => this.#end(end, kind),
    );
    this.#list();
    this.#later(synced);
  }

  stop(): void {
    this.#unwatch();
  }

  #changed(event: ClusterEvent): void {
    const ended = this.#ended.get(event.kind);
    if (ended !== undefined) ended.missed.push(event);
    else this.#tell(event);
  }

  #tell(event: ClusterEvent): void {
    this.#later(() => this.#options.take(event));
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

  #end(end: WatchEnd, kind: WatchedKind): void {
    const ended = this.#ended.get(kind);
    if (ended === undefined) {
      this.#ended.set(kind, { end, known: this.#objects(kind), missed: [] });
      this.#resumeLater(kind, retryMsMin);
    } else if (end === 'expires') ended.end = end;
  }

  #resumeLater(kind: WatchedKind, pauseMs: number): void {
    const { api, time, random, alive } = this.#options;
    time.after(pauseMs / 2 + random.below(pauseMs), () => {
      const ended = this.#ended.get(kind);
      if (!alive() || ended === undefined) return;
      if (!api.isUp) return this.#resumeLater(kind, Math.min(pauseMs * 2, retryMsMax));
      this.#ended.delete(kind);
      const events = ended.end === 'breaks' ? ended.missed : this.#listAgain(kind, ended.known);
      for (const event of events) this.#tell(event);
    });
  }

  /** What is new, then what is gone. */
  #listAgain(kind: WatchedKind, known: readonly (Node | Pod)[]): readonly ClusterEvent[] {
    const before = new Map(known.map((object) => [keyOf(object), object]));
    const events: ClusterEvent[] = [];
    for (const object of this.#objects(kind)) {
      const old = before.get(keyOf(object));
      before.delete(keyOf(object));
      if (old === object) continue;
      if (old !== undefined && old.metadata.uid !== object.metadata.uid) {
        events.push(missedDeletion(kind, old));
      }
      events.push({ kind, type: 'set', object } as ClusterEvent);
    }
    for (const old of before.values()) events.push(missedDeletion(kind, old));
    return events;
  }

  #objects(kind: WatchedKind): readonly (Node | Pod)[] {
    const { api } = this.#options;
    return kind === 'Pod' ? [...api.pods()] : api.nodes;
  }

  #later(arrive: () => void): void {
    const { api, time, random, watchMsMax, alive } = this.#options;
    const latest = watchMsMax + api.conditions.slowMs;
    this.#until = Math.max(this.#until, time.now + random.below(latest));
    time.after(this.#until - time.now, () => {
      if (alive()) arrive();
    });
  }
}

function keyOf({ metadata }: Node | Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function missedDeletion(kind: WatchedKind, { metadata }: Node | Pod): ClusterEvent {
  const { uid, name, namespace, labels, resourceVersion } = metadata;
  const object = { metadata: { uid, name, namespace, labels, resourceVersion } };
  return { kind, type: 'deleted', object } as ClusterEvent;
}
