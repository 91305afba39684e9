/**
 * One reservation round: room for a count of pods of one shape is asked from the best few neighbours at
 * once. Answers are used in rank order, and not in the order in which they arrive. So a quick, far
 * neighbour does not win over a near one. The wait for better ranked neighbours is bounded.
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
import type { PendingPod } from './pending-pod.ts';
import type { Why } from './reasons.ts';

/** A neighbour that is asked for room for `count` pods. */
export interface ReserveTarget {
  readonly host: ClusterName;
  readonly count: number;
  readonly rttMs: number;
}

/** What a neighbour grants, and how much of it is used. */
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
  /** Why the home, and the neighbours that are not asked, have no room. */
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

  /** Every neighbour has answered. */
  get complete(): boolean {
    return this.#answers.size === this.targets.length;
  }

  asks(host: ClusterName): boolean {
    return this.targets.some((target) => target.host === host);
  }

  get decided(): boolean {
    return this.#decided;
  }

  /** Takes an answer. After the decision, it returns the reservation: it came too late and must be released. */
  answered(host: ClusterName, answer: ReserveAnswer | undefined): ReservationId | undefined {
    const granted = answer?.reservation === undefined ? 0 : answer.granted;
    this.#answers.set(host, {
      granted,
      ...(answer?.reservation && { reservation: answer.reservation.id }),
    });
    return this.#decided ? answer?.reservation?.id : undefined;
  }

  /** The shares, best neighbour first, unused shares included; undefined while a better neighbour may still answer. */
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
