/** A cluster's kubelets: they start, admit and stop pods as real ones do. */
import {
  type Pod,
  placedRequests,
  plus,
  type PodUid,
  type Random,
  type Resources,
  resourcesOf,
} from '@spillway/core';
import { clusterOfVirtualNode, refOf } from '@spillway/federation';
import type { VirtualTime } from '../virtual-time.ts';
import { isEnded, type ModelApiServer } from './api-server.ts';

/** How long a pod runs, ms; without it, forever. */
export const runMsAnnotation = 'sim/run-ms';

export interface KubeletTiming {
  /** From the binding to Running, uniformly between the two, ms. */
  readonly startMs: readonly [number, number];
  /** From the deletion timestamp to the pod's end, ms. */
  readonly stopMs: readonly [number, number];
}

/** CPU is what the simulated nodes of fault worlds run out of. */
export function cpuUsed(api: ModelApiServer, node: string, counts: (pod: Pod) => boolean): number {
  let milliCpu = 0;
  for (const pod of api.pods()) {
    if (pod.spec.nodeName === node && !isEnded(pod) && counts(pod)) {
      milliCpu += placedRequests(pod).requests.milliCpu;
    }
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

/** What runs on one node. */
class RunningPods {
  readonly allocatable: Resources;
  readonly #pods = new Map<PodUid, Resources>();

  constructor(allocatable: Resources) {
    this.allocatable = allocatable;
  }

  /** Kubernetes' `OutOf<resource>`: the first resource that the node has too little of. */
  lacks(asked: Resources): string | undefined {
    let sum = asked;
    for (const requests of this.#pods.values()) sum = plus(sum, requests);
    if (sum.milliCpu > this.allocatable.milliCpu) return 'cpu';
    if (sum.memoryBytes > this.allocatable.memoryBytes) return 'memory';
    for (const [name, amount] of sum.extended) {
      if (amount > (this.allocatable.extended.get(name) ?? 0)) return name;
    }
    return undefined;
  }

  start(uid: PodUid, requests: Resources): void {
    this.#pods.set(uid, requests);
  }

  end(uid: PodUid): void {
    this.#pods.delete(uid);
  }
}

/** What runs, whatever the API server still knows of it: a pod deleted without grace runs on for a while. */
export interface Kubelets {
  readonly running: ReadonlyMap<PodUid, Pod>;
}

export function startKubelets(options: {
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly timing: KubeletTiming;
}): Kubelets {
  const { api, time, random, timing } = options;
  const running = new Map<PodUid, Pod>();
  const taken = new Set<PodUid>();
  const stopping = new Set<PodUid>();
  /** Their containers have ended: only the object is left to go. */
  const stopped = new Set<PodUid>();
  const nodes = new Map(
    api.nodes.map(({ metadata, status }) => [
      metadata.name ?? '',
      new RunningPods(resourcesOf(status?.allocatable)),
    ]),
  );
  const within = ([min, max]: readonly [number, number]): number => min + random.below(max - min);
  const end = (pod: Pod): void => {
    const current = api.same(refOf(pod));
    if (current === undefined || isEnded(current) || current.metadata.deletionTimestamp) return;
    api.patchStatus(refOf(pod), { phase: 'Succeeded' });
  };
  const start = (pod: Pod): void => {
    const current = api.same(refOf(pod));
    const node = nodes.get(current?.spec.nodeName ?? '');
    if (!current || !node || current.metadata.deletionTimestamp) return;
    const { requests } = placedRequests(current);
    const lacking = node.lacks(requests);
    if (lacking !== undefined) {
      api.patchStatus(refOf(pod), { phase: 'Failed', reason: `OutOf${lacking}` });
      return;
    }
    node.start(refOf(pod).uid, requests);
    running.set(refOf(pod).uid, current);
    api.patchStatus(refOf(pod), { phase: 'Running', startTime: `${time.now}` });
    const runMs = Number(current.metadata.annotations?.[runMsAnnotation]);
    if (runMs > 0) time.after(runMs, () => end(pod));
  };
  api.watch(({ kind, type, object }) => {
    if (kind !== 'Pod') return;
    const { nodeName } = object.spec;
    if (!nodeName || isVirtual(nodeName)) return;
    const { uid } = refOf(object);
    if (type === 'deleted' || isEnded(object)) nodes.get(nodeName)?.end(uid);
    if (isEnded(object) || stopped.has(uid)) running.delete(uid);
    else if (type === 'deleted') time.after(timing.stopMs[1], () => running.delete(uid));
    if (type === 'deleted') {
      taken.delete(uid);
      stopping.delete(uid);
      stopped.delete(uid);
      return;
    }
    if (!taken.has(uid)) {
      taken.add(uid);
      time.after(within(timing.startMs), () => start(object));
    }
    if (object.metadata.deletionTimestamp && !stopping.has(uid)) {
      stopping.add(uid);
      time.after(within(timing.stopMs), () => {
        if (api.same(refOf(object)) !== undefined) stopped.add(uid);
        api.delete(refOf(object), 0);
      });
    }
  });
  return { running };
}
