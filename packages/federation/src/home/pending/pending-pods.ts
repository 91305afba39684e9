/**
 * The home's pending pods: pods of ours that have no node yet. Decides them group by group: on the
 * home's own nodes first, then by asking neighbours; explains those that must wait.
 *
 * Cost of a round: groups × (local placement + neighbours × bins), independent of the number of
 * pods in a group but for the bindings themselves.
 */
import {
  after,
  type ClusterName,
  earliest,
  type MonotonicMs,
  type Pod,
  type PodUid,
  type Random,
} from '@spillway/core';
import { placePods } from '@spillway/scheduling';
import { earlier } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';
import type { Eligibility } from '../eligibility.ts';
import { type BindOutcome, type HomeEffect, type HomeEvent, refOf } from '../events.ts';
import { PodLife, type TransitionObserver } from '../pod-life.ts';
import type { LocalLedger, Neighbourhood, Policies, PolicyForPod, Seals } from '../ports.ts';
import { AtHome, type HomeWriteEnded } from './at-home.ts';
import { Binder } from './binder.ts';
import { explain, type Explained, explained } from './explanation.ts';
import type { Grant } from './grant.ts';
import { baseOf, type Outlook, type PendingGroup } from './pending-group.ts';
import { PendingGroups } from './pending-groups.ts';
import type { PendingPod } from './pending-pod.ts';
import type { Why } from './reasons.ts';
import { ReservationRounds } from './reservation-rounds.ts';
import { ReturnedReservations } from './returned-reservations.ts';
import type { TriedTemplates } from './tried-templates.ts';

export interface PendingPodsOptions {
  readonly ledger: LocalLedger;
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
  /** A pod is bound to `grant.host`: from now on it is offloaded. */
  readonly onBoundAway: (pod: Pod, grant: Grant, life: PodLife) => void;
  readonly observe: TransitionObserver | undefined;
}

export class PendingPods {
  readonly #options: PendingPodsOptions;
  readonly #groups: PendingGroups;
  readonly #binder: Binder;
  readonly #atHome: AtHome;
  readonly #rounds: ReservationRounds;

  constructor(options: PendingPodsOptions) {
    this.#options = options;
    const groups = new PendingGroups(options.config, options.tried);
    const returned = new ReturnedReservations(options.config, options.emit);
    const binder = new Binder({ ...options, groups, returned });
    const atHome = new AtHome({ ...options, binder });
    this.#groups = groups;
    this.#binder = binder;
    this.#atHome = atHome;
    this.#rounds = new ReservationRounds({
      ...options,
      groups,
      binder,
      atHome,
      returned,
      explain: (group, why, now) => this.#explain(group, why, now),
    });
  }

  get size(): number {
    return this.#groups.size + this.#binder.bindings.size;
  }

  /** Pods whose first commit at a neighbour is not answered yet. */
  get unanswered(): number {
    return this.#binder.unanswered;
  }

  get hasDoubtfulBindings(): boolean {
    return this.#binder.bindings.areDoubtful;
  }

  /** Takes a pod in, or its newer state. */
  enqueue(
    pod: Pod,
    eligibility: Eligibility,
    namespaceAnnotations: Readonly<Record<string, string>>,
    now: MonotonicMs,
  ): void {
    const ref = refOf(pod);
    const { config, policies, observe } = this.#options;
    const policyFor = policies.policyFor(pod, namespaceAnnotations);
    const current = this.#groups.of(ref.uid);
    let known = current?.pods.get(ref.uid);
    if (this.#binder.bindings.has(ref.uid)) {
      known = this.#binder.callOff(ref.uid, baseOf(pod, eligibility, policyFor));
      if (known === undefined) return;
    }
    const group = this.#groups.for(pod, eligibility, policyFor, now);
    if (known !== undefined && current === group) {
      known.pod = pod;
      return;
    }
    this.#groups.remove(ref.uid);
    const { since, life } = known ?? { since: now, life: new PodLife(ref, observe) };
    life.on(known === undefined ? 'eligible' : 'regrouped');
    this.#groups.add(group, { ref, life, pod, since });
    group.nextTry = earlier(group.nextTry, after(now, config.batchMs));
  }

  /** The pod is gone, bound by something else, or no longer eligible. */
  drop(uid: PodUid): void {
    this.#groups.of(uid)?.pods.get(uid)?.life.on('left');
    this.#groups.remove(uid);
    this.#atHome.drop(uid);
    this.#binder.drop(uid);
  }

  /** The watch shows the pod on `host`'s virtual node: it is offloaded, with the slot if that was our binding. */
  seenAway(pod: Pod, host: ClusterName): void {
    if (!this.#binder.seenAway(pod, host)) this.drop(refOf(pod).uid);
  }

  capacityChanged(where: 'home' | 'neighbour', now: MonotonicMs): void {
    const { batchMs, neighbourBatchMs } = this.#options.config;
    const at = after(now, where === 'home' ? batchMs : neighbourBatchMs);
    if (where === 'home') this.#atHome.capacityChanged();
    for (const group of this.#groups.all()) group.nextTry = earlier(group.nextTry, at);
  }

  /** A group with an open reservation round is tried again only when that round is decided. */
  awaitsNews(now: MonotonicMs): boolean {
    const at = after(now, this.#options.config.neighbourBatchMs);
    for (const { round, nextTry } of this.#groups.all()) {
      if (round === undefined && nextTry > at) return true;
    }
    return false;
  }

  reserved(event: Extract<HomeEvent, { kind: 'reserved' }>, now: MonotonicMs): void {
    this.#rounds.reserved(event, now);
  }

  tried(event: Extract<HomeEvent, { kind: 'tried' }>, now: MonotonicMs): void {
    this.#binder.tried(event, now);
  }

  boundLocally(uid: PodUid, outcome: BindOutcome, now: MonotonicMs): void {
    this.#binder.boundLocally(uid, outcome, now);
  }

  boundAway(uid: PodUid, outcome: BindOutcome, now: MonotonicMs): void {
    this.#binder.boundAway(uid, outcome, now);
  }

  /** How a write for a pod that is to stay at home has ended. */
  writtenAtHome(event: HomeWriteEnded, now: MonotonicMs): void {
    this.#atHome.written(event, now);
  }

  tick(now: MonotonicMs): void {
    this.#rounds.tick(now);
    this.#atHome.tick(now);
    this.#binder.tick(now);
    let due: PendingGroup[] | undefined;
    for (const group of this.#groups.all()) {
      if (group.round === undefined && group.nextTry <= now) (due ??= []).push(group);
    }
    if (due === undefined) return;
    due.sort((a, b) => b.priority - a.priority);
    for (const group of due) this.#try(group, now);
  }

  /** When `tick` has something to do; undefined when only an event can change anything. */
  wakeAt(): MonotonicMs | undefined {
    let at = earliest(this.#binder.wakeAt(), this.#atHome.wakeAt());
    for (const group of this.#groups.all())
      at = earliest(at, group.round === undefined ? group.nextTry : group.round.patienceEnds);
    return at;
  }

  explain(namespace: string, name: string): Explained | undefined {
    for (const group of this.#groups.all()) {
      for (const pending of group.pods.values()) {
        const { ref } = pending;
        if (ref.namespace !== namespace || ref.name !== name) continue;
        return { ...explained(group, pending), ...this.#atHome.explain(ref.uid) };
      }
    }
    const binding = this.#binder.bindings.find(namespace, name);
    if (binding === undefined) return undefined;
    const { waiting, group } = binding;
    const atHome = this.#atHome.explain(waiting.ref.uid);
    return { ...explained(group, waiting), message: this.#binder.explain(binding), ...atHome };
  }

  /** The state of each pod. */
  *lives(): Iterable<PodLife> {
    for (const group of this.#groups.all()) {
      for (const { life } of group.pods.values()) yield life;
    }
    for (const { waiting } of this.#binder.bindings.all()) yield waiting.life;
  }

  /** What decides about pods like this one: the same as for its group, if pods of that group wait. */
  outlook(pod: Pod, eligibility: Eligibility | undefined, policyFor: PolicyForPod): Outlook {
    return this.#groups.outlook(pod, eligibility, policyFor);
  }

  #try(group: PendingGroup, now: MonotonicMs): void {
    const { config, ledger } = this.#options;
    if (group.pods.size === 0) return this.#groups.endIfEmpty(group);
    group.nextTry = group.backoff.next(now, this.#options.random);
    if (group.shape.unsupported.length > 0) {
      this.#explain(group, { home: group.shape.unsupported, neighbours: new Map() }, now);
      return;
    }
    const pods = this.#atHome.placeSingly(group, now);
    const plan = placePods(ledger.snapshot, group.shape, pods.length);
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
    if (rest.length === 0 || this.#rounds.open(group, rest, plan.refusals, now)) return;
    this.#atHome.preempt(group, rest, now);
  }

  #explain(group: PendingGroup, why: Why, now: MonotonicMs): void {
    const { config, emit, neighbourhood, ledger } = this.#options;
    explain(group, why, {
      now,
      emit,
      explainMsMin: config.explainMsMin,
      neighbours: neighbourhood.neighbours(),
      homeNodes: ledger.snapshot.candidates().length,
    });
  }
}
