/** What the home machine looks at, but does not own. */
import type { NodeName, Pod, PodUid } from '@spillway/core';
import type { Snapshot } from '@spillway/scheduling';
import type { Neighbour } from '../directory.ts';
import type { PlacementPolicy } from '../policy.ts';

/** The home's own cluster: what is seen, and what is promised and not yet seen. */
export interface LocalRoom {
  readonly snapshot: Snapshot;
  assume(pod: Pod, node: NodeName): void;
  forget(uid: PodUid): void;
}

export interface Neighbourhood {
  neighbours(): readonly Neighbour[];
}

/** The policy for a pod: its own annotation, its namespace's, the federation's, the nearer one winning. */
export interface Policies {
  /** `text` is canonical: equal policies have equal texts. A policy that can't be read is a problem for the owner to mend. */
  policyFor(
    pod: Pod,
    namespaceAnnotations: Readonly<Record<string, string>>,
  ): {
    readonly policy: PlacementPolicy;
    readonly text: string;
    readonly problem?: string;
    /** Where it comes from, for people to read. */
    readonly source: string;
  };
}
