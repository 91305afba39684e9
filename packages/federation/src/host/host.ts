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
} from '@spillway/core';
import type { Ledger } from '@spillway/scheduling';
import type { CommitResult, GuestUpdate, Member, ReleaseRequest } from '../negotiation.ts';
import { isFenced } from '../fence.ts';
import { isRevoked, type RevokedClusters } from '../revoked.ts';
import { Admission } from './admission.ts';
import {
  assumedPod,
  assumedUid,
  createVerdict,
  goneUpdate,
  keyOf,
  ownPodsFirst,
  statusUpdate,
  stillEnding,
} from './answers.ts';
import type { HostConfig } from './config.ts';
import { EndedGuests } from './ended-guests.ts';
import { Endings } from './endings.ts';
import type { CreateOutcome, GuestId, HostEffect, HostEvent } from './events.ts';
import type { GuestPod } from './guest-pod.ts';
import { type GuestTerms, guestTermsDefaults } from './guest-terms.ts';
import { explanationOf, type GuestExplanation, liveByHome, pictureOf } from './guest-views.ts';
import { GuestUpdates } from './guest-updates.ts';
import { type Guest, Guests, type LateCreation, whyEnded } from './guests.ts';
import { LateRooms } from './late-rooms.ts';
import { OwnPods } from './own-pods.ts';
import { labelledIdOf, shadowIdOf } from './shadow-identity.ts';
import { isTippedOver } from './tipped-over.ts';
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

export class Host {
  readonly #options: HostOptions;
  readonly #ledger: Ledger;
  readonly #admission: Admission;
  readonly #guests: Guests;
  readonly #ended: EndedGuests;
  readonly #endings: Endings;
  readonly #ownPods = new OwnPods<PlacingCall>();
  readonly #tries: Tries;
  readonly #lateRooms: LateRooms;
  readonly #updates: GuestUpdates;
  #revoked: RevokedClusters = new Set();
  #leaving = false;
  #effects: HostEffect[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
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
    this.#lateRooms = new LateRooms(options.ledger);
    this.#updates = new GuestUpdates((effect) => this.#effects.push(effect));
    this.#endings = new Endings((effect) => this.#effects.push(effect));
    this.#ended = new EndedGuests({
      ttlMs: options.config.endedTtlMs,
      max: options.config.endedMax,
    });
  }

  /** How many more guests the cap lets in. */
  get guestsFree(): number {
    return this.#admission.guestsFree;
  }

  get accepting(): boolean {
    return this.#admission.config.accepting;
  }

  /** What of a pod of `home` this host is ready to run, by its terms: the same wherever it is asked. */
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

  /** A guest by where it lives here; undefined for every other pod. O(guests). */
  explain(namespace: string, name: string): GuestExplanation | undefined {
    return explanationOf(this.#guests.all(), namespace, name);
  }

  /** Namespaces of this cluster where guests are, or are about to be. */
  occupied(): ReadonlySet<string> {
    return this.#guests.namespaces(this.#options.guestNamespace);
  }

  /**
   * @throws Fault on calls, which then changed nothing: `PermissionDenied` of an agent that has been
   * replaced or of a home that is revoked, `ResourceExhausted` when the home holds too many reservations.
   */
  step(event: HostEvent, now: MonotonicMs): readonly HostEffect[] {
    this.#admission.expire(now);
    this.#lateRooms.expire(now);
    this.#take(event, now);
    for (const guest of this.#guests.overdue(now)) this.#never(guest, now);
    this.#endings.retry(now);
    for (const call of this.#ownPods.due(now)) this.#placeLate(call, now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  wakeAt(): MonotonicMs | undefined {
    return [
      this.#admission.nextExpiry(),
      this.#lateRooms.nextExpiry(),
      this.#guests.nextDoubtEnds(),
      this.#endings.nextRetry(),
      this.#ownPods.nextDue(),
    ].reduce(earliest);
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
        return this.#created(event.guest, event.outcome, now);
      case 'deleted':
        return this.#deleted(event, now);
      case 'shadow':
        return this.#shadow(event.pod);
      case 'ownPod':
        return this.#ownPods.see(event.pod, event.deleted, now);
      case 'shadowDeleted':
        return this.#shadowDeleted(event.pod, now);
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

  #afterOwnPods(call: PlacingCall, now: MonotonicMs): void {
    if (this.#ownPods.decided(now)) return this.#place(call, now);
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
    const answer = this.#ownPods.decided(now)
      ? this.#admission.reserve(caller.cluster, event.request, now)
      : { granted: 0, verdicts: [ownPodsFirst] };
    this.#effects.push({ kind: 'reserveReply', call, answer });
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
    const endedReason = this.#ended.reason(keyOf(id));
    if (endedReason !== undefined) return { uid, outcome: 'ended', reason: endedReason };
    const known = this.#guests.get(id);
    if (known?.state === 'seen' || known?.state === 'created') return { uid, outcome: 'created' };
    if (known !== undefined) {
      if (known.ending !== undefined) {
        // It may yet come to be, and be ended: of a fenced pod that is not said before it is so.
        if (isFenced(sent)) return { uid, outcome: 'refused', verdict: stillEnding };
        return { uid, outcome: 'ended', reason: 'released' };
      }
      known.waitingCalls.add(call);
      if (known.state === 'doubtful' && known.pending !== undefined) {
        this.#guests.settleDoubt(known, 'creating');
        this.#effects.push({ kind: 'create', guest: id, ...known.pending });
      }
      return undefined;
    }
    const { pod, verdicts } = this.#admission.honoured(id.home, sent);
    if (verdicts[0] !== undefined) return { uid, outcome: 'refused', verdict: verdicts[0] };
    const node = this.#admission.nodeFor(id.home, pod, reservation);
    if (typeof node !== 'string') return { uid, outcome: 'refused', verdict: node };
    const pending = { pod, node };
    const guest = this.#guests.add(id, { state: 'creating', pending, shadow: undefined });
    guest.waitingCalls.add(call);
    this.#ledger.assume(this.#assumed(id, pod), node);
    this.#effects.push({ kind: 'create', guest: id, pod, node });
    return undefined;
  }

  #assumed(id: GuestId, pod: Pod): Pod {
    const namespace = this.#options.guestNamespace(id.home, pod.metadata.namespace ?? 'default');
    return assumedPod(id, pod, namespace);
  }

  #created(id: GuestId, outcome: CreateOutcome, now: MonotonicMs): void {
    const guest = this.#guests.get(id);
    if (guest?.state !== 'creating') return;
    const { uid } = id;
    if (outcome.kind === 'created' || outcome.kind === 'exists') {
      guest.state = 'created';
      return this.#guests.resolve(guest, { uid, outcome: 'created' });
    }
    const verdict = createVerdict(outcome);
    this.#guests.resolve(guest, { uid, outcome: 'refused', verdict });
    // Its room stays taken while it may turn up. The home repeats its commit, and so it is settled.
    if (outcome.kind === 'failed') this.#guests.unanswered(guest, now);
    else if (mayComeThrough(guest.late, now)) this.#guests.doubt(guest, guest.late.until);
    else this.#never(guest, now);
  }

  /**
   * Guests of homes that are no members any more end with their own grace. What is being created ends
   * as soon as it is seen.
   */
  #revoke(clusters: RevokedClusters): void {
    this.#revoked = clusters;
    for (const guest of this.#guests.all()) {
      if (!isRevoked(clusters, guest.id.home)) continue;
      guest.ending ??= { revoked: true };
      this.#endings.endIfWanted(guest);
    }
    this.#admission.releaseAll((home) => isRevoked(clusters, home));
  }

  /** Guests end with their own grace; the homes are told, and their controllers replace them elsewhere. */
  #leave(): void {
    this.#leaving = true;
    this.configure(this.#admission.config);
    for (const guest of this.#guests.all()) {
      guest.ending ??= { hostLeaves: true };
      this.#endings.endIfWanted(guest);
    }
    this.#admission.releaseAll(() => true);
  }

  /** @throws Fault `PermissionDenied` for who is revoked, and for an agent that has been replaced. */
  #admit(caller: Member, epoch: number): void {
    if (isRevoked(this.#revoked, caller.cluster))
      throw new Fault('PermissionDenied', `${caller.cluster} is revoked`);
    this.#admission.admitEpoch(caller, epoch);
  }

  #deleted(event: Extract<HostEvent, { kind: 'deleted' }>, now: MonotonicMs): void {
    const guest = this.#guests.get(event.guest);
    if (guest !== undefined) this.#endings.deleted(guest, event, now);
  }

  #remove(guest: Guest): void {
    this.#guests.remove(guest);
    this.#endings.forget(guest);
  }

  /** There is no shadow and there will be none. */
  #never(guest: Guest, now: MonotonicMs): void {
    this.#ledger.forget(assumedUid(guest.id));
    this.#remove(guest);
    if (guest.ending !== undefined) this.#announceGone(guest, now);
  }

  #shadow(pod: Pod): void {
    const id = shadowIdOf(pod, this.#options.guestNamespace);
    if (id === undefined) return;
    const known = this.#guests.get(id);
    // The one that was there first counts, until it is gone.
    if (known?.shadow !== undefined && known.shadow.metadata.uid !== pod.metadata.uid) return;
    const guest = known ?? this.#guests.add(id, { state: 'seen', pending: undefined, shadow: pod });
    // The watch shows it: it counts as itself now.
    if (guest.pending !== undefined) this.#ledger.forget(assumedUid(id));
    this.#lateRooms.seen(id);
    const ours = guest.pending !== undefined;
    guest.shadow = pod;
    guest.pending = undefined;
    this.#guests.settleDoubt(guest, 'seen');
    this.#guests.resolve(guest, { uid: id.uid, outcome: 'created' });
    if (known === undefined && this.#ended.reason(keyOf(id)) !== undefined) {
      // A creation that came through after its guest had been given up.
      guest.ending ??= { gracePeriodSeconds: 0 };
    }
    if (isRevoked(this.#revoked, id.home)) guest.ending ??= { revoked: true };
    if (this.#leaving) guest.ending ??= { hostLeaves: true };
    const fresh = ours || (known === undefined && pod.status?.startTime === undefined);
    if (fresh && isTippedOver(pod, this.#ledger)) {
      guest.ending ??= { gracePeriodSeconds: 0, withdrawn: true };
    }
    this.#effects.push({ kind: 'push', home: id.home, update: statusUpdate(id.uid, pod) });
    this.#endings.endIfWanted(guest);
  }

  #shadowDeleted(pod: Pod, now: MonotonicMs): void {
    const id = labelledIdOf(pod);
    const guest = id && this.#guests.get(id);
    if (guest === undefined || guest.shadow?.metadata.uid !== pod.metadata.uid) return;
    guest.shadow = pod;
    if (mayComeThrough(guest.late, now)) this.#keepRoom(guest, guest.late);
    // Nothing may replace a fenced pod while another copy of it may come to be.
    if (isFenced(pod) && guest.state === 'doubtful') return;
    this.#remove(guest);
    this.#announceGone(guest, now);
  }

  /** Its shadow is gone, and another may take its place: one whose creation was never answered. */
  #keepRoom(guest: Guest, late: LateCreation): void {
    const { id, shadow } = guest;
    const assumed = this.#assumed(id, late.pod);
    if (shadow === undefined || !isFenced(shadow)) {
      return this.#lateRooms.keep(id, { ...late, pod: assumed });
    }
    this.#ledger.assume(assumed, late.node);
    guest.pending = late;
    guest.last = shadow;
    guest.shadow = undefined;
    guest.ending ??= { deleted: true };
    this.#guests.doubt(guest, late.until);
  }

  #release(caller: Member, request: ReleaseRequest, now: MonotonicMs): void {
    this.#admit(caller, request.homeEpoch);
    for (const id of request.reservations) this.#admission.release(caller.cluster, id);
    for (const { uid, gracePeriodSeconds } of request.guests) {
      const id = { home: caller.cluster, uid };
      const guest = this.#guests.get(id);
      if (guest === undefined) {
        const why = 'released';
        this.#ended.add(keyOf(id), 'released by its home', now);
        const update = goneUpdate({ uid, shadow: undefined, why });
        this.#effects.push({ kind: 'push', home: id.home, update });
        continue;
      }
      guest.ending = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
      this.#endings.endIfWanted(guest);
    }
  }

  #announceGone(guest: Guest, now: MonotonicMs): void {
    const { ending, shadow, last } = guest;
    const { uid, home } = guest.id;
    const why = whyEnded(ending);
    const update = goneUpdate({ uid, shadow: shadow ?? last, why });
    this.#ended.add(keyOf(guest.id), update.reason, now);
    this.#guests.resolve(guest, { uid, outcome: 'ended', reason: update.reason });
    this.#effects.push({ kind: 'push', home, update });
  }
}

function mayComeThrough(late: LateCreation | undefined, now: MonotonicMs): late is LateCreation {
  return late !== undefined && now < late.until;
}
