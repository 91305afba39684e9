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

export interface Part {
  readonly host: ClusterName;
  readonly count: number;
}

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
  }) {
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

/**
 * Whom to ask for how many: down the ranking until the estimates cover the count, and one more as a
 * spare, since an advert is always a little old. `evenly`: as many as may be asked, for a like share
 * each. `estimate` ≥ 1.
 */
export function partsOf(
  ranked: readonly { readonly cluster: ClusterName; readonly estimate: number }[],
  wanted: number,
  { fanOutMax, evenly }: { readonly fanOutMax: number; readonly evenly: boolean },
): readonly Part[] {
  if (evenly) {
    const asked = ranked.slice(0, Math.min(fanOutMax, wanted));
    const share = Math.ceil(wanted / Math.max(1, asked.length));
    return asked.map(({ cluster, estimate }) => ({
      host: cluster,
      count: Math.min(share, estimate),
    }));
  }
  const parts: Part[] = [];
  let missing = wanted;
  for (const { cluster, estimate } of ranked) {
    if (parts.length === fanOutMax) break;
    parts.push({ host: cluster, count: Math.min(wanted, estimate) });
    if (missing <= 0) break;
    missing -= estimate;
  }
  return parts;
}

/** A refusal in words, for explanations. */
export function refusalText(verdicts: readonly Verdict[]): string {
  return verdicts.map((verdict) => verdict.reason).join(', ') || 'no room';
}
