/**
 * Volumes already bound: their node affinity and their zone (volumebinding, volumezone). Claims that
 * are not bound yet need a storage class's provisioner, which we can't ask: such pods stay pending.
 */
import type { PersistentVolume, PodShape, Verdict } from '@spillway/core';
import { matchesTerms } from '../selectors.ts';
import type { NodeState } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { type FilterStage, passes, type Rejected } from '../stage.ts';

const code = 'UnschedulableAndUnresolvable';
const affinityConflict: readonly Verdict[] = [
  { code, reason: "node(s) didn't match PersistentVolume's node affinity", stage: 'VolumeBinding' },
];
const missingVolume: readonly Verdict[] = [
  {
    code,
    reason: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
    stage: 'VolumeBinding',
  },
];
const zoneConflict: readonly Verdict[] = [
  { code, reason: 'node(s) had no available volume zone', stage: 'VolumeZone' },
];

const zoneKeys = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

export const volumeBinding: FilterStage = {
  name: 'VolumeBinding',
  prepare(shape, snapshot) {
    if (shape.claims.length === 0) return undefined;
    const volumes: (PersistentVolume | undefined)[] = [];
    for (const name of shape.claims) {
      const volume = boundVolume(shape, name, snapshot);
      if (volume !== undefined && 'rejected' in volume) return volume;
      volumes.push(volume);
    }
    return (node) => {
      for (const volume of volumes) {
        if (volume === undefined) return missingVolume;
        const required = volume.spec?.nodeAffinity?.required;
        if (required && !matchesTerms(required.nodeSelectorTerms, node)) return affinityConflict;
      }
      return volumes.every((volume) => volume && inZone(volume, node)) ? passes : zoneConflict;
    };
  },
};

function boundVolume(
  { namespace }: PodShape,
  name: string,
  snapshot: Snapshot,
): PersistentVolume | Rejected | undefined {
  const claim = snapshot.claim(namespace, name);
  if (claim === undefined) {
    return rejected('UnschedulableAndUnresolvable', `persistentvolumeclaim "${name}" not found`);
  }
  if (claim.metadata.deletionTimestamp !== undefined) {
    return rejected(
      'UnschedulableAndUnresolvable',
      `persistentvolumeclaim "${name}" is being deleted`,
    );
  }
  if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) {
    return rejected('Unsupported', `persistentvolumeclaim "${name}" is ReadWriteOncePod`);
  }
  if (!claim.spec?.volumeName) {
    return rejected('Unsupported', `persistentvolumeclaim "${name}" is not bound yet`);
  }
  return snapshot.volume(claim.spec.volumeName);
}

function rejected(verdictCode: Verdict['code'], reason: string): Rejected {
  return { rejected: { code: verdictCode, reason, stage: 'VolumeBinding' } };
}

/** A volume labelled with zones can be used in those only; a node without such labels knows no zones. */
function inZone(volume: PersistentVolume, { labels }: NodeState): boolean {
  if (!zoneKeys.some((key) => key in labels)) return true;
  return zoneKeys.every((key) => {
    const zones = volume.metadata.labels?.[key];
    return zones === undefined || zones.split('__').includes(labels[key] ?? '');
  });
}
