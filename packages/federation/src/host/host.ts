/**
 * The host: what an agent does for pods of other clusters. It decides by its own pipeline on its own
 * snapshot, holds room, makes shadow pods exactly once, reports on them, and ends them when told.
 * A machine without I/O; see home/home.ts.
 */
import {
  type ClusterName,
  Fault,
  type MonotonicMs,
  type NodeName,
  type Pod,
  type PodShape,
  type PodUid,
  type ReservationId,
  shapeOf,
  unreachable,
  type Verdict,
} from '@spillway/core';
import { type Ledger, placePods } from '@spillway/scheduling';
import type {
  CommitResult,
  GuestUpdate,
  Member,
  ReleaseRequest,
  ReserveAnswer,
  ReserveRequest,
} from '../negotiation.ts';
import {
  assumedPod,
  assumedUid,
  capReached,
  createVerdict,
  goneUpdate,
  guestIdOf,
  keyOf,
  noRoom,
  notAccepting,
  statusUpdate,
  verdictsOf,
} from './answers.ts';
import type { HostConfig } from './config.ts';
import { EndedGuests } from './ended-guests.ts';
import type { CreateOutcome, GuestId, HostEffect, HostEvent } from './events.ts';
import { Reservations } from './reservations.ts';

export interface HostOptions {
  readonly ledger: Ledger;
  readonly config: HostConfig;
  /** Makes reservation ids unique among the lives of this host's agents. */
  readonly incarnation: string;
  /** Where a home's pods live here. */
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
}

interface Guest {
  readonly id: GuestId;
  /** The home's pod, until the shadow is seen. */
  pod: Pod | undefined;
  shadow: Pod | undefined;
  /** The create call is under way. */
  creating: boolean;
  /** The home wants it ended. */
  ending: { readonly gracePeriodSeconds?: number } | undefined;
  deleteSent: boolean;
  readonly waitingCalls: Set<number>;
}

interface Call {
  readonly home: ClusterName;
  readonly uids: readonly PodUid[];
  readonly results: Map<PodUid, CommitResult>;
}

export class Host {
  readonly #options: HostOptions;
  readonly #ledger: Ledger;
  readonly #reservations: Reservations;
  readonly #guests = new Map<string, Guest>();
  readonly #ended: EndedGuests;
  readonly #epochs = new Map<ClusterName, number>();
  readonly #calls = new Map<number, Call>();
  #config: HostConfig;
  #effects: HostEffect[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#config = options.config;
    this.#reservations = new Reservations(options);
    this.#ended = new EndedGuests({
      ttlMs: options.config.endedTtlMs,
      max: options.config.endedMax,
    });
  }

  /** How many more guests the cap lets in. */
  get guestsFree(): number {
    if (!this.#config.accepting) return 0;
    return Math.max(0, this.#config.guestsMax - this.#liveGuests() - this.#reservations.held);
  }

  get accepting(): boolean {
    return this.#config.accepting;
  }

  /** Changes what the host lends from now on; guests that are here stay. */
  configure(config: HostConfig): void {
    this.#config = config;
  }

  counts(): {
    readonly guests: number;
    readonly held: number;
    readonly byHome: ReadonlyMap<ClusterName, number>;
  } {
    const byHome = new Map<ClusterName, number>();
    for (const guest of this.#guests.values()) {
      if (isLive(guest)) byHome.set(guest.id.home, (byHome.get(guest.id.home) ?? 0) + 1);
    }
    return { guests: this.#liveGuests(), held: this.#reservations.held, byHome };
  }

  /**
   * Holds room for up to `count` pods of one shape.
   *
   * @throws Fault `PermissionDenied` for an agent that has been replaced, `ResourceExhausted` when
   * the home holds too many reservations.
   */
  reserve(caller: Member, request: ReserveRequest, now: MonotonicMs): ReserveAnswer {
    this.#admitEpoch(caller, request.homeEpoch);
    this.#reservations.expire(now);
    const home = caller.cluster;
    const repeated = this.#reservations.repeated(home, request.requestId, now);
    if (repeated !== undefined) return repeated;
    const refuse = (verdict: Verdict): ReserveAnswer => ({ granted: 0, verdicts: [verdict] });
    if (!this.#config.accepting) return refuse(notAccepting);
    if (this.guestsFree === 0) return refuse(capReached(this.#config.guestsMax));
    const shape = this.#shape(home, request);
    if (shape.unsupported.length > 0) return { granted: 0, verdicts: shape.unsupported };
    const count = Math.min(request.count, this.guestsFree);
    const plan = placePods(this.#ledger.snapshot, shape, count, {
      keepFree: this.#config.keepFree,
    });
    const granted = plan.nodes.length;
    const verdicts = granted < request.count ? verdictsOf(plan.refusals) : [];
    if (granted === 0) return { granted, verdicts };
    const { requestId } = request;
    const reservation = this.#reservations.hold({ home, requestId, shape, nodes: plan.nodes, now });
    return { reservation, granted, verdicts };
  }

  /** @throws Fault `PermissionDenied` on `commit` and `release` of an agent that has been replaced. */
  step(event: HostEvent, now: MonotonicMs): readonly HostEffect[] {
    this.#reservations.expire(now);
    this.#take(event, now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  wakeAt(): MonotonicMs | undefined {
    return this.#reservations.nextExpiry();
  }

  /** The opening of a home's guest stream: all its guests, then `synced`. The caches must be whole. */
  picture(caller: Member, homeEpoch: number): readonly GuestUpdate[] {
    this.#admitEpoch(caller, homeEpoch);
    const updates: GuestUpdate[] = [];
    for (const guest of this.#guests.values()) {
      if (guest.id.home !== caller.cluster || guest.shadow === undefined) continue;
      updates.push(statusUpdate(guest.id.uid, guest.shadow));
    }
    updates.push({ kind: 'synced' });
    return updates;
  }

  #take(event: HostEvent, now: MonotonicMs): void {
    switch (event.kind) {
      case 'commit':
        return this.#commit(event, now);
      case 'release':
        return this.#release(event.caller, event.request, now);
      case 'created':
        return this.#created(event.guest, event.outcome, now);
      case 'shadow':
        return this.#shadow(event.pod);
      case 'shadowDeleted':
        return this.#shadowDeleted(event.pod, now);
      case 'tick':
        return;
      default:
        return unreachable(event);
    }
  }

  #commit(event: Extract<HostEvent, { kind: 'commit' }>, now: MonotonicMs): void {
    const { caller, request } = event;
    this.#admitEpoch(caller, request.homeEpoch);
    const home = caller.cluster;
    const uids = request.pods.map((pod) => (pod.metadata.uid ?? '') as PodUid);
    const call: Call = { home, uids, results: new Map() };
    this.#calls.set(event.call, call);
    for (const [i, pod] of request.pods.entries()) {
      const uid = uids[i];
      if (uid === undefined || call.results.has(uid)) continue;
      const result = this.#admit(event.call, { home, uid }, pod, request.reservationId);
      if (result !== undefined) call.results.set(uid, result);
    }
    this.#replyIfWhole(event.call, now);
  }

  /** The result, if it is known at once; else the guest is being created and the call waits for it. */
  #admit(
    call: number,
    id: GuestId,
    pod: Pod,
    reservation: ReservationId | undefined,
  ): CommitResult | undefined {
    const { uid } = id;
    const key = keyOf(id);
    const endedReason = this.#ended.reason(key);
    if (endedReason !== undefined) return { uid, outcome: 'ended', reason: endedReason };
    const known = this.#guests.get(key);
    if (known?.shadow !== undefined) return { uid, outcome: 'created' };
    if (known !== undefined) {
      known.waitingCalls.add(call);
      return undefined;
    }
    const node = this.#nodeFor(id, pod, reservation);
    if (typeof node !== 'string') return { uid, outcome: 'refused', verdict: node };
    this.#guests.set(key, {
      id,
      pod,
      shadow: undefined,
      creating: true,
      ending: undefined,
      deleteSent: false,
      waitingCalls: new Set([call]),
    });
    this.#ledger.assume(assumedPod(id, pod, this.#namespace(id.home, pod)), node);
    this.#effects.push({ kind: 'create', guest: id, pod, node });
    return undefined;
  }

  /**
   * The node that was held, if the pod still fits there: the cluster's own scheduler may have filled
   * it meanwhile. Else, and without a reservation, wherever it fits now.
   */
  #nodeFor(id: GuestId, pod: Pod, reservation: ReservationId | undefined): NodeName | Verdict {
    const shape = this.#shape(id.home, {
      namespace: pod.metadata.namespace ?? 'default',
      labels: pod.metadata.labels ?? {},
      spec: pod.spec,
    });
    if (shape.unsupported[0] !== undefined) return shape.unsupported[0];
    const held = reservation && this.#reservations.take(id.home, reservation);
    if (held === undefined) {
      if (!this.#config.accepting) return notAccepting;
      if (this.guestsFree === 0) return capReached(this.#config.guestsMax);
    }
    const { keepFree } = this.#config;
    if (held !== undefined) {
      const there = placePods(this.#ledger.snapshot, shape, 1, { nodes: [held] });
      if (there.nodes[0] !== undefined) return there.nodes[0];
    }
    const plan = placePods(this.#ledger.snapshot, shape, 1, { keepFree });
    return plan.nodes[0] ?? verdictsOf(plan.refusals)[0] ?? noRoom;
  }

  #created(id: GuestId, outcome: CreateOutcome, now: MonotonicMs): void {
    const key = keyOf(id);
    const guest = this.#guests.get(key);
    if (guest === undefined) return;
    guest.creating = false;
    const { uid } = id;
    if (outcome.kind === 'created' || outcome.kind === 'exists') {
      this.#resolve(guest, { uid, outcome: 'created' }, now);
      return this.#endIfWanted(guest);
    }
    // A failed create may have happened: should the shadow turn up, it is adopted then. Until it
    // does, its room is free again, and the home repeats its commit.
    this.#ledger.forget(assumedUid(id));
    if (guest.shadow !== undefined) return this.#resolve(guest, { uid, outcome: 'created' }, now);
    this.#guests.delete(key);
    const verdict = createVerdict(outcome);
    this.#resolve(guest, { uid, outcome: 'refused', verdict }, now);
    if (guest.ending !== undefined) this.#announceGone(guest, now);
  }

  #shadow(pod: Pod): void {
    const id = guestIdOf(pod);
    if (id === undefined) return;
    const key = keyOf(id);
    let guest = this.#guests.get(key);
    if (guest === undefined) {
      guest = {
        id,
        pod: undefined,
        shadow: pod,
        creating: false,
        ending: undefined,
        deleteSent: false,
        waitingCalls: new Set(),
      };
      this.#guests.set(key, guest);
    }
    // The watch shows it: it counts as itself now.
    if (guest.shadow === undefined) this.#ledger.forget(assumedUid(id));
    const first = guest.shadow === undefined || guest.pod !== undefined;
    guest.shadow = pod;
    guest.pod = undefined;
    if (first && this.#tippedOver(pod)) {
      guest.ending ??= { gracePeriodSeconds: 0 };
    }
    this.#effects.push({ kind: 'push', home: id.home, update: statusUpdate(id.uid, pod) });
    this.#endIfWanted(guest);
  }

  #shadowDeleted(pod: Pod, now: MonotonicMs): void {
    const id = guestIdOf(pod);
    if (id === undefined) return;
    const guest = this.#guests.get(keyOf(id));
    if (guest === undefined || guest.shadow?.metadata.uid !== pod.metadata.uid) return;
    guest.shadow = pod;
    this.#guests.delete(keyOf(id));
    this.#announceGone(guest, now);
  }

  #release(caller: Member, request: ReleaseRequest, now: MonotonicMs): void {
    this.#admitEpoch(caller, request.homeEpoch);
    for (const id of request.reservations) this.#reservations.release(caller.cluster, id);
    for (const { uid, gracePeriodSeconds } of request.guests) {
      const id = { home: caller.cluster, uid };
      const guest = this.#guests.get(keyOf(id));
      if (guest === undefined) {
        this.#ended.add(keyOf(id), 'released by its home', now);
        this.#effects.push({
          kind: 'push',
          home: id.home,
          update: goneUpdate(uid, undefined, true),
        });
        continue;
      }
      guest.ending = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
      this.#endIfWanted(guest);
    }
  }

  /** Deletes the shadow once it is known; one whose creation is under way is deleted after it. */
  #endIfWanted(guest: Guest): void {
    const { shadow, ending } = guest;
    if (ending === undefined || shadow === undefined || guest.creating || guest.deleteSent) return;
    guest.deleteSent = true;
    this.#effects.push({
      kind: 'delete',
      guest: guest.id,
      namespace: shadow.metadata.namespace ?? '',
      name: shadow.metadata.name ?? '',
      shadowUid: (shadow.metadata.uid ?? '') as PodUid,
      ...ending,
    });
  }

  #announceGone(guest: Guest, now: MonotonicMs): void {
    const update = goneUpdate(guest.id.uid, guest.shadow, guest.ending !== undefined);
    this.#ended.add(keyOf(guest.id), update.reason, now);
    this.#effects.push({ kind: 'push', home: guest.id.home, update });
  }

  /**
   * Whether this shadow, just seen, put its node above its allocatable: the cluster's own scheduler
   * bound a pod there at the same moment. A kubelet would reject the later of the two; we withdraw.
   */
  #tippedOver(pod: Pod): boolean {
    const node = pod.spec.nodeName && this.#ledger.snapshot.node(pod.spec.nodeName as NodeName);
    if (!node) return false;
    const { requested, allocatable } = node;
    return (
      requested.milliCpu > allocatable.milliCpu ||
      requested.memoryBytes > allocatable.memoryBytes ||
      node.podCount > node.allocatablePods ||
      [...requested.extended].some(
        ([name, amount]) => amount > (allocatable.extended.get(name) ?? 0),
      )
    );
  }

  #resolve(guest: Guest, result: CommitResult, now: MonotonicMs): void {
    for (const id of guest.waitingCalls) {
      this.#calls.get(id)?.results.set(result.uid, result);
      this.#replyIfWhole(id, now);
    }
    guest.waitingCalls.clear();
  }

  #replyIfWhole(id: number, _now: MonotonicMs): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const results = call.uids.map((uid) => call.results.get(uid));
    if (results.some((result) => result === undefined)) return;
    this.#calls.delete(id);
    this.#effects.push({ kind: 'reply', call: id, results: results as CommitResult[] });
  }

  #admitEpoch({ cluster }: Member, epoch: number): void {
    const newest = this.#epochs.get(cluster) ?? 0;
    if (epoch < newest) {
      throw new Fault(
        'PermissionDenied',
        `epoch ${epoch} of ${cluster}: its agent was replaced (epoch ${newest})`,
      );
    }
    this.#epochs.set(cluster, epoch);
  }

  #shape(
    home: ClusterName,
    pod: {
      readonly namespace: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly spec: Pod['spec'];
    },
  ): PodShape {
    const namespace = this.#options.guestNamespace(home, pod.namespace);
    return shapeOf({ metadata: { namespace, labels: pod.labels }, spec: pod.spec });
  }

  #namespace(home: ClusterName, pod: Pod): string {
    return this.#options.guestNamespace(home, pod.metadata.namespace ?? 'default');
  }

  #liveGuests(): number {
    let live = 0;
    for (const guest of this.#guests.values()) if (isLive(guest)) live += 1;
    return live;
  }
}

/** A guest that takes room, or is about to. */
function isLive({ shadow }: Guest): boolean {
  return shadow?.status?.phase !== 'Succeeded' && shadow?.status?.phase !== 'Failed';
}
