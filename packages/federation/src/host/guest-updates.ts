/** Calls by which homes change their guests: each shadow is made as its pod is now, one change at a time. */
import type { ClusterName, PodUid } from '@spillway/core';
import type { UpdateResult } from '../negotiation.ts';
import { beingChanged, beingEnded, createVerdict, keyOf, notSeenYet } from './answers.ts';
import type { GuestId, HostEffect, PatchOutcome } from './events.ts';
import { guestChanges } from './guest-changes.ts';
import type { GuestPod } from './guest-pod.ts';
import type { Guest } from './guests.ts';

/** When a home made a call, in the order of its calls. */
interface Turn {
  readonly homeEpoch: number;
  readonly sequence: number;
}

interface Call {
  readonly uids: readonly PodUid[];
  readonly results: Map<PodUid, UpdateResult>;
}

export class GuestUpdates {
  readonly #emit: (effect: HostEffect) => void;
  readonly #calls = new Map<number, Call>();
  /** The newest call of each home. Bounded by the federation's members. */
  readonly #newest = new Map<ClusterName, Turn>();
  /** The call that each patch under way belongs to. Bounded by the guests. */
  readonly #patching = new Map<string, number>();

  constructor(emit: (effect: HostEffect) => void) {
    this.#emit = emit;
  }

  /** Whether a newer call of that home has arrived before. */
  isOvertaken(home: ClusterName, { homeEpoch, sequence }: Turn): boolean {
    const newest = this.#newest.get(home);
    if (newest?.homeEpoch === homeEpoch && sequence < newest.sequence) return true;
    this.#newest.set(home, { homeEpoch, sequence });
    return false;
  }

  open(
    call: number,
    pods: readonly {
      readonly id: GuestId;
      readonly guest: Guest | undefined;
      readonly honoured: GuestPod;
    }[],
  ): void {
    this.#calls.set(call, { uids: pods.map(({ id }) => id.uid), results: new Map() });
    for (const { id, guest, honoured } of pods) {
      const result = this.#change(call, id, guest, honoured);
      if (result !== undefined) this.#answer(call, result);
    }
  }

  patched(id: GuestId, outcome: PatchOutcome): void {
    const key = keyOf(id);
    const call = this.#patching.get(key);
    if (call === undefined) return;
    this.#patching.delete(key);
    const { uid } = id;
    // Of one that is gone the guest stream tells.
    const done = outcome.kind === 'patched' || outcome.kind === 'gone';
    this.#answer(call, done ? { uid } : { uid, refused: createVerdict(outcome) });
  }

  /** The result, if it is known at once. */
  #change(
    call: number,
    id: GuestId,
    guest: Guest | undefined,
    { pod, verdicts }: GuestPod,
  ): UpdateResult | undefined {
    const { uid } = id;
    if (guest === undefined) return { uid };
    if (guest.ending !== undefined) return { uid, refused: beingEnded };
    const { shadow } = guest;
    if (shadow === undefined) return { uid, refused: notSeenYet };
    if (this.#patching.has(keyOf(id))) return { uid, refused: beingChanged };
    if (verdicts[0] !== undefined) return { uid, refused: verdicts[0] };
    const patch = guestChanges(shadow, pod);
    if (patch === undefined) return { uid };
    this.#patching.set(keyOf(id), call);
    const { namespace = '', name = '', uid: shadowUid = '' } = shadow.metadata;
    this.#emit({
      kind: 'patchShadow',
      guest: id,
      namespace,
      name,
      shadowUid: shadowUid as PodUid,
      patch,
    });
    return undefined;
  }

  #answer(id: number, result: UpdateResult): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.results.set(result.uid, result);
    const results = call.uids.flatMap((uid) => call.results.get(uid) ?? []);
    if (results.length < call.uids.length) return;
    this.#calls.delete(id);
    this.#emit({ kind: 'updateReply', call: id, results });
  }
}
