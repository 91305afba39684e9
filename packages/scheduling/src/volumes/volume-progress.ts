/** How far the volumes of a plan are, once it has been written; after checkBindings of volumebinding. */
import type { NodeName } from '@spillway/core';
import type { Snapshot } from '../snapshot.ts';
import { isReachable } from './matching-volume.ts';
import { isBound } from './pod-claims.ts';
import { selectedNodeAnnotation, type VolumePlan } from './volume-plan.ts';

/** `waiting` for a provisioner or for kube-controller-manager; `failed`: another node must be found. */
export type VolumeProgress =
  | { readonly state: 'bound' }
  | { readonly state: 'waiting'; readonly claims: readonly string[] }
  | { readonly state: 'failed'; readonly reason: string };

export function volumeProgress(snapshot: Snapshot, plan: VolumePlan): VolumeProgress {
  const node = snapshot.node(plan.node as NodeName);
  if (!node?.exists) return failed(`node ${plan.node} is gone`);
  const waiting: string[] = [];
  for (const { volume, claim } of plan.bindings) {
    const { namespace = '', name = '' } = claim.metadata;
    const [now, claimNow] = [
      snapshot.volume(volume.metadata.name ?? ''),
      snapshot.claim(namespace, name),
    ];
    if (now === undefined) return failed(`persistentvolume "${volume.metadata.name}" not found`);
    if (claimNow?.metadata.uid !== claim.metadata.uid)
      return failed(`persistentvolumeclaim "${name}" is gone`);
    if (!isReachable(now, node))
      return failed(`persistentvolume "${now.metadata.name}" can't be used from ${node.name}`);
    if (!now.spec?.claimRef?.uid)
      return failed(`persistentvolume "${now.metadata.name}" was released`);
    if (claimNow === undefined || !isBound(claimNow)) waiting.push(name);
  }
  for (const claim of plan.provisions) {
    const { namespace = '', name = '' } = claim.metadata;
    const now = snapshot.claim(namespace, name);
    if (now === undefined || now.metadata.uid !== claim.metadata.uid)
      return failed(`persistentvolumeclaim "${name}" is gone`);
    if (now.metadata.annotations?.[selectedNodeAnnotation] !== node.name)
      return failed(`provisioning failed for persistentvolumeclaim "${name}"`);
    const volume = snapshot.volume(now.spec?.volumeName ?? '');
    if (volume !== undefined && !isReachable(volume, node))
      return failed(`persistentvolume "${volume.metadata.name}" can't be used from ${node.name}`);
    if (volume === undefined || !isBound(now)) waiting.push(name);
  }
  return waiting.length === 0 ? { state: 'bound' } : { state: 'waiting', claims: waiting };
}

function failed(reason: string): VolumeProgress {
  return { state: 'failed', reason };
}
