/**
 * The parts of Kubernetes' storage.k8s.io/v1 and policy/v1 objects that decide placement, as they
 * stand in the API's JSON. Source: k8s.io/api (v0.36).
 */
import type { LabelSelector, ObjectMeta } from './kubernetes-objects.ts';

export interface StorageClass {
  readonly metadata: ObjectMeta;
  readonly provisioner?: string;
  /** Immediate, WaitForFirstConsumer. */
  readonly volumeBindingMode?: string;
  /** Terms are alternatives; absent or empty: everywhere. */
  readonly allowedTopologies?: readonly TopologySelectorTerm[];
}

export interface TopologySelectorTerm {
  readonly matchLabelExpressions?: readonly {
    readonly key: string;
    readonly values: readonly string[];
  }[];
}

export interface CSIDriver {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    /** The driver publishes CSIStorageCapacity objects, and the scheduler goes by them. */
    readonly storageCapacity?: boolean;
    readonly preventPodSchedulingIfMissing?: boolean;
  };
}

/** Its name is the node's. */
export interface CSINode {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly drivers?: readonly {
      readonly name: string;
      readonly allocatable?: { readonly count?: number };
    }[];
  };
}

export interface CSIStorageCapacity {
  readonly metadata: ObjectMeta;
  readonly storageClassName?: string;
  /** Nodes that can reach the storage; absent: none. */
  readonly nodeTopology?: LabelSelector;
  readonly capacity?: string | number;
  readonly maximumVolumeSize?: string | number;
}

export interface PodDisruptionBudget {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly selector?: LabelSelector };
  readonly status?: {
    readonly disruptionsAllowed?: number;
    /** Pods by name whose eviction is under way. */
    readonly disruptedPods?: Readonly<Record<string, string>>;
  };
}
