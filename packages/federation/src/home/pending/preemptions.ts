/**
 * Preemption at home: pods of ours that found no room, and end pods of lower priority. The
 * `status.nominatedNodeName` of such a pod says where it waits for its victims to end. So an agent that
 * starts again does not forget it, and does not end more pods than it must.
 */
import {
  after,
  type MonotonicMs,
  type NodeName,
  type Pod,
  type PodShape,
  type PodUid,
} from '@spillway/core';
import { placePods, preempt, type Preemptor, waitsForVictims } from '@spillway/scheduling';
import type { Eligibility } from '../eligibility.ts';
import type { HomeEffect } from '../events.ts';
import type { LocalLedger, PolicyForPod } from '../ports.ts';
import type { PendingGroup } from './pending-group.ts';
import type { PendingPod } from './pending-pod.ts';

export interface PreemptionsOptions {
  readonly ledger: LocalLedger;
  readonly emit: (effect: HomeEffect) => void;
}

interface Record {
  readonly victims: readonly PodUid[];
  /** Undefined while the calls are under way. */
  seenUntil: MonotonicMs | undefined;
}

/** After the calls, how long the watch may take to show the victims ending, ms. */
const seenMsMax = 5_000;

export class Preemptions {
  readonly #options: PreemptionsOptions;
  readonly #records = new Map<PodUid, Record>();

  constructor(options: PreemptionsOptions) {
    this.#options = options;
  }

  /** Where the pod waits for others to end; undefined when it does not. */
  nominated(uid: PodUid): NodeName | undefined {
    const pod = this.#options.ledger.snapshot.pod(uid);
    return pod?.standing?.nominated ? pod.node : undefined;
  }

  /** A node for a pod that was nominated: that one if it fits there now, or else any. */
  place({ ref }: PendingPod, { shape, priority }: PendingGroup): NodeName | undefined {
    const snapshot = this.#options.ledger.snapshot.withoutPod(ref.uid);
    const node = this.nominated(ref.uid);
    let without = snapshot;
    for (const pod of (node && snapshot.node(node)?.pods.values()) || []) {
      // Nominations of lower priority do not count.
      if (pod.standing?.nominated && pod.standing.priority < priority)
        without = without.withoutPod(pod.uid);
    }
    const nodes = node === undefined ? [] : [node];
    return (
      placePods(without, shape, 1, { nodes }).nodes[0] ?? placePods(snapshot, shape, 1).nodes[0]
    );
  }

  /** Whether pods are ending for it, or about to. If not, it waits there no longer. */
  keepsWaiting(waiting: PendingPod, group: PendingGroup, now: MonotonicMs): boolean {
    const { ref, pod } = waiting;
    const { ledger } = this.#options;
    const node = this.nominated(ref.uid);
    if (node === undefined) return false;
    const snapshot = ledger.snapshot.withoutPod(ref.uid);
    if (
      this.#isUnderWay(ref.uid, now) ||
      waitsForVictims(snapshot, preemptorOf(waiting.pod, group.shape), node)
    )
      return true;
    ledger.nominate(pod, undefined);
    return false;
  }

  /** Tries to make room for a pod that fits nowhere. A `node` is one where it fits at once. */
  preempt(
    waiting: PendingPod,
    group: PendingGroup,
  ): { readonly node: NodeName } | 'waits' | 'hopeless' {
    const { ledger, emit } = this.#options;
    const { ref, pod } = waiting;
    const found = preempt(ledger.snapshot, preemptorOf(waiting.pod, group.shape));
    if (found === undefined) {
      if (pod.status?.nominatedNodeName) emit({ kind: 'unnominate', ref });
      return 'hopeless';
    }
    const { node, victims } = found;
    if (victims.length === 0) return { node };
    const uids = victims.map(({ uid }) => uid);
    this.#records.set(ref.uid, { victims: uids, seenUntil: undefined });
    ledger.nominate(pod, node);
    emit({
      kind: 'preempt',
      ref,
      node,
      // A pod that is already being deleted needs no second call.
      victims: victims
        .filter(({ terminating }) => !terminating)
        .map(({ uid, namespace, standing: { name } }) => ({ uid, namespace, name })),
    });
    return 'waits';
  }

  /** The calls of a `preempt` effect have ended. */
  ended(uid: PodUid, outcome: 'ok' | 'failed', now: MonotonicMs): void {
    const record = this.#records.get(uid);
    if (record === undefined) return;
    if (outcome === 'ok') record.seenUntil = after(now, seenMsMax);
    else this.#records.delete(uid);
  }

  drop(uid: PodUid): void {
    this.#records.delete(uid);
  }

  /** Whether the snapshot does not show yet what was done for the pod. */
  #isUnderWay(uid: PodUid, now: MonotonicMs): boolean {
    const record = this.#records.get(uid);
    if (record === undefined) return false;
    if (record.seenUntil === undefined) return true;
    const { snapshot } = this.#options.ledger;
    const unseen = record.victims.some((victim) => snapshot.pod(victim)?.terminating === false);
    if (unseen && now < record.seenUntil) return true;
    this.#records.delete(uid);
    return false;
  }
}

/** Whether pods of lower priority may end at home for such pods. kube-scheduler decides that for pods of its own. */
export function mayPreempt(
  eligibility: Eligibility | undefined,
  { problem }: PolicyForPod,
): boolean {
  return eligibility === 'named' && problem === undefined;
}

export function preemptorOf({ spec }: Pod, shape: PodShape): Preemptor {
  return { shape, priority: spec.priority ?? 0, never: spec.preemptionPolicy === 'Never' };
}
