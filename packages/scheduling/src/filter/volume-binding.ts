/**
 * Volumes: those already bound by their node affinity and their zone, those still to be bound by what
 * the node can get. After volumebinding/volume_binding.go and volumezone/volume_zone.go.
 */
import type { PersistentVolume, Verdict } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { type FilterStage, passes } from '../stage.ts';
import { volumePlanner } from '../volumes/volume-plan.ts';

const zoneConflict: readonly Verdict[] = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: 'node(s) had no available volume zone',
    stage: 'VolumeZone',
  },
];

/** Deprecated label and the one that took its place; volumes may carry either. */
const zoneKeys: readonly (readonly [string, string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
];

export const volumeBinding: FilterStage = {
  name: 'VolumeBinding',
  prepare(shape, snapshot) {
    const planner = volumePlanner(shape, snapshot);
    if (planner === undefined || 'rejected' in planner) return planner;
    const { bound } = planner.claims;
    return {
      check(node) {
        const plan = planner.planFor(node);
        if (!('node' in plan)) return plan;
        return bound.every((volume) => inZone(volume, node)) ? passes : zoneConflict;
      },
    };
  },
};

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
