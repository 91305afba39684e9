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
import type { Neighbour } from '../directory.ts';
import type { ReserveAnswer } from '../negotiation.ts';
import type { RankedNeighbour } from '../neighbour-placement.ts';
import type { Why } from './explanation.ts';

export interface Part {
  readonly host: ClusterName;
  readonly count: number;
  readonly rttMs: number;
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

/**
 * Whom to ask for how many: down the ranking until the estimates cover the count, and one more as a
 * spare, since an advert is always a little old. Of one whose advert is older than `doubtMs` all is asked
 * that nearer ones are not thought to take: it may have more room by now. `evenly`: as many as may be
 * asked, for a like share each. `estimate` ≥ 1.
 */
export function partsOf(
  ranked: readonly RankedNeighbour[],
  wanted: number,
  options: {
    readonly askFanOutMax: number;
    readonly evenly: boolean;
    readonly now: MonotonicMs;
    readonly doubtMs: number;
  },
): readonly Part[] {
  const { askFanOutMax: fanOutMax, evenly, now, doubtMs } = options;
  if (evenly) {
    const asked = ranked.slice(0, Math.min(fanOutMax, wanted));
    const share = Math.ceil(wanted / Math.max(1, asked.length));
    return asked.map(({ cluster, estimate, rttMs }) => ({
      host: cluster,
      count: Math.min(share, estimate),
      rttMs,
    }));
  }
  const parts: Part[] = [];
  let missing = wanted;
  for (const { cluster, estimate, rttMs, advertAt } of ranked) {
    if (parts.length === fanOutMax) break;
    const old = after(advertAt, doubtMs) <= now;
    const count = Math.min(wanted, old ? Math.max(estimate, missing) : estimate);
    parts.push({ host: cluster, count, rttMs });
    if (missing <= 0) break;
    missing -= estimate;
  }
  return parts;
}

/**
 * `parts` with some of the neighbours that said they were full `doubtMs` ago or longer, who may have room
 * again by now: adverts are rare in large federations, and asking the few that would be the best costs
 * less than everybody's telling everybody more often. Where distance decides, those nearer than the last
 * that is asked; otherwise only where nobody else is asked.
 */
export function withDoubted(
  parts: readonly Part[],
  options: {
    /** Nearest first. */
    readonly full: readonly Neighbour[];
    readonly wanted: number;
    readonly byDistance: boolean;
    readonly now: MonotonicMs;
    readonly doubtMs: number;
    readonly doubtedMax: number;
  },
): readonly Part[] {
  const { full, wanted, byDistance, now, doubtMs, doubtedMax } = options;
  if (!byDistance && parts.length > 0) return parts;
  const nearerThanMs = parts.at(-1)?.rttMs ?? Number.POSITIVE_INFINITY;
  const doubted = full
    .filter(({ advertAt, rttMs }) => rttMs < nearerThanMs && after(advertAt, doubtMs) <= now)
    .slice(0, doubtedMax)
    .map(({ cluster, rttMs }) => ({ host: cluster, count: wanted, rttMs }));
  return [...parts, ...doubted].sort((a, b) => a.rttMs - b.rttMs);
}

/** A refusal in words, for explanations. */
export function refusalText(verdicts: readonly Verdict[]): string {
  return verdicts.map((verdict) => verdict.reason).join(', ') || 'no room';
}
