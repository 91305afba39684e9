/** Whether a claim's storage class can make a volume for a node, after checkVolumeProvisions of volumebinding. */
import {
  type CSIStorageCapacity,
  type PersistentVolumeClaim,
  parseQuantity,
  type StorageClass,
} from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { matchesLabels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { requestedBytes } from './matching-volume.ts';
import { storageClassOf } from './pod-claims.ts';

/** `unable`: not on this node at all. `full`: its driver says that there is no room left. */
export type Provisioning = 'able' | 'unable' | 'full';

const noProvisioner = 'kubernetes.io/no-provisioner';

export function provisioning(
  claim: PersistentVolumeClaim,
  node: NodeState,
  snapshot: Snapshot,
): Provisioning {
  const storageClass = snapshot.lookUp('StorageClass', storageClassOf(claim));
  if (storageClass === undefined) return 'unable';
  if (!storageClass.provisioner || storageClass.provisioner === noProvisioner) return 'unable';
  if (!isAllowed(storageClass, node)) return 'unable';
  return hasCapacity(claim, storageClass, node, snapshot) ? 'able' : 'full';
}

function isAllowed({ allowedTopologies = [] }: StorageClass, { labels }: NodeState): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(
    ({ matchLabelExpressions = [] }) =>
      matchLabelExpressions.length > 0 &&
      matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? '')),
  );
}

/** Only drivers that say so publish their capacity (KEP-1472); of the others it is taken for granted. */
function hasCapacity(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: NodeState,
  snapshot: Snapshot,
): boolean {
  const driver = snapshot.lookUp('CSIDriver', storageClass.provisioner ?? '');
  if (driver?.spec?.storageCapacity !== true) return true;
  if (claim.spec?.resources?.requests?.['storage'] === undefined) return true;
  for (const capacity of snapshot.all('CSIStorageCapacity')) {
    if (capacity.storageClassName !== storageClass.metadata.name) continue;
    if (suffices(capacity, claim) && matchesLabels(capacity.nodeTopology, node.labels)) return true;
  }
  return false;
}

function suffices(
  { maximumVolumeSize, capacity }: CSIStorageCapacity,
  claim: PersistentVolumeClaim,
): boolean {
  const limit = maximumVolumeSize ?? capacity;
  return limit !== undefined && parseQuantity(limit) >= requestedBytes(claim);
}
