/**
 * What the home machine is told and what it asks for. The agent performs the effects and reports
 * back with events; so does the simulator. Effects may be performed concurrently and may fail;
 * each has an event that tells how it ended, and the machine retries what may be retried.
 */
import type {
  ClusterName,
  NodeName,
  ObjectMeta,
  Pod,
  PodStatus,
  PodUid,
  ReservationId,
} from '@spillway/core';
import type {
  CommitRequest,
  CommitResult,
  GuestUpdate,
  ReserveAnswer,
  ReserveRequest,
  TryRequest,
  TryResult,
  UpdateRequest,
  UpdateResult,
} from '../negotiation.ts';
import type { RevokedClusters } from '../membership/revoked.ts';

/** A pod by place and identity: a name can be reused, a UID can't. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: PodUid;
}

/** `failed` may have taken effect: only what the watch shows is certain. */
export type WriteOutcome = 'ok' | 'gone' | 'failed';

export type HomeEvent =
  /** A pod of the home as the API server has it now; guests of others excluded. */
  | { readonly kind: 'pod'; readonly pod: Pod }
  | { readonly kind: 'podDeleted'; readonly pod: Pod }
  /** A namespace's offload label; `annotations` may name a policy. */
  | {
      readonly kind: 'namespace';
      readonly name: string;
      readonly offload: boolean;
      readonly annotations: Readonly<Record<string, string>>;
    }
  /** A node has turned out to be a virtual one: pods may have been bound to it before. */
  | { readonly kind: 'virtualNode'; readonly node: string }
  /** The policy for the pods of a namespace has changed. */
  | { readonly kind: 'policiesChanged'; readonly namespace: string }
  /** The home's caches are whole: from now on what is absent does not exist. */
  | { readonly kind: 'synced' }
  /** Room may have appeared at home, or at a neighbour (a new advert, a new peer). */
  | { readonly kind: 'capacityChanged'; readonly where: 'home' | 'neighbour' }
  /** Time has passed; see `Home.wakeAt`. */
  | { readonly kind: 'tick' }
  /** The answer to `try`; `results` in the order of its pods, undefined when there was no answer. */
  | {
      readonly kind: 'tried';
      readonly tryId: string;
      readonly host: ClusterName;
      readonly results: readonly TryResult[] | undefined;
      /** The host is older and has no such method. */
      readonly unable?: boolean;
      readonly problem?: string;
    }
  | { readonly kind: 'boundLocally'; readonly uid: PodUid; readonly outcome: BindOutcome }
  | { readonly kind: 'volumesWritten'; readonly uid: PodUid; readonly outcome: 'ok' | 'failed' }
  /** Every victim is ending; or one of the calls has failed. */
  | { readonly kind: 'preempted'; readonly uid: PodUid; readonly outcome: 'ok' | 'failed' }
  | {
      readonly kind: 'reserved';
      readonly requestId: string;
      readonly host: ClusterName;
      /** Undefined when the call failed; `problem` says how. */
      readonly answer: ReserveAnswer | undefined;
      readonly problem?: string;
    }
  | { readonly kind: 'boundAway'; readonly uid: PodUid; readonly outcome: BindOutcome }
  | {
      readonly kind: 'committed';
      readonly host: ClusterName;
      readonly uids: readonly PodUid[];
      /** Undefined when the call failed: the pods' fate is unknown, and commit is repeated. */
      readonly results: readonly CommitResult[] | undefined;
      readonly problem?: string;
    }
  | {
      readonly kind: 'released';
      readonly host: ClusterName;
      readonly guests: readonly PodUid[];
      readonly outcome: 'ok' | 'failed';
    }
  /** The guest stream of `host` is being opened; `closed` when it ended, however. */
  | { readonly kind: 'stream'; readonly host: ClusterName; readonly state: 'opening' | 'closed' }
  | { readonly kind: 'guest'; readonly host: ClusterName; readonly update: GuestUpdate }
  /** All that are revoked now: what is away at them is lost, and nothing is released there. */
  | { readonly kind: 'revoked'; readonly clusters: RevokedClusters }
  /** The answer to `update`; `results` is undefined when there was none. */
  | {
      readonly kind: 'updated';
      readonly host: ClusterName;
      /** As they were sent. */
      readonly pods: readonly Pod[];
      readonly results: readonly UpdateResult[] | undefined;
      /** The host is older and has no such method. */
      readonly unable?: boolean;
    }
  /** This cluster leaves the federation permanently. No pod leaves it any longer, and all offloaded pods end. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'evicted'; readonly uid: PodUid; readonly outcome: WriteOutcome }
  | { readonly kind: 'statusWritten'; readonly uid: PodUid; readonly outcome: WriteOutcome }
  | { readonly kind: 'finalized'; readonly uid: PodUid; readonly outcome: WriteOutcome }
  /** The answer to `checkOrphan`: the pod as a consistent read of the home's API server shows it. */
  | {
      readonly kind: 'orphanChecked';
      readonly host: ClusterName;
      readonly ref: PodRef;
      readonly pod: Pod | undefined;
    };

export type BindOutcome =
  | 'bound'
  /** It has a node already, perhaps by an earlier call of ours. The watch tells which. */
  | 'taken'
  /** It does not exist, or is being deleted. */
  | 'gone'
  /** The API server has refused the binding: this call has changed nothing. */
  | 'refused'
  /** It may have taken effect. */
  | 'failed';

/** What a home writes so that a volume is bound; refused when the object has changed since it was read. */
export type VolumeWrite =
  | {
      readonly kind: 'PersistentVolumeClaim';
      readonly metadata: ObjectMeta;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'PersistentVolume';
      readonly metadata: ObjectMeta;
      readonly annotations: Readonly<Record<string, string>>;
      /** The claim for which the volume is set aside. */
      readonly claimRef: Readonly<Record<string, string>>;
    };

export type HomeEffect =
  | { readonly kind: 'bindLocally'; readonly ref: PodRef; readonly node: NodeName }
  /** In this order, ending at the first that fails. */
  | {
      readonly kind: 'bindVolumes';
      readonly ref: PodRef;
      readonly writes: readonly VolumeWrite[];
    }
  /** Nominate the pod to `node`, then mark and delete each victim. */
  | {
      readonly kind: 'preempt';
      readonly ref: PodRef;
      readonly node: NodeName;
      readonly victims: readonly PodRef[];
    }
  /** It waits nowhere for others to end. */
  | { readonly kind: 'unnominate'; readonly ref: PodRef }
  | { readonly kind: 'reserve'; readonly host: ClusterName; readonly request: ReserveRequest }
  /** Before anything is bound: would the host's API server take these? */
  | {
      readonly kind: 'try';
      readonly tryId: string;
      readonly host: ClusterName;
      readonly request: TryRequest;
    }
  | {
      readonly kind: 'bindAway';
      readonly ref: PodRef;
      readonly host: ClusterName;
      /** Written on the pod by the binding itself. */
      readonly annotations: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'commit'; readonly host: ClusterName; readonly request: CommitRequest }
  /** Pods that were changed at home since the host was sent them. */
  | { readonly kind: 'update'; readonly host: ClusterName; readonly request: UpdateRequest }
  | {
      readonly kind: 'release';
      readonly host: ClusterName;
      readonly reservations: readonly ReservationId[];
      readonly guests: readonly { readonly uid: PodUid; readonly gracePeriodSeconds?: number }[];
    }
  | { readonly kind: 'writeStatus'; readonly ref: PodRef; readonly status: PodStatus }
  /** Delete the pod with its own grace, so that its controller replaces it. */
  | { readonly kind: 'evict'; readonly ref: PodRef }
  /** Write `status`, if any, then delete the pod without grace: its guest is gone. */
  | { readonly kind: 'finalize'; readonly ref: PodRef; readonly status?: PodStatus }
  | { readonly kind: 'checkOrphan'; readonly host: ClusterName; readonly ref: PodRef }
  /** A pod that something else bound to `host`'s virtual node is about to fail. Nothing of it has left. */
  | {
      readonly kind: 'giveBack';
      readonly ref: PodRef;
      readonly host: ClusterName;
      /** Its controller, as `ReplicaSet web`; undefined for a bare pod. */
      readonly owner: string | undefined;
    }
  /** Why a pod still waits, for its owner to read. `condition`: no other scheduler writes it. */
  | {
      readonly kind: 'explain';
      readonly ref: PodRef;
      readonly message: string;
      readonly condition: boolean;
    }
  /** A step that a user would ask about. */
  | {
      readonly kind: 'tell';
      readonly ref: PodRef;
      readonly reason:
        | 'Offloading'
        | 'Offloaded'
        | 'NoEndpoint'
        | 'GuestRefused'
        | 'GuestLost'
        | 'GuestEnded'
        | typeof notPlacedBySpillway;
      readonly message: string;
      readonly warning: boolean;
    };

/** The reason of a failed pod that something else had bound to a virtual node. */
export const notPlacedBySpillway = 'NotPlacedBySpillway';

export function refOf(pod: Pod): PodRef {
  const { namespace = 'default', name = '', uid = '' } = pod.metadata;
  return { namespace, name, uid: uid as PodUid };
}
