/**
 * What must be written for a pod's unbound claims before the pod may be bound to a node. It says which
 * PersistentVolumes are set aside for them, and which claims are provisioned there. After FindPodVolumes of
 * volumebinding.
 */
import type {
  NodeName,
  PersistentVolume,
  PersistentVolumeClaim,
  PodShape,
  Verdict,
} from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Rejected } from '../stage.ts';
import { isReachable, matchingVolume, requestedBytes } from './matching-volume.ts';
import { type PodClaims, podClaims, storageClassOf } from './pod-claims.ts';
import { provisioning } from './provisioning.ts';

export interface VolumePlan {
  readonly bindings: readonly {
    readonly volume: PersistentVolume;
    readonly claim: PersistentVolumeClaim;
  }[];
  /** Claims for which the class's provisioner makes a volume on `node`. */
  readonly provisions: readonly PersistentVolumeClaim[];
  readonly node: string;
}

/** On a claim: the node for which its volume is to be made. Provisioners take it away when they can't. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';

const stage = 'VolumeBinding';
const code = 'UnschedulableAndUnresolvable';
const notReachable: Verdict = {
  code,
  reason: "node(s) didn't match PersistentVolume's node affinity",
  stage,
};
const notFound: Verdict = {
  code,
  reason: "node(s) didn't find available persistent volumes to bind",
  stage,
};
const full: Verdict = { code, reason: 'node(s) did not have enough free storage', stage };

/** Plans for one node after the other; undefined when the shape has no claims. */
export interface VolumePlanner {
  readonly claims: PodClaims;
  /** The plan for a node, or why there is none. */
  planFor(node: NodeState): VolumePlan | readonly Verdict[];
}

export function volumePlanner(
  shape: PodShape,
  snapshot: Snapshot,
): VolumePlanner | Rejected | undefined {
  if (shape.claims.length === 0) return undefined;
  const claims = podClaims(shape, snapshot);
  if ('rejected' in claims) return claims;
  const unbound = claims.unbound.toSorted((a, b) => compare(requestedBytes(a), requestedBytes(b)));
  const candidates = volumesByClass(unbound, snapshot);
  return {
    claims,
    planFor(node) {
      const verdicts: Verdict[] = [];
      if (!claims.bound.every((volume) => isReachable(volume, node))) verdicts.push(notReachable);
      const plan = planUnbound(unbound, candidates, node, snapshot);
      if ('refusal' in plan) verdicts.push(plan.refusal);
      return verdicts.length > 0 || 'refusal' in plan ? verdicts : plan;
    },
  };
}

/** What to write before a pod of `shape` is bound to `node`; undefined when there is nothing to wait for. */
export function volumePlan(
  snapshot: Snapshot,
  shape: PodShape,
  node: NodeName,
): VolumePlan | undefined {
  const planner = volumePlanner(shape, snapshot);
  const state = snapshot.node(node);
  if (planner === undefined || 'rejected' in planner || state === undefined) return undefined;
  const plan = planner.planFor(state);
  if (!('node' in plan)) return undefined;
  return plan.bindings.length + plan.provisions.length === 0 ? undefined : plan;
}

function planUnbound(
  claims: readonly PersistentVolumeClaim[],
  candidates: ReadonlyMap<string, readonly PersistentVolume[]>,
  node: NodeState,
  snapshot: Snapshot,
): VolumePlan | { readonly refusal: Verdict } {
  const bindings: VolumePlan['bindings'][number][] = [];
  const provisions: PersistentVolumeClaim[] = [];
  const taken = new Set<string>();
  for (const claim of claims) {
    const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (selected !== undefined && selected !== node.name) return { refusal: notFound };
    const ofClass = candidates.get(storageClassOf(claim)) ?? [];
    const volume = selected === undefined ? matchingVolume(claim, ofClass, node, taken) : undefined;
    if (volume === undefined) {
      provisions.push(claim);
      continue;
    }
    taken.add(volume.metadata.name ?? '');
    bindings.push({ volume, claim });
  }
  for (const claim of provisions) {
    const able = provisioning(claim, node, snapshot);
    if (able !== 'able') return { refusal: able === 'full' ? full : notFound };
  }
  return { bindings, provisions, node: node.name };
}

function volumesByClass(
  claims: readonly PersistentVolumeClaim[],
  snapshot: Snapshot,
): ReadonlyMap<string, readonly PersistentVolume[]> {
  const found = new Map<string, PersistentVolume[]>();
  for (const claim of claims) found.set(storageClassOf(claim), []);
  if (found.size === 0) return found;
  for (const volume of snapshot.all('PersistentVolume')) {
    found.get(storageClassOf(volume))?.push(volume);
  }
  // As good as any order, and the same on every machine.
  for (const volumes of found.values()) volumes.sort((a, b) => compare(nameOf(a), nameOf(b)));
  return found;
}

function nameOf({ metadata }: PersistentVolume): string {
  return metadata.name ?? '';
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
