/**
 * A shape's PersistentVolumeClaims by what is still to be done for them, after podHasPVCs and
 * GetPodVolumeClaims of volumebinding.
 */
import type { PersistentVolume, PersistentVolumeClaim, PodShape, Verdict } from '@spillway/core';
import type { Snapshot } from '../snapshot.ts';
import type { Rejected } from '../stage.ts';

export interface PodClaims {
  /** Volumes that are bound, each to one of the claims. */
  readonly bound: readonly PersistentVolume[];
  /** Claims of a WaitForFirstConsumer class: the scheduler chooses their node. */
  readonly unbound: readonly PersistentVolumeClaim[];
}

const stage = 'VolumeBinding';
const code = 'UnschedulableAndUnresolvable';
const bindCompleted = 'pv.kubernetes.io/bind-completed';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** The claims, or why no node can do as long as they are as they are. */
export function podClaims(shape: PodShape, snapshot: Snapshot): PodClaims | Rejected {
  const found: PersistentVolumeClaim[] = [];
  for (const { name, ownerUid } of shape.claims) {
    const claim = snapshot.claim(shape.namespace, name);
    const problem = problemOf(name, claim, ownerUid);
    if (problem !== undefined) return rejected(problem);
    if (claim?.spec?.accessModes?.includes('ReadWriteOncePod')) {
      const reason = `persistentvolumeclaim "${name}" is for one pod only (ReadWriteOncePod)`;
      return rejected(reason, 'Unsupported');
    }
    if (claim !== undefined) found.push(claim);
  }
  const bound: PersistentVolume[] = [];
  const unbound: PersistentVolumeClaim[] = [];
  for (const claim of found) {
    const volumeName = claim.spec?.volumeName ?? '';
    if (isBound(claim)) {
      const volume = snapshot.volume(volumeName);
      if (volume === undefined) return rejected(`persistentvolume "${volumeName}" not found`);
      bound.push(volume);
    } else if (volumeName === '' && waitsForConsumer(claim, snapshot)) unbound.push(claim);
    else return rejected('pod has unbound immediate PersistentVolumeClaims');
  }
  return { bound, unbound };
}

export function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec?.volumeName ?? '') !== '' && metadata.annotations?.[bindCompleted] !== undefined;
}

export function storageClassOf({
  metadata,
  spec,
}: Pick<PersistentVolumeClaim, 'metadata'> & {
  readonly spec?: { readonly storageClassName?: string };
}): string {
  return metadata.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';
}

function problemOf(
  name: string,
  claim: PersistentVolumeClaim | undefined,
  ownerUid: string | undefined,
): string | undefined {
  const quoted = `persistentvolumeclaim "${name}"`;
  if (claim === undefined) {
    return ownerUid === undefined
      ? `${quoted} not found`
      : `waiting for ephemeral volume controller to create the ${quoted}`;
  }
  const { metadata, spec, status } = claim;
  if (status?.phase === 'Lost') {
    return `${quoted} bound to non-existent persistentvolume "${spec?.volumeName ?? ''}"`;
  }
  if (metadata.deletionTimestamp !== undefined) return `${quoted} is being deleted`;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return ownerUid === undefined || owner?.uid === ownerUid
    ? undefined
    : `${quoted} was not created for this pod`;
}

function waitsForConsumer(claim: PersistentVolumeClaim, snapshot: Snapshot): boolean {
  const storageClass = snapshot.lookUp('StorageClass', storageClassOf(claim));
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

function rejected(reason: string, verdictCode: Verdict['code'] = code): Rejected {
  return { rejected: { code: verdictCode, reason, stage } };
}
