/**
 * What a home and a host say to each other, as domain values; packages/wire carries them as
 * protobuf, packages/mesh as gRPC over libp2p streams.
 *
 * The caller of every method is known from the connection (its membership certificate), so no
 * message names the home: no agent can speak for another.
 *
 * All methods are idempotent. A call that ended in `DeadlineExceeded` or `Unavailable` may have
 * taken effect; repeating it is safe.
 */
import type {
  ClusterName,
  PeerId,
  Pod,
  PodSpec,
  PodUid,
  ReservationId,
  Verdict,
} from '@spillway/core';

/** Every request carries the epoch of the home's active agent; a host refuses an older one than it saw. */
interface Fenced {
  readonly homeEpoch: number;
}

export interface ReserveRequest extends Fenced {
  /** Chosen by the home, unique per attempt: a repeated request gets the first answer again. */
  readonly requestId: string;
  /** Namespace at home; with the home's name it decides the guest namespace. */
  readonly namespace: string;
  /** A pod of the shape, cut down to what decides placement: labels and `placingSpec`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** How many pods of this shape want room. 1 to `reserveCountMax`. */
  readonly count: number;
}

export interface ReserveAnswer {
  /** Absent when nothing was granted. */
  readonly reservation?: { readonly id: ReservationId; readonly ttlMs: number };
  /** 0 to `count`. */
  readonly granted: number;
  /** Why not more, when `granted` < `count`. */
  readonly verdicts: readonly Verdict[];
}

/** Asked before anything is bound, of the one host that has granted room: would its API server take them? */
export interface TryRequest extends Fenced {
  /** Of the room that was granted: without it nothing is tried. */
  readonly reservationId: ReservationId;
  /** 1 to `commitPodsMax`. One pod of each template, as it would be committed. */
  readonly pods: readonly Pod[];
}

export type TryResult =
  /** `dropped`: what the host would leave out or change, in words: `annotation sidecar.istio.io/inject`. */
  | { readonly outcome: 'ok'; readonly dropped: readonly string[] }
  /** `UnschedulableAndUnresolvable`: for as long as neither the pod nor the host's rules change. */
  | { readonly outcome: 'refused'; readonly verdict: Verdict };

export interface CommitRequest extends Fenced {
  /** Absent when a restarted home repeats a commit whose reservation it no longer knows. */
  readonly reservationId?: ReservationId;
  /** 1 to `commitPodsMax`. Pods as their home's API server has them, cut down to what travels. */
  readonly pods: readonly Pod[];
}

export type CommitResult =
  /** The shadow pod exists, now or already. */
  | { readonly uid: PodUid; readonly outcome: 'created' }
  /** The host can't take it now (reservation expired, room gone). Try again later, or give up. */
  | { readonly uid: PodUid; readonly outcome: 'refused'; readonly verdict: Verdict }
  /** The guest ended at the host (released, evicted, lost) and is never made again. */
  | { readonly uid: PodUid; readonly outcome: 'ended'; readonly reason: string };

/** Pods that were changed at home: their guests become as they are now. A guest that is not there stays away. */
export interface UpdateRequest extends Fenced {
  /** Grows with each call of one epoch: a call that arrives after a newer one changes nothing. 0 or more. */
  readonly sequence: number;
  /** 1 to `commitPodsMax`. As for a commit. */
  readonly pods: readonly Pod[];
}

export interface UpdateResult {
  readonly uid: PodUid;
  /** Absent: it is so. `UnschedulableAndUnresolvable`: it will not be so by repeating. */
  readonly refused?: Verdict;
}

export interface ReleaseRequest extends Fenced {
  readonly reservations: readonly ReservationId[];
  /** Guests to end. Ending an unknown one is success. At most `releaseGuestsMax`. */
  readonly guests: readonly {
    readonly uid: PodUid;
    readonly gracePeriodSeconds?: number;
  }[];
}

/** What the host streams to a home about the home's guests. */
export type GuestUpdate =
  | {
      readonly kind: 'status';
      readonly uid: PodUid;
      readonly namespace: string;
      readonly name: string;
      /** As the host's API server has it. */
      readonly status: NonNullable<Pod['status']>;
      /** The shadow is being deleted at the host, by the agent or by someone else. */
      readonly terminating: boolean;
    }
  /** The shadow no longer exists. `reason` and `message` say why, as a Kubernetes pod's would. */
  | {
      readonly kind: 'gone';
      readonly uid: PodUid;
      readonly reason: string;
      readonly message: string;
      /** The last status seen, if any: what a finished pod ended with is final. */
      readonly lastStatus?: NonNullable<Pod['status']>;
    }
  /** All guests that exist have been sent since the stream opened; the host's caches had synced. */
  | { readonly kind: 'synced' };

export interface WatchGuestsRequest extends Fenced {}

/** Bounds that both sides check. */
export const negotiationBounds = {
  reserveCountMax: 1024,
  /** Things dropped of one pod, each name's maximum length in characters. */
  droppedMax: 64,
  droppedLengthMax: 512,
  commitPodsMax: 64,
  releaseGuestsMax: 1024,
  podJsonBytesMax: 256 * 1024,
} as const;

/** The caller of a method, proven by the connection. */
export interface Member {
  readonly cluster: ClusterName;
  readonly peer: PeerId;
  /** What the federation's root signed: region, jurisdiction, zone, price, labels. */
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * How a home asks a neighbour. Every method throws `Fault`: `Unavailable`, `DeadlineExceeded`,
 * `ResourceExhausted`, `PermissionDenied` (older epoch, or no member), `Cancelled`, `InvalidInput`.
 */
export interface NegotiationClient {
  reserve(request: ReserveRequest, options: CallOptions): Promise<ReserveAnswer>;
  /** One result per pod, in the order of the request. Also throws `Unimplemented`: the host is older. */
  tryGuests(request: TryRequest, options: CallOptions): Promise<readonly TryResult[]>;
  /** One result per pod, in the order of the request. */
  commit(request: CommitRequest, options: CallOptions): Promise<readonly CommitResult[]>;
  /** One result per pod, in the order of the request. Also throws `Unimplemented`: the host is older. */
  updateGuests(request: UpdateRequest, options: CallOptions): Promise<readonly UpdateResult[]>;
  release(request: ReleaseRequest, options: CallOptions): Promise<void>;
  /** Runs until cancelled or broken. First every guest's status, then `synced`, then changes in order. */
  watchGuests(
    request: WatchGuestsRequest,
    options: { readonly signal?: CancelSignal },
  ): AsyncIterable<GuestUpdate>;
}

/** How a host answers. `signal` fires when the caller has gone or its deadline has passed. */
export interface NegotiationHandler {
  reserve(caller: Member, request: ReserveRequest): Promise<ReserveAnswer>;
  tryGuests(caller: Member, request: TryRequest): Promise<readonly TryResult[]>;
  commit(caller: Member, request: CommitRequest): Promise<readonly CommitResult[]>;
  updateGuests(caller: Member, request: UpdateRequest): Promise<readonly UpdateResult[]>;
  release(caller: Member, request: ReleaseRequest): Promise<void>;
  watchGuests(
    caller: Member,
    request: WatchGuestsRequest,
    signal: CancelSignal,
  ): AsyncIterable<GuestUpdate>;
}

export interface CallOptions {
  readonly deadlineMs: number;
  readonly signal?: CancelSignal;
}

/** What pure code may know of an AbortSignal, which satisfies it. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
