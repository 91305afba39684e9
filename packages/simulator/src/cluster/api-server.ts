/**
 * What the machines need of a Kubernetes API server, and no more. It has pods with UIDs and resource
 * versions, one binding per pod, deletion in two steps, and watches that lag behind. It is a model for
 * exploring interleavings by the thousand. What is claimed of Kubernetes is shown on real API servers.
 */
import {
  type ClusterEvent,
  type Namespace,
  type Node,
  type Pod,
  type PodStatus,
  wellKnown,
} from '@spillway/core';
import type { GuestPatch, PodRef } from '@spillway/federation';
import { type ApiConditions, type WatchEnd, wellApi } from './api-conditions.ts';

export type Watcher = (event: ClusterEvent) => void;

/** Kinds that change; namespaces do not. */
export const watchedKinds = ['Node', 'Pod'] as const;
export type WatchedKind = (typeof watchedKinds)[number];

export class ModelApiServer {
  readonly namespaces: readonly Namespace[];
  /** How it treats agents' requests now. */
  conditions: ApiConditions = wellApi;
  #refusal: ((pod: Pod) => string | undefined) | undefined;
  readonly #pods = new Map<string, Pod>();
  readonly #watchers = new Map<Watcher, (end: WatchEnd, kind: WatchedKind) => void>();
  readonly #uidPrefix: string;
  #nodes: readonly Node[];
  #version = 0;
  #up = true;
  #lives = 1;
  #untilUp: (() => void)[] = [];

  constructor(options: {
    readonly uidPrefix: string;
    readonly nodes: readonly Node[];
    readonly namespaces: readonly Namespace[];
  }) {
    this.#uidPrefix = options.uidPrefix;
    this.#nodes = options.nodes;
    this.namespaces = options.namespaces;
  }

  /** What admission says against a pod that somebody would create; undefined: nothing. */
  refusal(pod: Pod): string | undefined {
    return this.#refusal?.(pod);
  }

  /** Private, since V8 keeps a function that overwrites a public one, and with it its world, for too long. */
  refuseBy(refusal: (pod: Pod) => string | undefined): void {
    this.#refusal = refusal;
  }

  get version(): number {
    return this.#version;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Grows when it goes: what was under way then is never answered. */
  get lives(): number {
    return this.#lives;
  }

  /** What it has lies in etcd and stays. Nothing changes while it is away, since nobody can write. */
  goDown(end: WatchEnd): void {
    this.#up = false;
    this.#lives += 1;
    for (const kind of watchedKinds) this.endWatches(end, kind);
  }

  comeUp(): void {
    this.#up = true;
    for (const act of this.#untilUp.splice(0)) act();
  }

  /** At once, or as soon as it is back, in order: for those who ask until they are heard. */
  whenUp(act: () => void): void {
    if (this.#up) act();
    else this.#untilUp.push(act);
  }

  /** Those of agents; what else looks on has no delay that a break could show in. */
  endWatches(end: WatchEnd, kind: WatchedKind): void {
    for (const ended of this.#watchers.values()) ended(end, kind);
  }

  setNode(node: Node): void {
    this.#version += 1;
    this.#nodes = this.#nodes.map((each) =>
      each.metadata.name === node.metadata.name ? node : each,
    );
    this.#tell({ kind: 'Node', type: 'set', object: node });
  }

  pods(): Iterable<Pod> {
    return this.#pods.values();
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#pods.get(`${namespace}/${name}`);
  }

  /** The pod if it is still the same one. */
  same({ namespace, name, uid }: PodRef): Pod | undefined {
    const pod = this.pod(namespace, name);
    return pod?.metadata.uid === uid ? pod : undefined;
  }

  /** Undefined when the name is taken. */
  create(pod: Pod): Pod | undefined {
    const { namespace = 'default', name = '' } = pod.metadata;
    if (this.#pods.has(`${namespace}/${name}`)) return undefined;
    const uid = `${this.#uidPrefix}-${this.#version + 1}`;
    return this.#store({
      ...pod,
      metadata: { ...pod.metadata, uid },
      status: { phase: 'Pending', ...pod.status },
    });
  }

  /** Annotations of the binding are written on the pod, as Kubernetes does. */
  bind(
    ref: PodRef,
    node: string,
    annotations: Readonly<Record<string, string>> = {},
  ): 'bound' | 'taken' | 'gone' {
    const pod = this.same(ref);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return 'gone';
    if (pod.spec.nodeName) return 'taken';
    this.#store({
      ...pod,
      metadata: {
        ...pod.metadata,
        annotations: { ...pod.metadata.annotations, ...annotations },
      },
      spec: { ...pod.spec, nodeName: node },
      status: {
        ...withoutNomination(pod.status),
        conditions: [{ type: 'PodScheduled', status: 'True' }],
      },
    });
    return 'bound';
  }

  patchStatus(ref: PodRef, status: PodStatus): 'ok' | 'gone' {
    const pod = this.same(ref);
    if (pod === undefined) return 'gone';
    this.#store({ ...pod, status: { ...pod.status, ...status } });
    return 'ok';
  }

  nominate(ref: PodRef, node: string | undefined): 'ok' | 'gone' {
    const pod = this.same(ref);
    if (pod === undefined) return 'gone';
    const nominated = node !== undefined && !pod.spec.nodeName && { nominatedNodeName: node };
    this.#store({ ...pod, status: { ...withoutNomination(pod.status), ...nominated } });
    return 'ok';
  }

  /** Marks the pod as preempted, then deletes it with its own grace. */
  preempt(ref: PodRef): 'ok' | 'gone' {
    const pod = this.same(ref);
    if (pod === undefined) return 'gone';
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: wellKnown.preemptedReason,
    };
    const conditions = [...(pod.status?.conditions ?? []), condition];
    this.patchStatus(ref, { conditions });
    return this.delete(ref, pod.spec.terminationGracePeriodSeconds ?? 30);
  }

  /** Labels and annotations of it; the model knows of no other change. */
  patch(ref: PodRef, { metadata }: GuestPatch): 'patched' | 'gone' | 'conflict' {
    const pod = this.same(ref);
    if (pod === undefined) return 'gone';
    const { resourceVersion = pod.metadata.resourceVersion } = metadata;
    if (resourceVersion !== pod.metadata.resourceVersion) return 'conflict';
    const labels = patched(pod.metadata.labels, metadata.labels);
    const annotations = patched(pod.metadata.annotations, metadata.annotations);
    this.#store({ ...pod, metadata: { ...pod.metadata, labels, annotations } });
    return 'patched';
  }

  /** A bound pod with grace stays, terminating, until its kubelet lets it go (grace 0). */
  delete(ref: PodRef, graceSeconds: number): 'ok' | 'gone' {
    const pod = this.same(ref);
    if (pod === undefined) return 'gone';
    if (graceSeconds > 0 && pod.spec.nodeName && !isEnded(pod)) {
      const left = Math.min(graceSeconds, pod.metadata.deletionGracePeriodSeconds ?? graceSeconds);
      this.#store({
        ...pod,
        metadata: {
          ...pod.metadata,
          deletionTimestamp: 'set',
          deletionGracePeriodSeconds: left,
        },
      });
      return 'ok';
    }
    this.#pods.delete(`${ref.namespace}/${ref.name}`);
    this.#version += 1;
    this.#tell({ kind: 'Pod', type: 'deleted', object: pod });
    return 'ok';
  }

  watch(
    watcher: Watcher,
    ended: (end: WatchEnd, kind: WatchedKind) => void = () => {},
  ): () => void {
    this.#watchers.set(watcher, ended);
    return () => this.#watchers.delete(watcher);
  }

  #store(pod: Pod): Pod {
    this.#version += 1;
    const { namespace = 'default', name = '' } = pod.metadata;
    const resourceVersion = `${this.#version}`;
    const stored = { ...pod, metadata: { ...pod.metadata, namespace, resourceVersion } };
    this.#pods.set(`${namespace}/${name}`, stored);
    this.#tell({ kind: 'Pod', type: 'set', object: stored });
    return stored;
  }

  #tell(event: ClusterEvent): void {
    for (const watcher of this.#watchers.keys()) watcher(event);
  }
}

function patched(
  there: Readonly<Record<string, string>> = {},
  patch: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const all = Object.entries({ ...there, ...patch });
  return Object.fromEntries(all.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

export function isEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function withoutNomination(status: PodStatus = {}): PodStatus {
  const { nominatedNodeName: _nominated, ...rest } = status;
  return rest;
}
