/**
 * The home's waiting room: pods of ours that have no node yet. Decides them group by group: on the
 * home's own nodes first, then by asking neighbours; binds them; explains those that must wait.
 *
 * Cost of a round: groups × (local placement + neighbours × bins), independent of the number of
 * pods in a group but for the bindings themselves.
 */
import {
  after,
  assert,
  type ClusterName,
  earliest,
  type MonotonicMs,
  type Pod,
  type PodUid,
  type Random,
  type VerdictCount,
} from '@spillway/core';
import { boundPod } from '../../fence.ts';
import { placePods } from '@spillway/scheduling';
import { ReservationRound, refusalText, reserveRequest } from './reservation-round.ts';
import { AtHome, type HomeWriteEnded } from './at-home.ts';
import { type Binding, Bindings, writtenBy } from './bindings.ts';
import type { Eligibility } from '../eligibility.ts';
import type { HomeConfig } from '../config.ts';
import type { BindOutcome, HomeEffect, HomeEvent } from '../events.ts';
import { refOf } from '../events.ts';
import { explain, explained } from './explanation.ts';
import { type PendingGroup, keptHome, type Outlook, type PendingPod } from './pending-group.ts';
import { PendingGroups } from './pending-groups.ts';
import type { LocalRoom, Neighbourhood, Policies, PolicyForPod, Seals } from '../ports.ts';
import { Grant } from './grant.ts';
import type { Candidate } from './slow-start.ts';
import { ReturnedRoom } from './returned-room.ts';
import type { TriedTemplates } from './tried-templates.ts';
import { Trying } from './trying.ts';
import { shortlist } from './shortlist.ts';

export interface PendingPodsOptions {
  readonly room: LocalRoom;
  readonly neighbourhood: Neighbourhood;
  readonly policies: Policies;
  readonly seals: Seals;
  readonly config: HomeConfig;
  readonly random: Random;
  readonly homeEpoch: number;
  readonly tried: TriedTemplates;
  readonly emit: (effect: HomeEffect) => void;
  /** How many unfinished pods of ours each neighbour has. */
  readonly placed: () => ReadonlyMap<ClusterName, number>;
  /** A pod is bound to `grant.host`: from now on it is away. */
  readonly onBoundAway: (pod: Pod, grant: Grant) => void;
}

export class PendingPods {
  readonly #options: PendingPodsOptions;
  readonly #groups: PendingGroups;
  readonly #bindings: Bindings;
  readonly #trying: Trying;
  readonly #atHome: AtHome;
  readonly #rounds = new Map<string, ReservationRound>();
  readonly #returned: ReturnedRoom;
  #nextRequest = 0;

  constructor(options: PendingPodsOptions) {
    this.#options = options;
    const { config, random } = options;
    this.#returned = new ReturnedRoom(config, options.emit);
    this.#groups = new PendingGroups(config, options.tried);
    this.#bindings = new Bindings(config, random);
    this.#atHome = new AtHome({
      ...options,
      beginBinding: (binding) => this.#beginBinding(binding),
      giveUp: (binding, now) => {
        this.#bindings.end(binding.waiting.ref.uid);
        this.#putBack(binding, now);
      },
    });
    this.#trying = new Trying({
      ...options,
      wanted: (binding) => this.#bindings.get(binding.waiting.ref.uid) === binding,
      accepted: (binding, dropped) => this.#bindAway(binding, dropped),
      refused: (candidate, now) => this.#wouldBeRefused(candidate, now),
    });
  }

  get size(): number {
    return this.#groups.size + this.#bindings.size;
  }

  /** Pods whose first commit at a neighbour is not answered yet. */
  get unanswered(): number {
    return this.#trying.underWay;
  }

  /** Takes a pod in, or its newer state. */
  enqueue(
    pod: Pod,
    eligibility: Eligibility,
    namespaceAnnotations: Readonly<Record<string, string>>,
    now: MonotonicMs,
  ): void {
    const ref = refOf(pod);
    if (this.#bindings.has(ref.uid)) return;
    const { config, policies } = this.#options;
    const policyFor = policies.policyFor(pod, namespaceAnnotations);
    const current = this.#groups.of(ref.uid);
    const since = current?.pods.get(ref.uid)?.since ?? now;
    const group = this.#groups.for(pod, eligibility, policyFor, now);
    if (current !== group) this.#groups.remove(ref.uid);
    const known = group.pods.get(ref.uid);
    if (known !== undefined) {
      known.pod = pod;
      return;
    }
    this.#groups.add(group, { ref, pod, since });
    group.nextTry = earlier(group.nextTry, after(now, config.batchMs));
  }

  /** The pod is gone, bound by somebody else, or no longer ours. */
  drop(uid: PodUid): void {
    this.#groups.remove(uid);
    this.#atHome.drop(uid);
    const binding = this.#bindings.get(uid);
    if (binding === undefined) return;
    this.#bindings.end(uid);
    if (binding.to instanceof Grant) this.#settle(binding.to, uid);
    else this.#options.room.forget(uid);
  }

  /** The watch shows the pod on `host`'s virtual node: it is away, with the slot if that was our binding. */
  seenAway(pod: Pod, host: ClusterName): void {
    const { uid } = refOf(pod);
    const to = this.#bindings.get(uid)?.to;
    const ours = to instanceof Grant && to.host === host && this.#options.seals.holds(pod, host);
    if (!ours) return this.drop(uid);
    this.#bindings.end(uid);
    this.#options.onBoundAway(pod, to);
  }

  roomChanged(where: 'home' | 'neighbour', now: MonotonicMs): void {
    const { batchMs, neighbourBatchMs } = this.#options.config;
    const at = after(now, where === 'home' ? batchMs : neighbourBatchMs);
    if (where === 'home') this.#atHome.roomChanged();
    for (const group of this.#groups.all()) group.nextTry = earlier(group.nextTry, at);
  }

  /** Groups that are being asked for get their next try with the decision, whatever happens until then. */
  awaitsNews(now: MonotonicMs): boolean {
    const at = after(now, this.#options.config.neighbourBatchMs);
    for (const { round, nextTry } of this.#groups.all()) {
      if (round === undefined && nextTry > at) return true;
    }
    return false;
  }

  reserved(event: Extract<HomeEvent, { kind: 'reserved' }>, now: MonotonicMs): void {
    const round = this.#rounds.get(event.requestId);
    if (round === undefined) {
      if (event.answer?.reservation)
        this.#returned.giveBack(event.host, event.answer.reservation.id);
      return;
    }
    const group = this.#groups.get(round.group);
    const { granted = 0, verdicts = [] } = event.answer ?? {};
    const refused = event.answer === undefined || verdicts.length > 0;
    if (group !== undefined && refused && !this.#heldItself(round, event.host, now)) {
      const reason = event.problem ?? refusalText(verdicts);
      this.#refused(group, event.host, granted > 0 ? `only ${granted} more fit` : reason, now);
    }
    const late = round.answered(event.host, event.answer);
    if (late !== undefined) this.#returned.giveBackWhole(event.host, late, now);
    this.#decide(round, now);
    if (round.complete) this.#rounds.delete(round.requestId);
  }

  tried(event: Extract<HomeEvent, { kind: 'tried' }>, now: MonotonicMs): void {
    this.#trying.tried(event, now);
  }

  boundLocally(uid: PodUid, outcome: BindOutcome, now: MonotonicMs): void {
    const binding = this.#bindings.get(uid);
    if (binding === undefined || binding.to instanceof Grant) return;
    if (outcome === 'failed' && this.#bindings.retry(uid, now)) return;
    this.#bindings.end(uid);
    // A try of ours that seemed to fail may be what has bound it: its room stays taken until the watch
    // shows where it is.
    if (outcome === 'bound' || outcome === 'taken') return;
    this.#options.room.forget(uid);
    if (outcome === 'failed') this.#putBack(binding, now);
  }

  /** How a write for a pod that is to stay at home has ended. */
  writtenAtHome(event: HomeWriteEnded, now: MonotonicMs): void {
    this.#atHome.written(event, now);
  }

  boundAway(uid: PodUid, outcome: BindOutcome, now: MonotonicMs): void {
    const binding = this.#bindings.get(uid);
    if (!(binding?.to instanceof Grant)) return;
    this.#bindings.end(uid);
    if (outcome === 'bound') {
      const { waiting, group } = binding;
      return this.#options.onBoundAway(boundPod(waiting.pod, group.policy), binding.to);
    }
    this.#settle(binding.to, uid);
    // Whether the binding took effect is not known: if it did, the watch will show the pod bound.
    if (outcome === 'failed') this.#putBack(binding, now);
  }

  tick(now: MonotonicMs): void {
    for (const round of this.#rounds.values()) {
      if (!round.decided && round.patienceEnds <= now) this.#decide(round, now);
    }
    this.#trying.tick(now);
    this.#atHome.tick(now);
    for (const { waiting, to } of this.#bindings.takeDue(now)) {
      if (to instanceof Grant) continue;
      this.#options.emit({ kind: 'bindLocally', ref: waiting.ref, node: to });
    }
    const due = [...this.#groups.all()].filter(
      (group) => group.round === undefined && group.nextTry <= now,
    );
    due.sort((a, b) => b.priority - a.priority);
    for (const group of due) this.#try(group, now);
  }

  /** When `tick` has something to do; undefined when only an event can change anything. */
  wakeAt(): MonotonicMs | undefined {
    let at = earliest(this.#bindings.wakeAt(), this.#atHome.wakeAt());
    at = earliest(at, this.#trying.wakeAt());
    for (const group of this.#groups.all())
      at = earliest(at, group.round === undefined ? group.nextTry : group.round.patienceEnds);
    return at;
  }

  explain(namespace: string, name: string): ReturnType<typeof explained> | undefined {
    for (const group of this.#groups.all()) {
      for (const { ref } of group.pods.values()) {
        if (ref.namespace !== namespace || ref.name !== name) continue;
        return { ...explained(group), ...this.#atHome.explain(ref.uid) };
      }
    }
    const binding = this.#bindings.find(namespace, name);
    if (binding === undefined) return undefined;
    const { waiting, group, to } = binding;
    const { uid } = waiting.ref;
    const held = to instanceof Grant && this.#trying.holds(uid);
    const message = held
      ? `waits until ${to.host} has created the first pods like it`
      : 'being bound';
    return { ...explained(group), message, ...this.#atHome.explain(uid) };
  }

  /** How pods like this one are judged: as its group is, if some of them wait. */
  outlook(pod: Pod, eligibility: Eligibility | undefined, policyFor: PolicyForPod): Outlook {
    return this.#groups.outlook(pod, eligibility, policyFor);
  }

  #try(group: PendingGroup, now: MonotonicMs): void {
    const { config, room } = this.#options;
    if (group.pods.size === 0) return this.#groups.endIfEmpty(group);
    group.nextTry = group.backoff.next(now, this.#options.random);
    if (group.shape.unsupported.length > 0) {
      this.#explain(group, { home: group.shape.unsupported, neighbours: new Map() }, now);
      return;
    }
    const pods = this.#atHome.placeSingly(group, now);
    const plan = placePods(room.snapshot, group.shape, pods.length);
    const fitting = pods.slice(0, plan.nodes.length);
    let rest: readonly PendingPod[] = pods.slice(plan.nodes.length);
    if (group.eligibility === 'named') {
      for (const [i, waiting] of fitting.entries()) {
        const node = plan.nodes[i];
        if (node !== undefined) this.#atHome.bind({ group, waiting, to: node }, now);
      }
      if (group.policy.preempt === 'first') rest = this.#atHome.preempt(group, rest, now);
    } else {
      // They fit at home, so the home's own scheduler is about to take them: it goes first.
      const patient = fitting.filter((pod) => now < after(pod.since, config.localGraceMs));
      const impatient = fitting.filter((pod) => now >= after(pod.since, config.localGraceMs));
      rest = [...impatient, ...rest];
      for (const pod of patient) {
        group.nextTry = earlier(group.nextTry, after(pod.since, config.localGraceMs));
      }
    }
    if (rest.length === 0 || this.#askNeighbours(group, rest.length, plan.refusals, now)) return;
    this.#atHome.preempt(group, rest, now);
  }

  /** False when nobody is asked, so that only home is left. */
  #askNeighbours(
    group: PendingGroup,
    missing: number,
    home: readonly VerdictCount[],
    now: MonotonicMs,
  ): boolean {
    const { config, neighbourhood } = this.#options;
    const neighbours = neighbourhood.neighbours();
    const kept = keptHome(group);
    if (kept !== undefined) {
      this.#explain(group, { home, neighbours: new Map(), ...kept }, now);
      return false;
    }
    const wanted = Math.min(missing, config.askCountMax);
    const { targets, anyLikely, doubted, reasons } = shortlist(group, {
      wanted,
      neighbours,
      placed: this.#options.placed,
      config,
      now,
    });
    if (doubted) group.nextDoubt = group.doubtBackoff.next(now, this.#options.random);
    const why = { home, neighbours: reasons };
    if (!anyLikely) this.#explain(group, why, now);
    if (targets.length === 0) return false;
    const requestId = `${this.#options.homeEpoch}-${this.#nextRequest++}`;
    const round = new ReservationRound({
      requestId,
      group: group.key,
      wanted,
      targets,
      now,
      patienceMs: config.askPatienceMs,
      why,
    });
    this.#rounds.set(requestId, round);
    group.round = round;
    for (const { host, count } of targets) {
      const { homeEpoch } = this.#options;
      const request = reserveRequest({ homeEpoch, requestId, pod: group.sample, count });
      this.#options.emit({ kind: 'reserve', host, request });
    }
    return true;
  }

  #decide(round: ReservationRound, now: MonotonicMs): void {
    const shares = round.decide(now);
    if (shares === undefined) return;
    const group = this.#groups.get(round.group);
    if (group?.round === round) group.round = undefined;
    const pods = [...(group?.pods.values() ?? [])].filter(
      ({ ref }) => !this.#atHome.isNominated(ref.uid),
    );
    let taken = 0;
    for (const share of shares) {
      // What was asked for before the neighbour was cordoned is not used.
      const shut = this.#options.neighbourhood.neighbour(share.host)?.marks?.cordoned === true;
      const mine = shut ? [] : pods.slice(taken, taken + share.used);
      taken += mine.length;
      if (group === undefined || mine.length === 0) {
        this.#returned.giveBackWhole(share.host, share.reservation, now);
        continue;
      }
      const { onSettled } = this.#trying;
      const grant = new Grant({ ...share, open: mine.length, onSettled });
      const begun = mine.map((waiting) => this.#beginBinding({ group, waiting, to: grant }));
      this.#trying.begin(begun, grant, now);
    }
    if (group === undefined) return;
    if (taken > 0) {
      group.backoff.reset();
      group.doubtBackoff.reset();
      group.nextDoubt = now;
    } else {
      this.#explainRefused(group, round, now);
      this.#atHome.preempt(group, pods, now);
    }
    // Whoever got nothing is tried again at once if others did, since there may be more neighbours;
    // a round that got nothing at all backs off.
    group.nextTry =
      taken > 0
        ? after(now, this.#options.config.batchMs)
        : group.backoff.next(now, this.#options.random);
    this.#groups.endIfEmpty(group);
  }

  /** Whether the room that `host` refuses may be what we held there ourselves, as a spare, when it was asked. */
  #heldItself(round: ReservationRound, host: ClusterName, now: MonotonicMs): boolean {
    if (this.#returned.lately(host, now)) return true;
    return [...this.#rounds.values()].some((other) => other !== round && other.asks(host));
  }

  #refused(group: PendingGroup, host: ClusterName, reason: string, now: MonotonicMs): void {
    const neighbour = this.#options.neighbourhood.neighbour(host);
    if (neighbour === undefined) return;
    group.refusals.set(host, {
      reason,
      until: after(now, this.#options.config.refusalTtlMs),
      version: neighbour.advert.version,
    });
  }

  /**
   * Now, and not at the next try: by then the refusals may be forgotten, or the neighbours have said
   * something new, and they are asked again instead of the owner being told.
   */
  #explainRefused(group: PendingGroup, { why, hosts }: ReservationRound, now: MonotonicMs): void {
    const neighbours = new Map(why.neighbours);
    for (const host of hosts) {
      const refusal = group.refusals.get(host);
      // No answer, or one that does not count: nothing to tell yet.
      if (refusal === undefined) return;
      neighbours.set(host, refusal.reason);
    }
    this.#explain(group, { ...why, neighbours }, now);
  }

  #beginBinding(binding: Binding): Binding {
    this.#groups.remove(binding.waiting.ref.uid);
    this.#bindings.begin(binding);
    return binding;
  }

  /** Its host has said that it would take it. */
  #bindAway(binding: Binding, dropped: readonly string[]): void {
    const { waiting, to } = binding;
    const { ref } = waiting;
    assert(to instanceof Grant, 'a binding to a neighbour uses a slot');
    const { host } = to;
    if (dropped.length > 0) {
      const message = `${host} runs it without ${dropped.join(', ')}`;
      this.#options.emit({ kind: 'tell', ref, reason: 'Offloading', message, warning: false });
    }
    const annotations = writtenBy(binding, this.#options.seals);
    this.#options.emit({ kind: 'bindAway', ref, host, annotations });
  }

  /** It waits on, with others of its template, and the other neighbours are asked at once. */
  #wouldBeRefused({ binding, template }: Candidate, now: MonotonicMs): void {
    const { waiting, group, to } = binding;
    const { uid } = waiting.ref;
    assert(to instanceof Grant, 'a binding to a neighbour uses a slot');
    this.#bindings.end(uid);
    const apart = this.#groups.apart(group, template, waiting.pod, now);
    this.#groups.add(apart, waiting);
    apart.nextTry = earlier(apart.nextTry, after(now, this.#options.config.batchMs));
    this.#settle(to, uid);
  }

  #putBack({ waiting, group }: Binding, now: MonotonicMs): void {
    const live = this.#groups.putBack(group, waiting);
    live.nextTry = live.backoff.next(now, this.#options.random);
  }

  #settle(grant: Grant, uid: PodUid): void {
    if (grant.settle(uid, 'unused')) this.#returned.giveBack(grant.host, grant.reservation);
  }

  #explain(group: PendingGroup, why: Parameters<typeof explain>[1], now: MonotonicMs): void {
    const { config, emit, neighbourhood, room } = this.#options;
    explain(group, why, {
      now,
      emit,
      explainMsMin: config.explainMsMin,
      neighbours: neighbourhood.neighbours(),
      homeNodes: room.snapshot.candidates().length,
    });
  }
}

function earlier(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a < b ? a : b;
}
