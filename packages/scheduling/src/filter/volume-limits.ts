/**
 * How many volumes of a CSI driver a node can attach, after nodevolumelimits/csi.go. Counted are the
 * volumes of the pods on the node; one that a pod has left and that is still being detached is not.
 */
import type { PodShape, Verdict } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { type FilterStage, passes } from '../stage.ts';
import { storageClassOf } from '../volumes/pod-claims.ts';

const stage = 'NodeVolumeLimits';
const tooMany: readonly Verdict[] = [
  { code: 'Unschedulable', reason: 'node(s) exceed max volume count', stage },
];

export const volumeLimits: FilterStage = {
  name: stage,
  prepare(shape, snapshot) {
    if (shape.claims.length === 0) return undefined;
    const wanted = volumesOf(namesOf(shape), shape.namespace, snapshot);
    if (wanted.size === 0) return undefined;
    return {
      check(node) {
        const drivers = snapshot.lookUp('CSINode', node.name)?.spec?.drivers ?? [];
        const missing = [...wanted.values()].find(
          (name) => mustBeThere(name, snapshot) && !drivers.some((driver) => driver.name === name),
        );
        if (missing !== undefined) return notInstalled(missing);
        const limits = drivers.filter(({ allocatable }) => allocatable?.count !== undefined);
        if (limits.length === 0) return passes;
        const attached = attachedTo(node, snapshot);
        for (const { name, allocatable } of limits) {
          const fresh = [...wanted].filter(([id, driver]) => driver === name && !attached.has(id));
          const used = [...attached.values()].filter((driver) => driver === name).length;
          if (fresh.length > 0 && used + fresh.length > (allocatable?.count ?? 0)) return tooMany;
        }
        return passes;
      },
    };
  },
};

function attachedTo(node: NodeState, snapshot: Snapshot): ReadonlyMap<string, string> {
  const attached = new Map<string, string>();
  for (const { claims, namespace } of node.pods.values()) {
    for (const [id, driver] of volumesOf(claims, namespace, snapshot)) attached.set(id, driver);
  }
  return attached;
}

/** The driver of each CSI volume, bound or still to be made. */
function volumesOf(
  claims: readonly string[],
  namespace: string,
  snapshot: Snapshot,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of claims) {
    const claim = snapshot.claim(namespace, name);
    if (claim === undefined) continue;
    const volume = snapshot.volume(claim.spec?.volumeName ?? '');
    if (volume !== undefined) {
      const csi = volume.spec?.csi;
      if (csi !== undefined) found.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
      continue;
    }
    const provisioner = snapshot.lookUp('StorageClass', storageClassOf(claim))?.provisioner;
    if (provisioner) found.set(`claim ${namespace}/${name}`, provisioner);
  }
  return found;
}

function namesOf({ claims }: PodShape): readonly string[] {
  return claims.map(({ name }) => name);
}

/** A driver may say that it must run on the node first (VolumeLimitScaling, 1.37). */
function mustBeThere(driver: string, snapshot: Snapshot): boolean {
  return snapshot.lookUp('CSIDriver', driver)?.spec?.preventPodSchedulingIfMissing === true;
}

function notInstalled(driver: string): readonly Verdict[] {
  const reason = `${driver} CSI driver is not installed on the node`;
  return [{ code: 'Unschedulable', reason, stage }];
}
