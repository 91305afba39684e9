/** What else acts in a cluster: its kubelets, which admit pods as real ones do, and its own scheduler. */
import {
  type NodeName,
  type Pod,
  placedRequests,
  type Random,
  resourcesOf,
  wellKnown,
} from '@spillway/core';
import { refOf } from '@spillway/federation';
import { isEnded, type ModelApiServer } from './api-server.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** How long a pod runs, ms; without it, for ever. */
export const runMsAnnotation = 'sim/run-ms';

const startMsMax = 1_500;
const stopMsMax = 1_000;
const schedulerMs = 700;

/** CPU is what the simulated nodes run out of. */
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

export function isVirtual(api: ModelApiServer, node: NodeName | string): boolean {
  const found = api.nodes.find(({ metadata }) => metadata.name === node);
  return found?.metadata.labels?.[wellKnown.virtualNodeLabel] === 'true';
}

export function startKubelets(api: ModelApiServer, time: VirtualTime, random: Random): void {
  const taken = new Set<string>();
  const stopping = new Set<string>();
  const end = (pod: Pod): void => {
    const current = api.same(refOf(pod));
    if (current === undefined || isEnded(current) || current.metadata.deletionTimestamp) return;
    api.patchStatus(refOf(pod), { phase: 'Succeeded' });
  };
  const start = (pod: Pod): void => {
    const current = api.same(refOf(pod));
    const node = current?.spec.nodeName;
    if (!current || !node || current.metadata.deletionTimestamp) return;
    const others = cpuUsed(
      api,
      node,
      ({ metadata, status }) =>
        metadata.uid !== current.metadata.uid && status?.phase === 'Running',
    );
    if (others + placedRequests(current).requests.milliCpu > cpuAllocatable(api, node)) {
      api.patchStatus(refOf(pod), { phase: 'Failed', reason: 'OutOfcpu' });
      return;
    }
    api.patchStatus(refOf(pod), { phase: 'Running', startTime: `${time.now}` });
    const runMs = Number(current.metadata.annotations?.[runMsAnnotation]);
    if (runMs > 0) time.after(runMs, () => end(pod));
  };
  api.watch(({ kind, type, object }) => {
    if (kind !== 'Pod' || type === 'deleted') return;
    const { nodeName } = object.spec;
    if (!nodeName || isVirtual(api, nodeName)) return;
    const { uid } = refOf(object);
    if (!taken.has(uid)) {
      taken.add(uid);
      time.after(random.below(startMsMax), () => start(object));
    }
    if (object.metadata.deletionTimestamp && !stopping.has(uid)) {
      stopping.add(uid);
      time.after(random.below(stopMsMax), () => api.delete(refOf(object), 0));
    }
  });
}

/** First fit on what is true now, one look at all waiting pods each turn. */
export function startKubeScheduler(api: ModelApiServer, time: VirtualTime): void {
  const turn = (): void => {
    time.after(schedulerMs, turn);
    for (const pod of api.pods()) {
      const waits = !pod.spec.nodeName && !pod.metadata.deletionTimestamp && !isEnded(pod);
      if (!waits || pod.spec.schedulerName === wellKnown.schedulerName) continue;
      const asked = placedRequests(pod).requests.milliCpu;
      const node = api.nodes.find(({ metadata: { name = '' } }) => {
        if (isVirtual(api, name)) return false;
        return cpuUsed(api, name, () => true) + asked <= cpuAllocatable(api, name);
      });
      if (node !== undefined) api.bind(refOf(pod), node.metadata.name ?? '');
      else if (pod.status?.conditions === undefined) {
        const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
        api.patchStatus(refOf(pod), { conditions: [condition] });
      }
    }
  };
  time.after(schedulerMs, turn);
}
