/** What the home machine looks at, but does not own. */
import type { ClusterName, NodeName, Pod, PodUid } from '@spillway/core';
import type { Snapshot, VolumePlan } from '@spillway/scheduling';
import type { Neighbour } from '../membership/directory.ts';
import type { PlacementPolicy } from '../policy/policy.ts';

/** The home's own cluster: what is seen, and what is promised and not yet seen. */
export interface LocalLedger {
  readonly snapshot: Snapshot;
  assume(pod: Pod, node: NodeName): void;
  forget(uid: PodUid): void;
  /** The pod waits on `node` for preempted pods to end; undefined: it no longer waits. */
  nominate(pod: Pod, node: NodeName | undefined): void;
  assumeVolumes(plan: VolumePlan): void;
  forgetVolumes(plan: VolumePlan): void;
}

export interface Neighbourhood {
  neighbours(): readonly Neighbour[];
  /** One of them, at less cost than looking through all. */
  neighbour(cluster: ClusterName): Neighbour | undefined;
}

/**
 * Proves that it was this home's agent that bound a pod to a host. A pod's author can write any
 * annotation, but does not know the pod's UID before the pod exists, nor the agent's key ever.
 */
export interface Seals {
  /** The seal of the binding of pod `uid` to `host`. The same for every agent of this home. */
  seal(uid: PodUid, host: ClusterName): string;
  /** Whether `pod` carries the seal of its own binding to `host`. */
  holds(pod: Pod, host: ClusterName): boolean;
}

/** The policy for a pod: the one that is said nearest to it. */
export interface Policies {
  policyFor(pod: Pod, namespaceAnnotations: Readonly<Record<string, string>>): PolicyForPod;
}

export interface PolicyForPod {
  readonly policy: PlacementPolicy;
  /** Canonical: equal policies have equal texts. */
  readonly text: string;
  /** Where it comes from, for people to read: `OffloadPolicy shop/eu-only`. */
  readonly source: string;
  /** It cannot be read. Its pods wait until its author fixes it. */
  readonly problem?: string;
}
