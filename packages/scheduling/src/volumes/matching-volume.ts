/** Which existing PersistentVolume a claim gets on a node, after FindMatchingVolume of k8s.io/component-helpers. */
import {
  type PersistentVolume,
  type PersistentVolumeClaim,
  parseQuantity,
  type Quantity,
} from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { matchesLabels, matchesTerms } from '../selectors.ts';
import { storageClassOf } from './pod-claims.ts';

const nothing = parseQuantity('0');

/**
 * The volume that is set aside for the claim, else the smallest available one that fits; undefined
 * when there is none for this node. `volumes` are those of the claim's class; `taken` names those that
 * other claims of the pod get.
 */
export function matchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node: NodeState,
  taken: ReadonlySet<string>,
): PersistentVolume | undefined {
  let smallest: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (taken.has(volume.metadata.name ?? '') || !couldServe(volume, claim)) continue;
    const reachable = isReachable(volume, node);
    if (volume.spec?.claimRef !== undefined) return reachable ? volume : undefined;
    if (!reachable || !isAvailable(volume, claim)) continue;
    if (smallest === undefined || capacityOf(volume) < capacityOf(smallest)) smallest = volume;
  }
  return smallest;
}

/** Whether the node is one from which the volume can be used. */
export function isReachable({ spec }: PersistentVolume, { labels }: NodeState): boolean {
  const required = spec?.nodeAffinity?.required;
  // Without the node's name: kube-scheduler looks at labels only.
  return required === undefined || matchesTerms(required.nodeSelectorTerms, { labels });
}

/** Set aside for the claim, by an administrator or a controller. */
export function isFor(
  { spec }: PersistentVolume,
  { metadata: { namespace, name, uid } }: PersistentVolumeClaim,
): boolean {
  const claimRef = spec?.claimRef;
  if (claimRef?.name !== name || claimRef?.namespace !== namespace) return false;
  return !claimRef?.uid || claimRef.uid === uid;
}

export function requestedBytes({ spec }: PersistentVolumeClaim): Quantity {
  const requested = spec?.resources?.requests?.['storage'];
  return requested === undefined ? nothing : parseQuantity(requested);
}

function couldServe(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { metadata, spec } = volume;
  if (spec?.claimRef !== undefined && !isFor(volume, claim)) return false;
  return (
    metadata.deletionTimestamp === undefined &&
    capacityOf(volume) >= requestedBytes(claim) &&
    (spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem') &&
    (spec?.volumeAttributesClassName ?? '') === (claim.spec?.volumeAttributesClassName ?? '')
  );
}

function isAvailable(volume: PersistentVolume, { metadata, spec }: PersistentVolumeClaim): boolean {
  const modes = volume.spec?.accessModes ?? [];
  return (
    volume.status?.phase === 'Available' &&
    (spec?.selector === undefined || matchesLabels(spec.selector, volume.metadata.labels ?? {})) &&
    storageClassOf(volume) === storageClassOf({ metadata, ...(spec && { spec }) }) &&
    (spec?.accessModes ?? []).every((mode) => modes.includes(mode))
  );
}

function capacityOf({ spec }: PersistentVolume): Quantity {
  const capacity = spec?.capacity?.['storage'];
  return capacity === undefined ? nothing : parseQuantity(capacity);
}
