/**
 * The host: what an agent does for pods of other clusters. It decides by its own pipeline on its own
 * snapshot, holds room, makes shadow pods exactly once, reports on them, and ends them when told.
 * A machine without I/O; see home/home.ts.
 */
import {
  after,
  type ClusterName,
  earliest,
  Fault,
  isFault,
  type MonotonicMs,
  type Pod,
  type PodUid,
  type ReservationId,
  unreachable,
  type Verdict,
} from '@spillway/core';
import type { Ledger } from '@spillway/scheduling';
import type { CommitResult, GuestUpdate, Member, ReleaseRequest } from '../negotiation.ts';
import { isFenced } from '../offload/fence.ts';
import { isRevoked, type RevokedClusters } from '../membership/revoked.ts';
import { Admission } from './admission.ts';
import { ownPodsFirst, schedulerSilent, stillEnding } from './answers.ts';
import { type HostConfig, placeOn } from './config.ts';
import type { GuestId, HostEffect, HostEvent } from './events.ts';
import type { GuestPod } from './guest-pod.ts';
import { type GuestTerms, guestTermsDefaults } from './guest-terms.ts';
import { GuestUpdates } from './guest-updates.ts';
import {
  explanationOf,
  type GuestExplanation,
  type GuestPlace,
  isCreated,
  liveByHome,
  pictureOf,
  placeOfGuest,
} from './guest-views.ts';
import { Guests } from './guests.ts';
import { OwnPods } from './own-pods.ts';
import { Shadows } from './shadows.ts';
import { Tries } from './tries.ts';

export interface HostOptions {
  readonly ledger: Ledger;
  readonly config: HostConfig;
  /** Makes reservation ids unique among the lives of this host's agents. */
  readonly incarnation: string;
  /** Where a home's pods live here. */
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
  /** This host's name in the federation. */
  readonly cluster: ClusterName;
  readonly terms?: GuestTerms;
}

/** How long a call waits for the host's own pods to be decided: then it is refused, or goes on. */
const ownPodsPatienceMs = { reserve: 500, commit: 2_000 } as const;

type PlacingCall = Extract<HostEvent, { kind: 'reserve' | 'commit' }>;

const none: readonly HostEffect[] = [];

export class Host {
  readonly #options: HostOptions;
  readonly #admission: Admission;
  readonly #guests: Guests;
  readonly #ownPods = new OwnPods<PlacingCall>();
  readonly #tries: Tries;
  readonly #shadows: Shadows;
  readonly #updates: GuestUpdates;
  #leaving = false;
  #effects: HostEffect[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#guests = new Guests((effect) => this.#effects.push(effect));
    this.#admission = new Admission({
      terms: guestTermsDefaults,
      ...options,
      liveGuests: () => this.#guests.live(),
    });
    this.#tries = new Tries({
      config: options.config,
      emit: (effect) => this.#effects.push(effect),
      honoured: (home, pod) => this.honoured(home, pod),
    });
    this.#updates = new GuestUpdates((effect) => this.#effects.push(effect));
    this.#shadows = new Shadows({
      ...options,
      guests: this.#guests,
      emit: (effect) => this.#effects.push(effect),
    });
  }

  get #config(): HostConfig {
    return this.#admission.config;
  }

  /** How many more guests the cap lets in. */
  get guestsFree(): number {
    return this.#admission.guestsFree;
  }

  get accepting(): boolean {
    return this.#admission.config.accepting;
  }

  /** What this host, by its terms, is ready to run of a pod of `home`. Every caller gets the same answer. */
  honoured(home: ClusterName, sent: Pod): GuestPod {
    return this.#admission.honoured(home, sent);
  }

  /** Changes what the host lends from now on; guests that are here stay. */
  configure(config: HostConfig): void {
    this.#admission.config = this.#leaving ? { ...config, accepting: false } : config;
  }

  counts(): {
    readonly guests: number;
    readonly held: number;
    readonly byHome: ReadonlyMap<ClusterName, number>;
  } {
    const byHome = liveByHome(this.#guests.all());
    return { guests: this.#guests.live(), held: this.#admission.held, byHome };
  }

  /** Whether a creation that was not answered may still take effect. */
  isUnanswered(now: MonotonicMs): boolean {
    return this.#shadows.isUnanswered(now);
  }

  /** A guest by where it lives here; undefined for every other pod. O(guests). */
  explain(namespace: string, name: string): GuestExplanation | undefined {
    return explanationOf(this.#guests.all(), namespace, name);
  }

  /**
   * Where the guest of that pod of `home` is here, for streams of it. Undefined for the pod of another home,
   * for a guest without a node, and for a home that is revoked.
   */
  placeOf(home: ClusterName, uid: PodUid): GuestPlace | undefined {
    if (isRevoked(this.#shadows.revoked, home)) return undefined;
    const guest = this.#guests.get({ home, uid });
    return guest && placeOfGuest(guest);
  }

  /** The name of the scheduler that binds guests, if it has left one alone for too long. */
  silentScheduler(now: MonotonicMs): string | undefined {
    return this.#shadows.schedulerIsSilent(now) ? this.#config.scheduler : undefined;
  }

  /** Namespaces of this cluster where guests are, or are about to be. */
  occupied(): ReadonlySet<string> {
    return this.#guests.namespaces(this.#options.guestNamespace);
  }

  /**
   * A call that throws has changed nothing.
   *
   * @throws Fault `PermissionDenied`: the agent has been replaced, or its home is revoked.
   * @throws Fault `ResourceExhausted`: the home holds too many reservations.
   */
  step(event: HostEvent, now: MonotonicMs): readonly HostEffect[] {
    this.#admission.expire(now);
    this.#shadows.expire(now);
    this.#take(event, now);
    this.#shadows.tick(now);
    for (const call of this.#ownPods.due(now)) this.#placeLate(call, now);
    const effects = this.#effects;
    if (effects.length === 0) return none;
    this.#effects = [];
    return effects;
  }

  wakeAt(): MonotonicMs | undefined {
    const own = earliest(this.#admission.nextExpiry(), this.#ownPods.nextDue());
    return earliest(own, this.#shadows.nextTick());
  }

  /** The opening of a home's guest stream: all its guests, then `synced`. The caches must be whole. */
  picture(caller: Member, homeEpoch: number): readonly GuestUpdate[] {
    this.#admit(caller, homeEpoch);
    return pictureOf(this.#guests.all(), caller.cluster);
  }

  #take(event: HostEvent, now: MonotonicMs): void {
    switch (event.kind) {
      case 'reserve':
      case 'commit':
        return this.#afterOwnPods(event, now);
      case 'tryGuests':
        return this.#tryGuests(event, now);
      case 'updateGuests':
        return this.#updateGuests(event);
      case 'patched':
        return this.#updates.patched(event.guest, event.outcome);
      case 'tried':
        return this.#tries.tried(event.id, event.outcome, now);
      case 'release':
        return this.#release(event.caller, event.request, now);
      case 'created':
        return this.#shadows.created(event.guest, event.outcome, now);
      case 'deleted':
        return this.#shadows.deleted(event, now);
      case 'shadow':
        return this.#shadows.seen(event.pod, now);
      case 'ownPod':
        return this.#ownPods.see(event.pod, event.deleted, now);
      case 'shadowDeleted':
        return this.#shadows.gone(event.pod, now);
      case 'revoked':
        return this.#revoke(event.clusters);
      case 'leaving':
        return this.#leave();
      case 'tick':
        return;
      default:
        return unreachable(event);
    }
  }

  #tryGuests(
    { call, caller, request }: Extract<HostEvent, { kind: 'tryGuests' }>,
    now: MonotonicMs,
  ): void {
    this.#admit(caller, request.homeEpoch);
    const home = caller.cluster;
    const node = this.#admission.heldNode(home, request.reservationId);
    this.#tries.open({ call, home, pods: request.pods, node, now });
  }

  #updateGuests({ call, caller, request }: Extract<HostEvent, { kind: 'updateGuests' }>): void {
    this.#admit(caller, request.homeEpoch);
    const home = caller.cluster;
    const overtaken = this.#updates.isOvertaken(home, request);
    const pods = request.pods.map((pod) => {
      const id = { home, uid: (pod.metadata.uid ?? '') as PodUid };
      const guest = overtaken ? undefined : this.#guests.get(id);
      return { id, guest, honoured: this.honoured(home, pod) };
    });
    this.#updates.open(call, pods);
  }

  /** A scheduler of this cluster puts its own pods first by itself, since guests have a low priority. */
  #afterOwnPods(call: PlacingCall, now: MonotonicMs): void {
    const ordered = call.kind === 'commit' && this.#config.scheduler !== '';
    if (ordered || this.#ownPods.decided(now)) return this.#place(call, now);
    this.#admit(call.caller, call.request.homeEpoch);
    this.#ownPods.wait(call, after(now, ownPodsPatienceMs[call.kind]));
  }

  /** The call has waited: the home's agent may have been replaced since. */
  #placeLate(call: PlacingCall, now: MonotonicMs): void {
    try {
      this.#place(call, now);
    } catch (error) {
      if (!isFault(error) || error.code === 'Internal') throw error;
      this.#effects.push({ kind: 'refuseCall', call: call.call, fault: error });
    }
  }

  /** Nothing is granted while own pods are undecided; what was granted before is kept. */
  #place(event: PlacingCall, now: MonotonicMs): void {
    const { call, caller, request } = event;
    this.#admit(caller, request.homeEpoch);
    if (event.kind === 'commit') return this.#commit(event);
    const refusal = this.#noGrants(now);
    const answer = refusal
      ? { granted: 0, verdicts: [refusal] }
      : this.#admission.reserve(caller.cluster, event.request, now);
    this.#effects.push({ kind: 'reserveReply', call, answer });
  }

  #noGrants(now: MonotonicMs): Verdict | undefined {
    if (!this.#ownPods.decided(now)) return ownPodsFirst;
    return this.#shadows.schedulerIsSilent(now) ? schedulerSilent : undefined;
  }

  #commit({ call, caller, request }: Extract<HostEvent, { kind: 'commit' }>): void {
    const home = caller.cluster;
    const uids = request.pods.map((pod) => (pod.metadata.uid ?? '') as PodUid);
    this.#guests.open(call, uids);
    for (const [i, pod] of request.pods.entries()) {
      const uid = uids[i] ?? ('' as PodUid);
      const result = this.#takeUp(call, { home, uid }, pod, request.reservationId);
      if (result !== undefined) this.#guests.answer(call, result);
    }
    this.#guests.replyIfWhole(call);
  }

  /** The result, if it is known at once; else the guest is being created and the call waits for it. */
  #takeUp(
    call: number,
    id: GuestId,
    sent: Pod,
    reservation: ReservationId | undefined,
  ): CommitResult | undefined {
    const { uid } = id;
    const endedReason = this.#shadows.endedReason(id);
    if (endedReason !== undefined) return { uid, outcome: 'ended', reason: endedReason };
    const known = this.#guests.get(id);
    if (known && isCreated(known)) return { uid, outcome: 'created' };
    if (known !== undefined) {
      if (known.ending !== undefined) {
        // It may yet come to be, and be ended: of a fenced pod that is not said before it is so.
        if (isFenced(sent) || known.ending.unbound)
          return { uid, outcome: 'refused', verdict: stillEnding };
        return { uid, outcome: 'ended', reason: 'released' };
      }
      known.waitingCalls.add(call);
      this.#shadows.repeat(known);
      return undefined;
    }
    const { pod, verdicts } = this.#admission.honoured(id.home, sent);
    if (verdicts[0] !== undefined) return { uid, outcome: 'refused', verdict: verdicts[0] };
    const node = this.#admission.nodeFor(id.home, pod, reservation);
    if (typeof node !== 'string') return { uid, outcome: 'refused', verdict: node };
    const guest = this.#shadows.begin(id, { pod, place: placeOn(node, this.#config) });
    guest.waitingCalls.add(call);
    return undefined;
  }

  #revoke(clusters: RevokedClusters): void {
    this.#shadows.revoke(clusters);
    this.#admission.releaseAll((home) => isRevoked(clusters, home));
  }

  #leave(): void {
    this.#leaving = true;
    this.configure(this.#config);
    this.#shadows.leave();
    this.#admission.releaseAll(() => true);
  }

  /** @throws Fault `PermissionDenied` for who is revoked, and for an agent that has been replaced. */
  #admit(caller: Member, epoch: number): void {
    if (isRevoked(this.#shadows.revoked, caller.cluster))
      throw new Fault('PermissionDenied', `${caller.cluster} is revoked`);
    this.#admission.admitEpoch(caller, epoch);
  }

  #release(caller: Member, request: ReleaseRequest, now: MonotonicMs): void {
    this.#admit(caller, request.homeEpoch);
    for (const id of request.reservations) this.#admission.release(caller.cluster, id);
    for (const { uid, gracePeriodSeconds } of request.guests) {
      this.#shadows.release({ home: caller.cluster, uid }, gracePeriodSeconds, now);
    }
  }
}
