/**
 * The rounds in which neighbours are asked for room: one at a time for each group. The answers of a round
 * are used together; what they grant beyond need goes back to the hosts at once.
 */
import {
  after,
  assert,
  type ClusterName,
  type MonotonicMs,
  type Random,
  type Verdict,
  type VerdictCount,
} from '@spillway/core';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect, HomeEvent } from '../events.ts';
import type { Neighbourhood } from '../ports.ts';
import { isBarred } from '../../placement/neighbour-placement.ts';
import type { AtHome } from './at-home.ts';
import type { Binder } from './binder.ts';
import { keptHome, type PendingGroup } from './pending-group.ts';
import type { PendingGroups } from './pending-groups.ts';
import type { PendingPod } from './pending-pod.ts';
import type { Why } from './reasons.ts';
import {
  type GrantedShare,
  refusalText,
  ReservationRound,
  reserveRequest,
} from './reservation-round.ts';
import type { ReturnedReservations } from './returned-reservations.ts';
import { shortlist } from './shortlist.ts';

export interface ReservationRoundsOptions {
  readonly neighbourhood: Neighbourhood;
  readonly config: HomeConfig;
  readonly random: Random;
  readonly homeEpoch: number;
  readonly emit: (effect: HomeEffect) => void;
  /** How many unfinished pods of ours each neighbour has. */
  readonly placed: () => ReadonlyMap<ClusterName, number>;
  readonly groups: PendingGroups;
  readonly binder: Binder;
  readonly atHome: AtHome;
  readonly returned: ReturnedReservations;
  readonly explain: (group: PendingGroup, why: Why, now: MonotonicMs) => void;
}

export class ReservationRounds {
  readonly #options: ReservationRoundsOptions;
  readonly #rounds = new Map<string, ReservationRound>();
  #nextRequest = 0;

  constructor(options: ReservationRoundsOptions) {
    this.#options = options;
  }

  /** `home`: why the pods have no room there. False when no neighbour is asked, so that only home is left. */
  open(
    group: PendingGroup,
    missing: readonly PendingPod[],
    home: readonly (Verdict | VerdictCount)[],
    now: MonotonicMs,
  ): boolean {
    const { config, neighbourhood, explain, placed, homeEpoch, random } = this.#options;
    const kept = keptHome(group);
    if (kept !== undefined) {
      explain(group, { home, neighbours: new Map(), ...kept }, now);
      return false;
    }
    const pods = missing.slice(0, config.askCountMax);
    const neighbours = neighbourhood.neighbours();
    const asking = { wanted: pods.length, neighbours, placed, config, now };
    const { targets, anyLikely, doubted, reasons } = shortlist(group, asking);
    if (doubted) group.nextDoubt = group.doubtBackoff.next(now, random);
    const why = { home, neighbours: reasons };
    if (!anyLikely) explain(group, why, now);
    if (targets.length === 0) return false;
    const requestId = `${homeEpoch}-${this.#nextRequest++}`;
    const patienceMs = config.askPatienceMs;
    const round = { requestId, group: group.key, pods, targets, now, patienceMs, why };
    this.#ask(group, new ReservationRound(round));
    return true;
  }

  reserved(event: Extract<HomeEvent, { kind: 'reserved' }>, now: MonotonicMs): void {
    const { host, answer } = event;
    const round = this.#rounds.get(event.requestId);
    if (round === undefined) {
      if (answer?.reservation) this.#options.returned.giveBack(host, answer.reservation.id);
      return;
    }
    const group = this.#options.groups.get(round.group);
    const { granted = 0, verdicts = [] } = answer ?? {};
    const refused = answer === undefined || verdicts.length > 0;
    if (granted > 0) group?.refusals.delete(host);
    if (group !== undefined && refused && !this.#heldItself(round, host, now)) {
      const reason = event.problem ?? refusalText(verdicts);
      this.#refused(group, host, granted > 0 ? `only ${granted} more fit` : reason, now);
    }
    const late = round.answered(host, answer);
    if (late !== undefined) this.#options.returned.giveBackWhole(host, late, now);
    this.#decide(round, now);
    if (round.complete) this.#rounds.delete(round.requestId);
  }

  /** Decides the rounds that have waited long enough for better neighbours. */
  tick(now: MonotonicMs): void {
    for (const round of this.#rounds.values()) {
      if (!round.decided && round.patienceEnds <= now) this.#decide(round, now);
    }
  }

  #ask(group: PendingGroup, round: ReservationRound): void {
    const { homeEpoch, emit } = this.#options;
    const { requestId, targets, pods } = round;
    this.#rounds.set(requestId, round);
    group.round = round;
    for (const { life } of pods) life.on('asked');
    for (const { host, count } of targets) {
      const request = reserveRequest({ homeEpoch, requestId, pod: group.sample, count });
      emit({ kind: 'reserve', host, request });
    }
  }

  #decide(round: ReservationRound, now: MonotonicMs): void {
    const { groups, atHome, config, random } = this.#options;
    const shares = round.decide(now);
    if (shares === undefined) return;
    const group = groups.get(round.group);
    assert(group?.round === round, () => `round ${round.requestId} is not the one of its group`);
    group.round = undefined;
    const pods = [...group.pods.values()].filter(({ ref }) => !atHome.isNominated(ref.uid));
    const taken = this.#use(shares, pods, group, now);
    for (const pod of round.pods) {
      const isWaiting = group.pods.get(pod.ref.uid) === pod && pod.life.state === 'asked';
      if (isWaiting) pod.life.on('roundEnded');
    }
    if (taken > 0) {
      group.backoff.reset();
      group.doubtBackoff.reset();
      group.nextDoubt = now;
      // Pods that got nothing are tried again at once, since there may be more neighbours.
      group.nextTry = after(now, config.batchMs);
    } else {
      this.#explainRefused(group, round, now);
      atHome.preempt(group, pods, now);
      group.nextTry = group.backoff.next(now, random);
    }
    groups.endIfEmpty(group);
  }

  /** Returns how many of `pods` got a slot. */
  #use(
    shares: readonly GrantedShare[],
    pods: readonly PendingPod[],
    group: PendingGroup,
    now: MonotonicMs,
  ): number {
    const { neighbourhood, binder, returned } = this.#options;
    let taken = 0;
    for (const share of shares) {
      // What was asked for before the neighbour was cordoned, or fell silent, is not used.
      const mine = isBarred(neighbourhood.neighbour(share.host), group)
        ? []
        : pods.slice(taken, taken + share.used);
      taken += mine.length;
      if (mine.length === 0) returned.giveBackWhole(share.host, share.reservation, now);
      else binder.grant(share, mine, group, now);
    }
    return taken;
  }

  /** Whether this home itself held the room that `host` lacks, as a spare of another round. */
  #heldItself(round: ReservationRound, host: ClusterName, now: MonotonicMs): boolean {
    if (this.#options.returned.lately(host, now)) return true;
    return [...this.#rounds.values()].some((other) => other !== round && other.asks(host));
  }

  #refused(group: PendingGroup, host: ClusterName, reason: string, now: MonotonicMs): void {
    const { neighbourhood, config } = this.#options;
    const neighbour = neighbourhood.neighbour(host);
    if (neighbour === undefined) return;
    const until = after(now, config.refusalTtlMs);
    group.refusals.set(host, { reason, until, version: neighbour.advert.version });
  }

  /**
   * At once, and not at the next try. By then the refusals may be forgotten, or there are new adverts. Then
   * the neighbours would be asked again, and the pod's owner would learn nothing.
   */
  #explainRefused(group: PendingGroup, round: ReservationRound, now: MonotonicMs): void {
    const neighbours = new Map(round.why.neighbours);
    for (const { host } of round.targets) {
      const refusal = group.refusals.get(host);
      // No answer, or one that does not count: nothing to tell yet.
      if (refusal === undefined) return;
      neighbours.set(host, refusal.reason);
    }
    this.#options.explain(group, { ...round.why, neighbours }, now);
  }
}
