/** What the host machine is told and what it asks for. */
import type { ClusterName, Fault, Pod, PodUid } from '@spillway/core';
import type {
  CommitRequest,
  CommitResult,
  GuestUpdate,
  Member,
  ReleaseRequest,
  ReserveAnswer,
  ReserveRequest,
  TryRequest,
  TryResult,
  UpdateRequest,
  UpdateResult,
} from '../negotiation.ts';
import type { RevokedClusters } from '../membership/revoked.ts';
import type { ShadowPlace } from './binding.ts';
import type { GuestPatch } from './guest-changes.ts';

/** One guest: whose, and which pod of theirs. */
export interface GuestId {
  readonly home: ClusterName;
  readonly uid: PodUid;
}

/** Each `call` has its own number. All kinds share the numbers. */
export type HostEvent =
  /** A call for room; `reserveReply` or `refuseCall` with the same `call` answers it, once. */
  | {
      readonly kind: 'reserve';
      readonly call: number;
      readonly caller: Member;
      readonly request: ReserveRequest;
    }
  /** A commit call; `reply` or `refuseCall` with the same `call` answers it, once. */
  | {
      readonly kind: 'commit';
      readonly call: number;
      readonly caller: Member;
      readonly request: CommitRequest;
    }
  /** A call to try pods; `tryReply` with the same `call` answers it, once. */
  | {
      readonly kind: 'tryGuests';
      readonly call: number;
      readonly caller: Member;
      readonly request: TryRequest;
    }
  /** How `tryShadow` ended. */
  | { readonly kind: 'tried'; readonly id: number; readonly outcome: TryOutcome }
  /** A call to change guests; `updateReply` with the same `call` answers it, once. */
  | {
      readonly kind: 'updateGuests';
      readonly call: number;
      readonly caller: Member;
      readonly request: UpdateRequest;
    }
  /** How `patchShadow` ended. */
  | { readonly kind: 'patched'; readonly guest: GuestId; readonly outcome: PatchOutcome }
  | { readonly kind: 'release'; readonly caller: Member; readonly request: ReleaseRequest }
  | { readonly kind: 'created'; readonly guest: GuestId; readonly outcome: CreateOutcome }
  /** How `deleteShadow` ended. */
  | {
      readonly kind: 'deleted';
      readonly guest: GuestId;
      readonly shadowUid: PodUid;
      readonly outcome: 'ok' | 'failed';
    }
  /** A shadow pod as the API server has it now. */
  | { readonly kind: 'shadow'; readonly pod: Pod }
  | { readonly kind: 'shadowDeleted'; readonly pod: Pod }
  /** Another pod of this cluster as the API server has it now, or had it last. */
  | { readonly kind: 'ownPod'; readonly pod: Pod; readonly deleted: boolean }
  /** All that are revoked now: their guests are ended, and what is held for them is let go. */
  | { readonly kind: 'revoked'; readonly clusters: RevokedClusters }
  /** This cluster leaves the federation permanently. It accepts no more guests, and ends those that it has. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'tick' };

export type CreateOutcome =
  | { readonly kind: 'created' }
  /** It existed already, for the same home's pod. */
  | { readonly kind: 'exists' }
  /** Another pod has its name, such as an older one that is still terminating. */
  | { readonly kind: 'nameTaken' }
  /** The API server refuses it (admission, validation). A retry would be refused too. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** It may or may not have been created. */
  | { readonly kind: 'failed'; readonly reason: string };

export type TryOutcome =
  | { readonly kind: 'accepted' }
  /** What it needs and does not find in the guest namespace: `ConfigMap settings`. */
  | { readonly kind: 'lacks'; readonly missing: readonly string[] }
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export type PatchOutcome =
  | { readonly kind: 'patched' }
  /** The shadow no longer exists. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export type HostEffect =
  | { readonly kind: 'reserveReply'; readonly call: number; readonly answer: ReserveAnswer }
  /** The host learned only after `step` that it has to refuse the call: it fails with `fault`. */
  | { readonly kind: 'refuseCall'; readonly call: number; readonly fault: Fault }
  | {
      readonly kind: 'updateReply';
      readonly call: number;
      readonly results: readonly UpdateResult[];
    }
  | {
      readonly kind: 'patchShadow';
      readonly guest: GuestId;
      readonly namespace: string;
      readonly name: string;
      /** The shadow's own UID, as precondition. */
      readonly shadowUid: PodUid;
      readonly patch: GuestPatch;
    }
  | {
      readonly kind: 'tryReply';
      readonly call: number;
      readonly results: readonly TryResult[];
    }
  /** As `createShadow`, but so that nothing is made. */
  | {
      readonly kind: 'tryShadow';
      readonly id: number;
      readonly home: ClusterName;
      /** As this host honours it. */
      readonly pod: Pod;
      readonly place: ShadowPlace;
    }
  | { readonly kind: 'reply'; readonly call: number; readonly results: readonly CommitResult[] }
  | {
      readonly kind: 'createShadow';
      readonly guest: GuestId;
      /** The home's pod as this host honours it (guest-pod.ts). */
      readonly pod: Pod;
      readonly place: ShadowPlace;
    }
  | {
      readonly kind: 'deleteShadow';
      readonly guest: GuestId;
      readonly namespace: string;
      readonly name: string;
      /** The shadow's own UID, as precondition. */
      readonly shadowUid: PodUid;
      readonly gracePeriodSeconds?: number;
    }
  /** To the home's guest stream, if one is open; what is lost without one, its next snapshot tells. */
  | { readonly kind: 'push'; readonly home: ClusterName; readonly update: GuestUpdate };
