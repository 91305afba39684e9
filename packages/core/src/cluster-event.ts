/**
 * What an API server tells about the objects that decide placement, in the order it happened.
 * `set` stands for ADDED and MODIFIED alike: the receiver compares with what it has.
 */
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from './kubernetes-objects.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PodDisruptionBudget,
  StorageClass,
} from './storage-objects.ts';

/** Kinds that stages of the pipeline look up as they are. */
export interface LookedUpObjects {
  readonly PersistentVolumeClaim: PersistentVolumeClaim;
  readonly PersistentVolume: PersistentVolume;
  readonly StorageClass: StorageClass;
  readonly CSIDriver: CSIDriver;
  readonly CSINode: CSINode;
  readonly CSIStorageCapacity: CSIStorageCapacity;
  readonly PodDisruptionBudget: PodDisruptionBudget;
}
export type LookedUpKind = keyof LookedUpObjects;

interface WatchedObjects extends LookedUpObjects {
  readonly Pod: Pod;
  readonly Node: Node;
  readonly Namespace: Namespace;
}

export type EventOf<Kind extends keyof WatchedObjects> = Kind extends unknown
  ? {
      readonly kind: Kind;
      readonly type: 'set' | 'deleted';
      readonly object: WatchedObjects[Kind];
    }
  : never;

export type ClusterEvent = EventOf<keyof WatchedObjects>;
