/** One pod away from home: what is known of it, and what is under way. */
import {
  assert,
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodStatus,
  podStatusText,
} from '@spillway/core';
import type { Changeable } from '../../changeable.ts';
import type { Backoff } from '../backoff.ts';
import type { PodRef } from '../events.ts';
import type { Grant } from '../pending/grant.ts';

/**
 * `foreign`: bound by somebody else, and never committed. It is adopted if its host shows its guest, which
 * an agent with another key must have committed; else it is given back. `committing`: bound by us; the guest is not known to exist. `away`: the guest exists. `ending`: the pod
 * is being deleted, or is gone, and its guest must go. `withdrawing`: its host has refused a fenced pod
 * for too long; it fails once the host has confirmed that no guest of it is, or will be. `finished`: its last status is written.
 */
export type OffloadedPhase =
  | 'foreign'
  | 'committing'
  | 'away'
  | 'withdrawing'
  | 'ending'
  | 'finished';

export interface OffloadedPod {
  readonly ref: PodRef;
  readonly host: ClusterName;
  readonly backoff: Backoff;
  /** Its status is what we last wrote or mean to write, which the watch may not show yet. */
  pod: Pod;
  /** Somebody else has bound it, and its host does not show a guest of it. Stays true once it is given back. */
  foreign: boolean;
  /** A foreign one is not given back before; undefined until its host has shown all its guests. */
  giveBackAt: MonotonicMs | undefined;
  phase: OffloadedPhase;
  /** What the host last showed. */
  guest: PodStatus | undefined;
  /** What the host was sent last and has taken; undefined when that is not known. */
  sent: Changeable | undefined;
  grant: Grant | undefined;
  /** A commit, release or finalizing delete is under way. */
  calling: boolean;
  /** No call before then. */
  retryAt: MonotonicMs | undefined;
  /** Created, but not yet shown by a stream: the commit is repeated to learn whether it still exists. */
  probing: boolean;
  /** The pod has ended here, but its guest was seen to live: it must go. */
  stray: boolean;
  /** The host has accepted the release. */
  released: boolean;
  /** The host has said that the guest does not exist, and will not. */
  guestGone: boolean;
  /** The home's pod no longer exists. */
  homeGone: boolean;
  /** Its deletion was asked for, since its home leaves the federation. */
  evicting: boolean;
  /** Deleted without grace; somebody's finalizer may still hold it. */
  finalized: boolean;
  refusedSince: MonotonicMs | undefined;
  /** The host is known to have made the guest. */
  wasThere: boolean;
  /** Why the host does not take it, or has ended it, in its own words. */
  problem: string | undefined;
  /** What a withdrawing one fails with. */
  withdrawn: { readonly reason: string; readonly message: string } | undefined;
  writing: PodStatus | undefined;
  /** The terminal status that was written. */
  final: PodStatus | undefined;
  /** Newer than `writing`. */
  unwritten: PodStatus | undefined;
}

/** What its host, or at last the API server, is to be asked next; nothing while a call is under way. */
export function callOf(entry: OffloadedPod): 'commit' | 'release' | 'letGo' | undefined {
  const { phase, probing, stray, guestGone } = entry;
  if (phase === 'committing' || probing) return 'commit';
  const unwanted = phase === 'ending' || phase === 'withdrawing' || stray;
  if (unwanted && !guestGone) return 'release';
  return phase === 'ending' ? 'letGo' : undefined;
}

/** For people. */
export interface OffloadedState {
  readonly host: ClusterName;
  readonly phase: Exclude<OffloadedPhase, 'foreign'>;
  /** The pod's phase as last mirrored, or the reason of one that has failed. */
  readonly status: string;
  readonly wasThere: boolean;
  /** Services of this cluster may list it: the pod networks are joined. */
  readonly joined: boolean;
  readonly problem?: string;
}

/** What a terminal pod says of itself survives the agent that wrote it. */
export function offloadedState({
  host,
  phase,
  pod,
  wasThere,
  problem,
}: OffloadedPod): Omit<OffloadedState, 'joined'> {
  assert(phase !== 'foreign', 'a foreign pod is not at its host');
  const said = problem ?? (pod.status?.phase === 'Failed' ? pod.status.message : undefined);
  return {
    host,
    phase,
    status: podStatusText(pod),
    wasThere,
    ...(said !== undefined && { problem: said }),
  };
}
