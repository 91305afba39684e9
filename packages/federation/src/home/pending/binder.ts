/**
 * From a place to the binding: a pod has a node of its home or a slot of a host, and is bound to it. The
 * host tries the pod first (trying.ts), because a binding can't be taken back.
 */
import {
  after,
  assert,
  type ClusterName,
  earliest,
  type MonotonicMs,
  type Pod,
  type PodUid,
  unreachable,
} from '@spillway/core';
import { boundPod } from '../../offload/fence.ts';
import { isBarred } from '../../placement/neighbour-placement.ts';
import { earlier } from '../backoff.ts';
import { type BindOutcome, type HomeEvent, refOf } from '../events.ts';
import type { PodLife } from '../pod-life.ts';
import type { LocalLedger, Neighbourhood, Seals } from '../ports.ts';
import { type Binding, Bindings, writtenBy } from './bindings.ts';
import { Grant } from './grant.ts';
import type { PendingGroup } from './pending-group.ts';
import type { PendingGroups } from './pending-groups.ts';
import type { PendingPod } from './pending-pod.ts';
import type { GrantedShare } from './reservation-round.ts';
import type { ReturnedReservations } from './returned-reservations.ts';
import type { Candidate } from './slow-start.ts';
import { Trying, type TryingOptions } from './trying.ts';

export interface BinderOptions extends Omit<TryingOptions, 'wanted' | 'accepted' | 'refused'> {
  readonly ledger: LocalLedger;
  readonly seals: Seals;
  readonly neighbourhood: Neighbourhood;
  readonly random: ConstructorParameters<typeof Bindings>[1];
  readonly groups: PendingGroups;
  readonly returned: ReturnedReservations;
  /** A pod is bound to `grant.host`: from now on it is offloaded. */
  readonly onBoundAway: (pod: Pod, grant: Grant, life: PodLife) => void;
}

export class Binder {
  readonly #options: BinderOptions;
  readonly #trying: Trying;
  readonly bindings: Bindings;

  constructor(options: BinderOptions) {
    this.#options = options;
    this.bindings = new Bindings(options.config, options.random);
    this.#trying = new Trying({
      ...options,
      wanted: (binding) => this.#isUnderWay(binding),
      accepted: (binding, dropped) => this.#bindAway(binding, dropped),
      refused: (candidate, now) => this.#wouldBeRefused(candidate, now),
    });
  }

  /** The pod has its place, and no longer waits in a group. */
  begin(binding: Binding): void {
    const { waiting, to } = binding;
    waiting.life.on(to instanceof Grant ? 'granted' : 'placed');
    this.#options.groups.remove(waiting.ref.uid);
    this.bindings.begin(binding);
  }

  /** `pods` use the slots that a host has granted, once it has tried them. */
  grant(
    share: GrantedShare,
    pods: readonly PendingPod[],
    group: PendingGroup,
    now: MonotonicMs,
  ): void {
    const { onSettled } = this.#trying;
    const grant = new Grant({ ...share, open: pods.length, onSettled });
    const begun = pods.map((waiting): Binding => ({ group, waiting, to: grant }));
    for (const binding of begun) this.begin(binding);
    this.#trying.begin(begun, grant, now);
  }

  bindLocally(binding: Binding): void {
    const { waiting, to: node } = binding;
    if (node instanceof Grant) return;
    binding.called = true;
    this.#options.emit({ kind: 'bindLocally', ref: waiting.ref, node });
  }

  tried(event: Extract<HomeEvent, { kind: 'tried' }>, now: MonotonicMs): void {
    this.#trying.tried(event, now);
  }

  boundLocally(uid: PodUid, outcome: BindOutcome, now: MonotonicMs): void {
    const binding = this.bindings.answered(uid);
    if (binding === undefined || binding.to instanceof Grant) return;
    switch (outcome) {
      // Its room stays taken until the watch shows the node, or that the pod is gone.
      case 'bound':
      case 'taken':
        return this.bindings.settled(uid, outcome);
      case 'failed':
        return this.bindings.retry(uid, now);
      case 'gone':
        // An earlier call may have bound it, and it is terminating on its node.
        if (this.bindings.isRepeated(uid)) return this.bindings.settled(uid, 'taken');
        return this.drop(uid);
      case 'refused':
        if (this.bindings.isRepeated(uid)) return this.bindings.retry(uid, now);
        this.#options.ledger.forget(uid);
        return this.putBack(binding, now);
      default:
        return unreachable(outcome);
    }
  }

  boundAway(uid: PodUid, outcome: BindOutcome, now: MonotonicMs): void {
    const binding = this.bindings.answered(uid);
    if (!(binding?.to instanceof Grant)) return;
    const { waiting, group, to } = binding;
    if (outcome === 'bound') {
      this.bindings.end(uid);
      waiting.life.on('bound');
      return this.#options.onBoundAway(boundPod(waiting.pod, group.policy), to, waiting.life);
    }
    if (outcome === 'gone') return this.drop(uid);
    this.#settle(to, uid);
    if (outcome === 'taken') return this.bindings.settled(uid, outcome);
    // Whether the binding took effect is not known: if it did, the watch will show the pod bound.
    this.putBack(binding, now);
  }

  /** The watch shows the pod on `host`'s virtual node. False when it was not our binding that is under way. */
  seenAway(pod: Pod, host: ClusterName): boolean {
    const { uid } = refOf(pod);
    const { to, waiting } = this.bindings.get(uid) ?? {};
    if (!(to instanceof Grant) || to.host !== host || waiting === undefined) return false;
    const { life } = waiting;
    if (life.state === 'bound' || !this.#options.seals.holds(pod, host)) return false;
    this.bindings.abandon(uid);
    life.on('seenBound');
    this.#options.onBoundAway(pod, to, life);
    return true;
  }

  /** The pod is gone, bound by something else, or no longer eligible. */
  drop(uid: PodUid): void {
    const binding = this.bindings.get(uid);
    if (binding === undefined) return;
    const { waiting, to } = binding;
    // Once it is bound, its slot is settled, and the ledger learns from the watch where it is.
    const isBound = waiting.life.state === 'bound';
    this.bindings.abandon(uid);
    waiting.life.on('left');
    if (isBound) return;
    if (to instanceof Grant) this.#settle(to, uid);
    else this.#options.ledger.forget(uid);
  }

  /**
   * The pod as it is now belongs to pods with the base `base`. If that is not what its slot was granted for,
   * it gives the slot back, and is returned. A binding that is on its way can't be called off.
   */
  callOff(uid: PodUid, base: string): PendingPod | undefined {
    const binding = this.bindings.get(uid);
    if (binding === undefined || binding.group.base === base) return undefined;
    return this.#callOff(binding) ? binding.waiting : undefined;
  }

  /** The binding has failed: the pod waits again. */
  putBack({ waiting, group }: Binding, now: MonotonicMs): void {
    const { groups, random } = this.#options;
    this.bindings.end(waiting.ref.uid);
    waiting.life.on('bindFailed');
    const live = groups.putBack(group, waiting);
    live.nextTry = live.backoff.next(now, random);
  }

  /** Pods whose first commit at a neighbour is not answered yet. */
  get unanswered(): number {
    return this.#trying.underWay;
  }

  /** What is done for the pod now, for its owner. */
  explain({ waiting, to }: Binding): string {
    const { state, ref } = waiting.life;
    if (state === 'bound') return 'bound; the agent waits for the watch to show where';
    if (!(to instanceof Grant)) return `being bound to node ${to}`;
    if (state !== 'granted') return `being bound to ${to.host}`;
    return this.#trying.holds(ref.uid)
      ? `waits until ${to.host} has created the first pods like it`
      : `${to.host} has room for it, and is asked whether its API server would take it`;
  }

  /** Binds those whose turn it is, and repeats the bindings that failed and whose back-off is over. */
  tick(now: MonotonicMs): void {
    this.#trying.tick(now);
    for (const binding of this.bindings.takeDue(now)) this.bindLocally(binding);
  }

  wakeAt(): MonotonicMs | undefined {
    return earliest(this.bindings.wakeAt(), this.#trying.wakeAt());
  }

  /** False when something has deleted or bound the pod meanwhile. */
  #isUnderWay(binding: Binding): boolean {
    return this.bindings.get(binding.waiting.ref.uid) === binding;
  }

  /** The host would take the pod, and it is the pod's turn. */
  #bindAway(binding: Binding, dropped: readonly string[]): void {
    const { emit, seals, groups, neighbourhood } = this.#options;
    const { waiting, group, to } = binding;
    const { ref } = waiting;
    if (!this.#isUnderWay(binding)) return;
    assert(to instanceof Grant, 'a binding to a neighbour uses a slot');
    const { host } = to;
    // Since the grant, the neighbour may have been cordoned, or have fallen silent.
    if (isBarred(neighbourhood.neighbour(host), group)) {
      this.#callOff(binding);
      groups.putBack(group, waiting);
      return;
    }
    if (dropped.length > 0) {
      const message = `${host} runs it without ${dropped.join(', ')}`;
      emit({ kind: 'tell', ref, reason: 'Offloading', message, warning: false });
    }
    waiting.life.on('tryAccepted');
    binding.called = true;
    emit({
      kind: 'bindAway',
      ref,
      host,
      annotations: writtenBy(binding, { seals, leftOut: dropped }),
    });
  }

  /** The pod waits again, with others of its template. The other neighbours are asked at once. */
  #wouldBeRefused({ binding, template }: Candidate, now: MonotonicMs): void {
    const { config, groups } = this.#options;
    const { waiting, group, to } = binding;
    const { uid } = waiting.ref;
    if (!this.#isUnderWay(binding)) return;
    assert(to instanceof Grant, 'a binding to a neighbour uses a slot');
    this.bindings.end(uid);
    waiting.life.on('tryRefused');
    const apart = groups.apart(group, template, waiting.pod, now);
    groups.add(apart, waiting);
    apart.nextTry = earlier(apart.nextTry, after(now, config.batchMs));
    this.#settle(to, uid);
  }

  #callOff({ waiting, to }: Binding): boolean {
    if (!(to instanceof Grant) || waiting.life.state !== 'granted') return false;
    this.bindings.end(waiting.ref.uid);
    waiting.life.on('calledOff');
    this.#settle(to, waiting.ref.uid);
    return true;
  }

  #settle(grant: Grant, uid: PodUid): void {
    if (grant.settle(uid, 'unused')) {
      this.#options.returned.giveBack(grant.host, grant.reservation);
    }
  }
}
