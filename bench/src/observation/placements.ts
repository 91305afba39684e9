/** How long pods took from creation to a real node, at home or away. */
import { type Pod, type PodUid, wellKnown } from '@spillway/core';
import type { Histories } from './histories.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';
import { clusterNames, hostOf, isShadow } from './tally.ts';

export interface Placement {
  readonly uid: PodUid;
  readonly home: string;
  /** Undefined for a pod that stayed. */
  readonly host: string | undefined;
  readonly createdMs: number;
  /** When the pod, or its shadow, was first seen on a node. */
  readonly boundMs: number;
}

/** Of the pods that `of` selects and that have got a real node. Times as in the histories. */
export function placementsIn(
  { histories }: Pick<Histories, 'histories'>,
  of: (pod: Pod) => boolean = () => true,
): readonly Placement[] {
  const created = new Map<PodUid, { readonly home: string; readonly atMs: number }>();
  const clusters = clusterNames(histories);
  const bound = new Map<PodUid, { readonly host: string | undefined; readonly atMs: number }>();
  for (const { cluster, changes } of histories) {
    for (const { kind, type, object, atMs } of changes) {
      if (kind !== 'Pod' || type === 'deleted') continue;
      if (isShadow(object)) {
        const uid = object.metadata.labels?.[wellKnown.homeUidLabel] as PodUid;
        if (object.spec.nodeName && !bound.has(uid)) bound.set(uid, { host: cluster, atMs });
        continue;
      }
      const uid = object.metadata.uid as PodUid;
      if (!created.has(uid) && of(object)) created.set(uid, { home: cluster, atMs });
      const here = Boolean(object.spec.nodeName) && hostOf(object, clusters) === undefined;
      if (here && !bound.has(uid)) bound.set(uid, { host: undefined, atMs });
    }
  }
  return [...created].flatMap(([uid, { home, atMs }]) => {
    const { host, atMs: boundMs = 0 } = bound.get(uid) ?? {};
    return bound.has(uid)
      ? [{ uid, home, host, createdMs: atMs, boundMs: Math.max(atMs, boundMs) }]
      : [];
  });
}

/** Pods per second from the first creation to the last binding; 0 for none. */
export function perSecond(placements: readonly Placement[]): number {
  if (placements.length === 0) return 0;
  const first = Math.min(...placements.map(({ createdMs }) => createdMs));
  const last = Math.max(...placements.map(({ boundMs }) => boundMs));
  return (placements.length * 1000) / Math.max(1, last - first);
}

/** Ms from creation to a real node; null for no placements. */
export function createdToBoundMs(placements: readonly Placement[]): Quantiles | null {
  return quantilesOf(placements.map(({ createdMs, boundMs }) => boundMs - createdMs));
}
