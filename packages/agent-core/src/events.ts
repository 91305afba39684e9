/** What an agent is told, and what it asks of its driver. */
import type { ClusterEvent, ClusterName, Fault } from '@spillway/core';
import type {
  CommitRequest,
  CommitResult,
  GuestUpdate,
  HomeEffect,
  HostEffect,
  LivenessChange,
  Member,
  ReleaseRequest,
  ReserveAnswer,
  ReserveRequest,
  RevokedClusters,
  TryRequest,
  TryResult,
  UpdateRequest,
  UpdateResult,
} from '@spillway/federation';
import type { Publication } from './advertiser.ts';
import type { Ended, Work } from './work.ts';

/** A neighbour's call; `answer` with the same `call` answers it, once. */
export type Call =
  | { readonly kind: 'reserve'; readonly request: ReserveRequest }
  | { readonly kind: 'tryGuests'; readonly request: TryRequest }
  | { readonly kind: 'commit'; readonly request: CommitRequest }
  | { readonly kind: 'updateGuests'; readonly request: UpdateRequest }
  | { readonly kind: 'release'; readonly request: ReleaseRequest };

/** What each call is answered with when it is not refused. */
export interface Answers {
  readonly reserve: ReserveAnswer;
  readonly tryGuests: readonly TryResult[];
  readonly commit: readonly CommitResult[];
  readonly updateGuests: readonly UpdateResult[];
  readonly release: undefined;
}

export type Answer =
  | { readonly value: Answers[keyof Answers] }
  /** The host refuses the call itself, as from an agent that has been replaced. */
  | { readonly fault: Fault };

export type AgentEvent =
  /** What the watch of the own API server shows. */
  | { readonly kind: 'cluster'; readonly event: ClusterEvent }
  /** The caches are synced: from now on what is absent does not exist. */
  | { readonly kind: 'synced' }
  | { readonly kind: 'policiesChanged'; readonly namespace: string }
  /** What is known of neighbours has changed, where the agent looks them up. */
  | { readonly kind: 'neighboursChanged' }
  /** A neighbour has connected. */
  | { readonly kind: 'connected'; readonly cluster: ClusterName }
  | { readonly kind: 'rtt'; readonly cluster: ClusterName; readonly rttMs: number }
  /** A neighbour is reached by another way than before: what was measured holds no longer. */
  | { readonly kind: 'moved'; readonly cluster: ClusterName }
  /** This agent is reached by other addresses than before. */
  | { readonly kind: 'addressesChanged' }
  /** What was asked by `publish` is on its way; `clusters`: how many hear it, ours included. */
  | { readonly kind: 'published'; readonly payloadBytes: number; readonly clusters: number }
  /** How the work of `perform` ended. */
  | { readonly kind: 'ended'; readonly id: number; readonly ended: Ended }
  | { readonly kind: 'call'; readonly call: number; readonly caller: Member; readonly of: Call }
  | { readonly kind: 'guest'; readonly watch: number; readonly update: GuestUpdate }
  /** A guest stream that this agent had opened has ended, however. */
  | { readonly kind: 'guestsClosed'; readonly watch: number }
  | {
      readonly kind: 'revoked';
      /** All that are revoked now. */
      readonly clusters: RevokedClusters;
      readonly why: (cluster: ClusterName) => string;
      /** Clusters whose virtual node was there at the start. */
      readonly nodes: ReadonlySet<ClusterName>;
    }
  /** This cluster leaves the federation permanently. */
  | { readonly kind: 'leaving' }
  /** Time has passed; see `Agent.wakeAt`. */
  | { readonly kind: 'tick' };

/** For people to know of; nothing follows from it. */
export type Notice =
  | Extract<HomeEffect, { kind: 'giveBack' | 'explain' | 'tell' }>
  | Extract<HostEffect, { kind: 'push' }>
  | ({ readonly kind: 'livenessChanged' } & LivenessChange)
  /** It is revoked, and no longer in the directory. */
  | { readonly kind: 'forgotten'; readonly cluster: ClusterName }
  /** Somebody else has deleted its virtual node. */
  | { readonly kind: 'nodeDeleted'; readonly cluster: ClusterName };

export type AgentEffect =
  | { readonly kind: 'perform'; readonly id: number; readonly work: Work }
  | ({ readonly kind: 'publish' } & Publication)
  | { readonly kind: 'answer'; readonly call: number; readonly answer: Answer }
  /** Opens a guest stream: each update is told as `guest`, its end as `guestsClosed`. */
  | { readonly kind: 'openGuests'; readonly watch: number; readonly host: ClusterName }
  | { readonly kind: 'closeGuests'; readonly watch: number }
  | { readonly kind: 'notice'; readonly notice: Notice };
