/** Where pods are, counted from what the API servers say. */
import { type Pod, podRequests, wellKnown } from '@spillway/core';
import type { Histories, History } from './histories.ts';

export interface ClusterTally {
  readonly cluster: string;
  /** Pods created here and not finished, by where they are. */
  readonly home: number;
  readonly away: number;
  readonly pending: number;
  /** Pods of other clusters that run here. */
  readonly hosted: number;
  readonly finished: number;
  /** Of real nodes, unfinished pods. */
  readonly requestedMilliCpu: number;
}

export interface Flow {
  readonly home: string;
  readonly host: string;
  readonly pods: number;
  readonly milliCpu: number;
}

export function tallyOf(histories: Histories, cluster: string): ClusterTally {
  const tally = {
    cluster,
    home: 0,
    away: 0,
    pending: 0,
    hosted: 0,
    finished: 0,
    requestedMilliCpu: 0,
  };
  const clusters = clusterNames(histories.histories);
  for (const pod of histories.pods(cluster).values()) {
    const { milliCpu } = podRequests(pod);
    if (isShadow(pod)) {
      if (isFinished(pod) || !pod.spec.nodeName) continue;
      tally.hosted += 1;
      tally.requestedMilliCpu += milliCpu;
    } else if (isFinished(pod)) tally.finished += 1;
    else if (!pod.spec.nodeName) tally.pending += 1;
    else if (hostOf(pod, clusters) !== undefined) tally.away += 1;
    else {
      tally.home += 1;
      tally.requestedMilliCpu += milliCpu;
    }
  }
  return tally;
}

/** Unfinished pods by home and host, largest first. */
export function flowsOf(histories: Histories): readonly Flow[] {
  const flows = new Map<string, Flow>();
  for (const { cluster: host } of histories.histories) {
    for (const pod of histories.pods(host).values()) {
      if (!isShadow(pod) || isFinished(pod)) continue;
      const home = pod.metadata.labels?.[wellKnown.homeLabel] ?? '';
      const { pods = 0, milliCpu = 0 } = flows.get(`${home}>${host}`) ?? {};
      flows.set(`${home}>${host}`, {
        home,
        host,
        pods: pods + 1,
        milliCpu: milliCpu + podRequests(pod).milliCpu,
      });
    }
  }
  return [...flows.values()].sort((a, b) => b.pods - a.pods);
}

/** Unfinished ones, at all hosts. */
export function shadowCount(histories: Histories): number {
  return flowsOf(histories).reduce((sum, { pods }) => sum + pods, 0);
}

export function isShadow(pod: Pod): boolean {
  return pod.metadata.labels?.[wellKnown.homeUidLabel] !== undefined;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** The one of these clusters on whose virtual node a pod is. A real node may be called `spillway-…` too. */
export function hostOf(pod: Pod, clusters: ClusterNames): string | undefined {
  const prefix = 'spillway-';
  const node = pod.spec.nodeName ?? '';
  const cluster = node.slice(prefix.length);
  return node.startsWith(prefix) && clusters.has(cluster) ? cluster : undefined;
}

export type ClusterNames = Pick<ReadonlySet<string>, 'has'>;

export function clusterNames(histories: readonly Pick<History, 'cluster'>[]): ReadonlySet<string> {
  return new Set(histories.map(({ cluster }) => cluster));
}
