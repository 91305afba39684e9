/**
 * One round of asking: a count of pods of one shape, offered to the best few neighbours at once.
 * Answers are used in rank order, whatever order they come in, so that a quick far neighbour does
 * not win over a near one; patience with the better ranked is bounded.
 */
import {
  after,
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type ReservationId,
  type Verdict,
} from '@spillway/core';
import type { ReserveAnswer, ReserveRequest } from '../../negotiation.ts';
import { placingSpec } from '../../placement/placing-spec.ts';
import type { Why } from './explanation.ts';
import type { PendingPod } from './pending-group.ts';
import type { ReserveTarget } from './shortlist.ts';

/** What a neighbour grants and how much of it is used. */
export interface GrantedShare {
  readonly host: ClusterName;
  readonly reservation: ReservationId;
  readonly granted: number;
  readonly used: number;
}

type Answer = { readonly granted: number; readonly reservation?: ReservationId };

export class ReservationRound {
  readonly requestId: string;
  readonly group: string;
  /** Best first. */
  readonly targets: readonly ReserveTarget[];
  /** For which room is asked. Another pod of their group may use it. */
  readonly pods: readonly PendingPod[];
  readonly patienceEnds: MonotonicMs;
  /** Why home, and the neighbours that are not asked, have no room. */
  readonly why: Why;

  readonly #answers = new Map<ClusterName, Answer>();
  #decided = false;

  constructor(options: {
    readonly requestId: string;
    readonly group: string;
    readonly pods: readonly PendingPod[];
    /** Best first. */
    readonly targets: readonly ReserveTarget[];
    readonly now: MonotonicMs;
    readonly patienceMs: number;
    readonly why: Why;
  }) {
    this.why = options.why;
    this.requestId = options.requestId;
    this.group = options.group;
    this.pods = options.pods;
    this.targets = options.targets;
    this.patienceEnds = after(options.now, options.patienceMs);
  }

  /** Every neighbour has answered: nothing more will come. */
  get complete(): boolean {
    return this.#answers.size === this.targets.length;
  }

  asks(host: ClusterName): boolean {
    return this.targets.some((target) => target.host === host);
  }

  get decided(): boolean {
    return this.#decided;
  }

  /** Takes an answer; after the decision it returns the reservation that came too late, to be released. */
  answered(host: ClusterName, answer: ReserveAnswer | undefined): ReservationId | undefined {
    const granted = answer?.reservation === undefined ? 0 : answer.granted;
    this.#answers.set(host, {
      granted,
      ...(answer?.reservation && { reservation: answer.reservation.id }),
    });
    return this.#decided ? answer?.reservation?.id : undefined;
  }

  /** The shares, best neighbour first, unused ones included; undefined while a better one may still answer. */
  decide(now: MonotonicMs): readonly GrantedShare[] | undefined {
    if (this.#decided) return undefined;
    const shares: GrantedShare[] = [];
    let missing = this.pods.length;
    for (const { host } of this.targets) {
      const answer = this.#answers.get(host);
      if (answer === undefined) {
        if (missing > 0 && now < this.patienceEnds) return undefined;
        continue;
      }
      if (answer.reservation === undefined || answer.granted === 0) continue;
      const used = Math.min(missing, answer.granted);
      missing -= used;
      shares.push({ host, reservation: answer.reservation, granted: answer.granted, used });
    }
    this.#decided = true;
    return shares;
  }
}

/** Asks for room for `count` pods like `pod`. */
export function reserveRequest(options: {
  readonly homeEpoch: number;
  readonly requestId: string;
  readonly pod: Pod;
  readonly count: number;
}): ReserveRequest {
  const { pod, ...rest } = options;
  const { namespace = 'default', labels = {} } = pod.metadata;
  return { ...rest, namespace, labels, spec: placingSpec(pod) };
}

/** A refusal in words, for explanations. */
export function refusalText(verdicts: readonly Verdict[]): string {
  return verdicts.map((verdict) => verdict.reason).join(', ') || 'no room';
}
