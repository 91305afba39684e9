/**
 * Volumes already bound: their node affinity and their zone, after volumebinding/volume_binding.go
 * and volumezone/volume_zone.go. A claim that is not bound yet may need its storage class's
 * provisioner, which we can't ask: such pods stay pending. How many volumes a node can attach
 * (CSINode) is left to the node.
 */
import type { PersistentVolume, PodShape, Verdict } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { matchesTerms } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { type FilterStage, passes, type Rejected } from '../stage.ts';

const stage = 'VolumeBinding';
const code = 'UnschedulableAndUnresolvable';
const affinityConflict: readonly Verdict[] = [
  { code, reason: "node(s) didn't match PersistentVolume's node affinity", stage },
];
const zoneConflict: readonly Verdict[] = [
  { code, reason: 'node(s) had no available volume zone', stage: 'VolumeZone' },
];

const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** Deprecated label and the one that took its place; volumes may carry either. */
const zoneKeys: readonly (readonly [string, string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
];

export const volumeBinding: FilterStage = {
  name: stage,
  prepare(shape, snapshot) {
    if (shape.claims.length === 0) return undefined;
    const volumes: PersistentVolume[] = [];
    for (const name of shape.claims) {
      const volume = boundVolume(shape, name, snapshot);
      if ('rejected' in volume) return volume;
      volumes.push(volume);
    }
    return {
      judge(node) {
        for (const { spec } of volumes) {
          const required = spec?.nodeAffinity?.required;
          // Without the name: upstream looks at labels only.
          if (required && !matchesTerms(required.nodeSelectorTerms, { labels: node.labels })) {
            return affinityConflict;
          }
        }
        return volumes.every((volume) => inZone(volume, node)) ? passes : zoneConflict;
      },
    };
  },
};

function boundVolume(
  { namespace }: PodShape,
  name: string,
  snapshot: Snapshot,
): PersistentVolume | Rejected {
  const claim = snapshot.claim(namespace, name);
  const quoted = `persistentvolumeclaim "${name}"`;
  if (claim === undefined) return rejected(code, `${quoted} not found`);
  const { metadata, spec, status } = claim;
  const volumeName = spec?.volumeName ?? '';
  if (status?.phase === 'Lost') {
    return rejected(code, `${quoted} bound to non-existent persistentvolume "${volumeName}"`);
  }
  if (metadata.deletionTimestamp !== undefined) return rejected(code, `${quoted} is being deleted`);
  if (spec?.accessModes?.includes('ReadWriteOncePod')) {
    return rejected('Unsupported', `${quoted} is for one pod only (ReadWriteOncePod)`);
  }
  if (volumeName === '' && spec?.storageClassName) {
    return rejected('Unsupported', `${quoted} is not bound yet`);
  }
  if (volumeName === '' || metadata.annotations?.[bindCompleted] === undefined) {
    return rejected(code, 'pod has unbound immediate PersistentVolumeClaims');
  }
  return (
    snapshot.volume(volumeName) ?? rejected(code, `persistentvolume "${volumeName}" not found`)
  );
}

function rejected(verdictCode: Verdict['code'], reason: string): Rejected {
  return { rejected: { code: verdictCode, reason, stage } };
}

/** A volume labelled with zones can be used in those only; a node without such labels knows no zones. */
function inZone({ metadata }: PersistentVolume, { labels }: NodeState): boolean {
  if (!zoneKeys.some(([key]) => key in labels)) return true;
  return zoneKeys.every(([key, key2]) => {
    const zones = metadata.labels?.[key];
    if (zones === undefined) return true;
    const zone = labels[key] ?? labels[key2];
    return zone !== undefined && zones.split('__').includes(zone);
  });
}
