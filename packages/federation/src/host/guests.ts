/** The guests of a host, and the commit calls that wait for them. */
import {
  after,
  assert,
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodUid,
} from '@spillway/core';
import type { CommitResult } from '../negotiation.ts';
import { keyOf } from './answers.ts';
import type { ShadowPlace } from './binding.ts';
import type { GuestId, HostEffect } from './events.ts';

/**
 * `creating`: the call is under way. `created`: it succeeded, and the watch has yet to show the
 * shadow. `doubtful`: it failed, but may have taken effect, or still may. `unbound`: the shadow is there, and
 * the host's scheduler has yet to bind it. `seen`: the shadow is there and on a node.
 */
type GuestState = 'creating' | 'created' | 'doubtful' | 'unbound' | 'seen';

/** The home's pod, and where its shadow is to run. */
export interface PendingGuest {
  readonly pod: Pod;
  readonly place: ShadowPlace;
}

export interface LateCreation extends PendingGuest {
  readonly until: MonotonicMs;
}

export interface Guest {
  readonly id: GuestId;
  state: GuestState;
  /** Counts as assumed on its node, until the shadow is seen there. */
  pending: PendingGuest | undefined;
  shadow: Pod | undefined;
  /** Its home was told that it exists: so the home must be told when it is gone. */
  shown?: true;
  /** Its last shadow, where it is gone and another may still come to be. */
  last?: Pod;
  /** When one that the watch has not shown is taken not to exist. */
  doubtEnds: MonotonicMs | undefined;
  /** A creation that was never answered, until it can no longer take effect. */
  late: LateCreation | undefined;
  /** It must go: its home says so or is revoked, or the host withdraws it or leaves the federation. */
  ending:
    | {
        readonly gracePeriodSeconds?: number;
        readonly withdrawn?: true;
        readonly revoked?: true;
        readonly deleted?: true;
        readonly hostLeaves?: true;
        /** The host's scheduler has not bound it. */
        readonly unbound?: true;
      }
    | undefined;
  readonly waitingCalls: Set<number>;
}

/** Longer than any API server works on one request (its `--request-timeout`, 60 s by default). */
export const doubtMs = 90_000;

interface Call {
  readonly uids: readonly PodUid[];
  readonly results: Map<PodUid, CommitResult>;
}

const none: readonly Guest[] = [];

export class Guests {
  readonly #guests = new Map<string, Guest>();
  readonly #doubtful = new Set<Guest>();
  readonly #calls = new Map<number, Call>();
  readonly #emit: (effect: HostEffect) => void;

  constructor(emit: (effect: HostEffect) => void) {
    this.#emit = emit;
  }

  get(id: GuestId): Guest | undefined {
    return this.#guests.get(keyOf(id));
  }

  all(): Iterable<Guest> {
    return this.#guests.values();
  }

  add(id: GuestId, given: Pick<Guest, 'state' | 'pending' | 'shadow'>): Guest {
    const guest: Guest = {
      id,
      ...given,
      doubtEnds: undefined,
      late: undefined,
      ending: undefined,
      waitingCalls: new Set(),
    };
    assert(!this.#guests.has(keyOf(id)), `guest ${keyOf(id)} is there once`);
    this.#guests.set(keyOf(id), guest);
    return guest;
  }

  remove(guest: Guest): void {
    this.#guests.delete(keyOf(guest.id));
    this.#doubtful.delete(guest);
  }

  /** Its creation was not answered: it may come through for some time yet, even after another one has. */
  unanswered(guest: Guest, now: MonotonicMs): void {
    if (guest.pending === undefined) return;
    guest.late = { ...guest.pending, until: after(now, doubtMs) };
    this.doubt(guest, guest.late.until);
  }

  isUnanswered(now: MonotonicMs): boolean {
    return [...this.#guests.values()].some(({ late }) => late !== undefined && now < late.until);
  }

  /**
   * Its creation was answered. If the watch does not show it by the end of the doubt, it was deleted while
   * the watch was interrupted. An unbound shadow is gone as soon as it is deleted.
   */
  created(guest: Guest, now: MonotonicMs): void {
    this.doubt(guest, after(now, doubtMs), 'created');
  }

  doubt(guest: Guest, until: MonotonicMs, state: 'doubtful' | 'created' = 'doubtful'): void {
    guest.state = state;
    guest.doubtEnds = until;
    this.#doubtful.add(guest);
  }

  /** It is being created again, or has been seen. */
  settleDoubt(guest: Guest, state: 'creating' | 'created' | 'unbound' | 'seen'): void {
    guest.state = state;
    guest.doubtEnds = undefined;
    this.#doubtful.delete(guest);
  }

  /** Those that the watch has not shown in time. */
  overdue(now: MonotonicMs): readonly Guest[] {
    if (this.#doubtful.size === 0) return none;
    return [...this.#doubtful].filter(
      ({ doubtEnds }) => doubtEnds !== undefined && doubtEnds <= now,
    );
  }

  nextDoubtEnds(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const { doubtEnds } of this.#doubtful) {
      if (doubtEnds !== undefined && (first === undefined || doubtEnds < first)) first = doubtEnds;
    }
    return first;
  }

  /** A guest that takes room, or is about to. */
  live(): number {
    let live = 0;
    for (const guest of this.#guests.values()) if (isLive(guest)) live += 1;
    return live;
  }

  /** Where they are, or are about to be. */
  namespaces(of: (home: ClusterName, namespace: string) => string): ReadonlySet<string> {
    const namespaces = new Set<string>();
    for (const { id, shadow, pending } of this.#guests.values()) {
      const home = pending?.pod.metadata.namespace ?? 'default';
      namespaces.add(shadow?.metadata.namespace ?? of(id.home, home));
    }
    return namespaces;
  }

  /** A call that is answered when each of `uids` has a result. */
  open(call: number, uids: readonly PodUid[]): void {
    assert(!this.#calls.has(call), 'each call has a number of its own');
    this.#calls.set(call, { uids, results: new Map() });
  }

  answer(call: number, result: CommitResult): void {
    this.#calls.get(call)?.results.set(result.uid, result);
  }

  /** Answers every call that waits for `guest`. */
  resolve(guest: Guest, result: CommitResult): void {
    for (const call of guest.waitingCalls) {
      this.answer(call, result);
      this.replyIfWhole(call);
    }
    guest.waitingCalls.clear();
  }

  replyIfWhole(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const results: CommitResult[] = [];
    for (const uid of call.uids) {
      const result = call.results.get(uid);
      if (result === undefined) return;
      results.push(result);
    }
    this.#calls.delete(id);
    this.#emit({ kind: 'reply', call: id, results });
  }
}

export function isLive({ shadow }: Guest): boolean {
  return shadow?.status?.phase !== 'Succeeded' && shadow?.status?.phase !== 'Failed';
}

/** What its home is told, where the shadow itself says nothing. */
export function whyEnded(ending: Guest['ending']) {
  if (ending === undefined) return 'deleted';
  if (ending.withdrawn || ending.unbound) return 'withdrawn';
  if (ending.deleted) return 'deleted';
  if (ending.hostLeaves) return 'hostLeaves';
  return ending.revoked ? 'revoked' : 'released';
}
