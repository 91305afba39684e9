/**
 * One round of asking: a count of pods of one shape, offered to the best few neighbours at once.
 * Answers are used in rank order, whatever order they come in, so that a quick far neighbour does
 * not win over a near one; patience with the better ranked is bounded.
 */
import {
  after,
  type ClusterName,
  type MonotonicMs,
  type ReservationId,
  type Verdict,
} from '@spillway/core';
import type { ReserveAnswer } from '../negotiation.ts';
import type { Why } from './explanation.ts';
import type { Part } from './whom-to-ask.ts';

/** What a neighbour grants and how much of it is used. */
export interface Share {
  readonly host: ClusterName;
  readonly reservation: ReservationId;
  readonly granted: number;
  readonly used: number;
}

type Answer = { readonly granted: number; readonly reservation?: ReservationId };

export class Ask {
  readonly requestId: string;
  readonly group: string;
  readonly wanted: number;
  readonly patienceEnds: MonotonicMs;
  /** Why home, and the neighbours that are not asked, have no room. */
  readonly why: Why;
  readonly #parts: readonly Part[];
  readonly #answers = new Map<ClusterName, Answer>();
  #decided = false;

  constructor(options: {
    readonly requestId: string;
    readonly group: string;
    readonly wanted: number;
    /** Best first. */
    readonly parts: readonly Part[];
    readonly now: MonotonicMs;
    readonly patienceMs: number;
    readonly why: Why;
  }) {
    this.why = options.why;
    this.requestId = options.requestId;
    this.group = options.group;
    this.wanted = options.wanted;
    this.#parts = options.parts;
    this.patienceEnds = after(options.now, options.patienceMs);
  }

  /** Every neighbour has answered: nothing more will come. */
  get complete(): boolean {
    return this.#answers.size === this.#parts.length;
  }

  asks(host: ClusterName): boolean {
    return this.#parts.some((part) => part.host === host);
  }

  get hosts(): readonly ClusterName[] {
    return this.#parts.map(({ host }) => host);
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
  decide(now: MonotonicMs): readonly Share[] | undefined {
    if (this.#decided) return undefined;
    const shares: Share[] = [];
    let missing = this.wanted;
    for (const { host } of this.#parts) {
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

/** A refusal in words, for explanations. */
export function refusalText(verdicts: readonly Verdict[]): string {
  return verdicts.map((verdict) => verdict.reason).join(', ') || 'no room';
}
