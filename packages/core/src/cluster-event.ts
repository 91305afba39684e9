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

export type ClusterEvent =
  | { readonly kind: 'Pod'; readonly type: 'set' | 'deleted'; readonly object: Pod }
  | { readonly kind: 'Node'; readonly type: 'set' | 'deleted'; readonly object: Node }
  | { readonly kind: 'Namespace'; readonly type: 'set' | 'deleted'; readonly object: Namespace }
  | {
      readonly kind: 'PersistentVolumeClaim';
      readonly type: 'set' | 'deleted';
      readonly object: PersistentVolumeClaim;
    }
  | {
      readonly kind: 'PersistentVolume';
      readonly type: 'set' | 'deleted';
      readonly object: PersistentVolume;
    };
