/** When and where each home pod ran: at home on a real node, or as a shadow at a host. */
import { type Pod, wellKnown } from '@spillway/core';
import type { History } from '../observation/histories.ts';
import {
  type ClusterNames,
  clusterNames,
  hostOf,
  isFinished,
  isShadow,
} from '../observation/tally.ts';

export interface Copy {
  readonly cluster: string;
  readonly pod: Pod;
  /**
   * From when it was on a node until it ended or was deleted; infinite when it still is. Where it is not
   * known exactly, the longest that it may have been.
   */
  readonly fromMs: number;
  readonly toMs: number;
}

/** By UID of the home pod. */
export function copiesOf(histories: readonly History[]): ReadonlyMap<string, readonly Copy[]> {
  const copies = new Map<string, Copy[]>();
  const clusters = clusterNames(histories);
  for (const { cluster, changes } of histories) {
    const running = new Map<string, { readonly pod: Pod; readonly fromMs: number }>();
    const end = (uid: string, atMs: number): void => {
      const started = running.get(uid);
      if (started === undefined) return;
      running.delete(uid);
      const homeUid = started.pod.metadata.labels?.[wellKnown.homeUidLabel] ?? uid;
      const list = copies.get(homeUid) ?? [];
      list.push({ cluster, ...started, toMs: atMs });
      copies.set(homeUid, list);
    };
    for (const change of changes) {
      if (change.kind !== 'Pod') continue;
      const { object: pod, type, atMs, sinceMs } = change;
      const uid = pod.metadata.uid ?? '';
      if (type === 'deleted' || isFinished(pod)) end(uid, atMs);
      else if (isOnRealNode(pod, clusters) && !running.has(uid))
        running.set(uid, { pod, fromMs: sinceMs });
    }
    for (const uid of running.keys()) end(uid, Number.POSITIVE_INFINITY);
  }
  return copies;
}

function isOnRealNode(pod: Pod, clusters: ClusterNames): boolean {
  return Boolean(pod.spec.nodeName) && (isShadow(pod) || hostOf(pod, clusters) === undefined);
}
