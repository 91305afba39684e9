/**
 * Volumes and claims as a plan will have them once it is written, so that no other pod is given the
 * same volume meanwhile. The watch ends an assumption: any version of the object but the one that the
 * plan was made from is newer.
 */
import type {
  EventOf,
  LookedUpKind,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
} from '@spillway/core';
import { objectKey, type Snapshot } from '../snapshot.ts';
import { isFor } from './matching-volume.ts';
import { selectedNodeAnnotation, type VolumePlan } from './volume-plan.ts';

type Assumable =
  | { readonly kind: 'PersistentVolume'; readonly object: PersistentVolume }
  | { readonly kind: 'PersistentVolumeClaim'; readonly object: PersistentVolumeClaim };

/** On a volume: the scheduler has set it aside, so a release may undo that. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller';

export class AssumedVolumes {
  /** The objects as they were before. */
  readonly #before = new Map<string, Assumable>();

  assume(snapshot: Snapshot, { bindings, provisions, node }: VolumePlan): Snapshot {
    let next = snapshot;
    for (const { volume, claim } of bindings) {
      this.#before.set(keyOf('PersistentVolume', volume), {
        kind: 'PersistentVolume',
        object: volume,
      });
      next = next.withLookedUp('PersistentVolume', setAside(volume, claim));
    }
    for (const claim of provisions) {
      this.#before.set(keyOf('PersistentVolumeClaim', claim), {
        kind: 'PersistentVolumeClaim',
        object: claim,
      });
      next = next.withLookedUp('PersistentVolumeClaim', withSelectedNode(claim, node));
    }
    return next;
  }

  /** Only what no newer version has taken the place of. */
  forget(snapshot: Snapshot, { bindings, provisions }: VolumePlan): Snapshot {
    let next = snapshot;
    const keys = [
      ...bindings.map(({ volume }) => keyOf('PersistentVolume', volume)),
      ...provisions.map((claim) => keyOf('PersistentVolumeClaim', claim)),
    ];
    for (const key of keys) {
      const before = this.#before.get(key);
      if (before === undefined) continue;
      this.#before.delete(key);
      next = next.withLookedUp(before.kind, before.object);
    }
    return next;
  }

  /** Whether the assumption stands, since the event tells what was known already. */
  outlives({ kind, type, object }: EventOf<LookedUpKind>): boolean {
    const key = keyOf(kind, object);
    const before = this.#before.get(key)?.object.metadata;
    if (before === undefined) return false;
    if (type === 'set' && before.resourceVersion === object.metadata.resourceVersion) return true;
    this.#before.delete(key);
    return false;
  }
}

/** Whether the plan has anything to write for this binding: not when it was written before. */
export function isSetAside(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return volume.spec?.claimRef?.uid !== undefined && isFor(volume, claim);
}

function setAside(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { namespace, name, uid } = claim.metadata;
  const claimRef = {
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(uid && { uid }),
  };
  return { ...volume, spec: { ...volume.spec, claimRef } };
}

function withSelectedNode(claim: PersistentVolumeClaim, node: string): PersistentVolumeClaim {
  const annotations = { ...claim.metadata.annotations, [selectedNodeAnnotation]: node };
  return { ...claim, metadata: { ...claim.metadata, annotations } };
}

function keyOf(kind: LookedUpKind, object: { readonly metadata: ObjectMeta }): string {
  return `${kind} ${objectKey(object)}`;
}
