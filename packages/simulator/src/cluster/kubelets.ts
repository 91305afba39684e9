/** A cluster's kubelets: they start, admit and stop pods as real ones do, and are lost with their nodes. */
import { type Pod, placedRequests, type PodUid, type Random, resourcesOf } from '@spillway/core';
import { clusterOfVirtualNode, refOf } from '@spillway/federation';
import type { VirtualTime } from '../virtual-time.ts';
import { isEnded, type ModelApiServer } from './api-server.ts';
import { type KubeletPod, type NodeLoss, NodeRuntime } from './node-runtime.ts';

/** How long a pod runs, ms; without it, forever. */
export const runMsAnnotation = 'sim/run-ms';

export interface KubeletTiming {
  /** From the binding to Running, uniformly between the two, ms. */
  readonly startMs: readonly [number, number];
  /** From the deletion timestamp to the pod's end, ms. */
  readonly stopMs: readonly [number, number];
}

/** What the pod takes of its node; CPU is what the simulated nodes of fault worlds run out of. */
export function cpuRequested(pod: Pod): number {
  return placedRequests(pod).requests.milliCpu;
}

export function cpuUsed(api: ModelApiServer, node: string): number {
  let milliCpu = 0;
  for (const pod of api.pods()) {
    if (pod.spec.nodeName === node && !isEnded(pod)) milliCpu += cpuRequested(pod);
  }
  return milliCpu;
}

export function cpuAllocatable(api: ModelApiServer, node: string): number {
  const found = api.nodes.find(({ metadata }) => metadata.name === node);
  return resourcesOf(found?.status?.allocatable ?? {}).milliCpu;
}

export function isVirtual(node: string): boolean {
  return clusterOfVirtualNode(node) !== undefined;
}

export interface KubeletsOptions {
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly timing: KubeletTiming;
}

export function startKubelets(options: KubeletsOptions): Kubelets {
  return new Kubelets(options);
}

export class Kubelets {
  readonly #options: KubeletsOptions;
  readonly #nodes: ReadonlyMap<string, NodeRuntime>;
  readonly #running = new Map<PodUid, Pod>();
  #changes = 0;

  constructor(options: KubeletsOptions) {
    this.#options = options;
    const { api } = options;
    const nodes = new Map<string, NodeRuntime>();
    for (const { metadata, status } of api.nodes) {
      const { name = '' } = metadata;
      if (!isVirtual(name)) nodes.set(name, new NodeRuntime(resourcesOf(status?.allocatable)));
    }
    this.#nodes = nodes;
    api.watch(({ kind, type, object }) => {
      if (kind !== 'Pod') return;
      const node = nodes.get(object.spec.nodeName ?? '');
      if (node === undefined || node.lost !== undefined) return;
      if (type === 'deleted') this.#deleted(node, object);
      else this.#seen(node, object);
    });
  }

  /** What runs, whatever the API server still knows of it: a pod deleted without grace runs on for a while. */
  get running(): ReadonlyMap<PodUid, Pod> {
    return this.#running;
  }

  /** Grows with every change of `running`. */
  get changes(): number {
    return this.#changes;
  }

  isLost(name: string): boolean {
    return this.#nodes.get(name)?.lost !== undefined;
  }

  lose(name: string, loss: NodeLoss): void {
    this.#nodes.get(name)?.lose(loss);
    if (loss === 'unheard') return;
    for (const [uid, pod] of this.#running) {
      if (pod.spec.nodeName === name) this.#stopped(uid);
    }
  }

  /** It starts again what is bound there and does not run, and ends what has been deleted meanwhile. */
  restore(name: string): void {
    const { api } = this.#options;
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    node.restore();
    const there = [...api.pods()].filter(({ spec }) => spec.nodeName === name);
    const uids = new Set(there.map((pod) => refOf(pod).uid));
    for (const [uid, { pod }] of node.pods) if (!uids.has(uid)) this.#deleted(node, pod);
    for (const pod of there) this.#seen(node, pod);
  }

  #seen(node: NodeRuntime, pod: Pod): void {
    const { timing } = this.#options;
    const { uid } = refOf(pod);
    const known = node.pods.get(uid);
    const mine: KubeletPod = known ?? { pod, requests: undefined, isStopping: false };
    mine.pod = pod;
    if (isEnded(pod)) this.#ended(mine);
    if (known === undefined) {
      node.pods.set(uid, mine);
      this.#soon(node, mine, timing.startMs, () => this.#start(node, mine));
    }
    if (pod.metadata.deletionTimestamp && !mine.isStopping) {
      mine.isStopping = true;
      this.#soon(node, mine, timing.stopMs, () => {
        this.#ended(mine);
        this.#say(node, () => this.#options.api.delete(refOf(pod), 0));
      });
    }
  }

  /** Without grace the object goes before the containers do. */
  #deleted(node: NodeRuntime, pod: Pod): void {
    const { time, timing } = this.#options;
    const { uid } = refOf(pod);
    node.pods.delete(uid);
    if (this.#running.has(uid)) time.after(timing.stopMs[1], () => this.#stopped(uid));
  }

  #start(node: NodeRuntime, mine: KubeletPod): void {
    const { api, time } = this.#options;
    const { pod, isStopping } = mine;
    if (isStopping || isEnded(pod)) return;
    const ref = refOf(pod);
    const { requests } = placedRequests(pod);
    const lacking = node.lacks(requests);
    if (lacking !== undefined) {
      const status = { phase: 'Failed', reason: `OutOf${lacking}` };
      return this.#say(node, () => api.patchStatus(ref, status));
    }
    mine.requests = requests;
    this.#running.set(ref.uid, pod);
    this.#changes += 1;
    const startTime = pod.status?.startTime ?? `${time.now}`;
    this.#say(node, () => api.patchStatus(ref, { phase: 'Running', startTime }));
    const runMs = Number(pod.metadata.annotations?.[runMsAnnotation]);
    if (runMs > 0) this.#after(node, mine, runMs, () => this.#succeed(node, mine));
  }

  #succeed(node: NodeRuntime, mine: KubeletPod): void {
    const { api } = this.#options;
    if (mine.isStopping || isEnded(mine.pod)) return;
    this.#ended(mine);
    this.#say(node, () => api.patchStatus(refOf(mine.pod), { phase: 'Succeeded' }));
  }

  #ended(mine: KubeletPod): void {
    mine.requests = undefined;
    this.#stopped(refOf(mine.pod).uid);
  }

  #stopped(uid: PodUid): void {
    if (this.#running.delete(uid)) this.#changes += 1;
  }

  /** Again and again until it is heard. */
  #say(node: NodeRuntime, act: () => void): void {
    node.say(() => this.#options.api.whenUp(act));
  }

  #soon(
    node: NodeRuntime,
    mine: KubeletPod,
    [min, max]: readonly [number, number],
    act: () => void,
  ): void {
    this.#after(node, mine, min + this.#options.random.below(max - min), act);
  }

  /** Unless the node has lost the pod by then. */
  #after(node: NodeRuntime, mine: KubeletPod, ms: number, act: () => void): void {
    this.#options.time.after(ms, () => {
      if (node.pods.get(refOf(mine.pod).uid) === mine) act();
    });
  }
}
