/**
 * The life of shadows: created, bound, seen, ended, gone. A guest counts as assumed on its node from the
 * moment its shadow is to be created until the watch shows the shadow there. What was never bound has never
 * run: its home may commit it again. What was bound is gone for good once its shadow is.
 */
import {
  assert,
  type ClusterName,
  earliest,
  type MonotonicMs,
  type Pod,
  wellKnown,
} from '@spillway/core';
import type { Ledger } from '@spillway/scheduling';
import { isFenced } from '../offload/fence.ts';
import { isRevoked, type RevokedClusters } from '../membership/revoked.ts';
import {
  assumedPod,
  assumedUid,
  createVerdict,
  goneUpdate,
  keyOf,
  notBound,
  notShown,
  statusUpdate,
} from './answers.ts';
import { isUnschedulable, isUnbound, pinnedNode } from './binding.ts';
import type { HostConfig } from './config.ts';
import { EndedGuests } from './ended-guests.ts';
import { Endings } from './endings.ts';
import type { CreateOutcome, GuestId, HostEffect, HostEvent } from './events.ts';
import { isCreated } from './guest-views.ts';
import {
  type Guest,
  type Guests,
  type LateCreation,
  type PendingGuest,
  whyEnded,
} from './guests.ts';
import { LateCreations } from './late-creations.ts';
import { labelledIdOf, shadowIdOf } from './shadow-identity.ts';
import { overcommitsNode } from './overcommitted-node.ts';
import { UnboundGuests } from './unbound-guests.ts';

export interface ShadowsOptions {
  readonly ledger: Ledger;
  readonly config: Pick<HostConfig, 'endedTtlMs' | 'endedMax'>;
  readonly guests: Guests;
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
  readonly emit: (effect: HostEffect) => void;
}

export class Shadows {
  readonly #options: ShadowsOptions;
  readonly #ledger: Ledger;
  readonly #guests: Guests;
  readonly #ended: EndedGuests;
  readonly #endings: Endings;
  readonly #lateCreations: LateCreations;
  readonly #unbound = new UnboundGuests();
  revoked: RevokedClusters = new Set();
  #leaving = false;

  constructor(options: ShadowsOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#guests = options.guests;
    this.#lateCreations = new LateCreations(options.ledger);
    this.#endings = new Endings(options.emit);
    this.#ended = new EndedGuests({
      ttlMs: options.config.endedTtlMs,
      max: options.config.endedMax,
    });
  }

  /** Why a guest ended that is not made again. */
  endedReason(id: GuestId): string | undefined {
    return this.#ended.reason(keyOf(id));
  }

  /** Whether the host's scheduler has left a shadow alone for too long. */
  schedulerIsSilent(now: MonotonicMs): boolean {
    return this.#unbound.isSilent(now);
  }

  isUnanswered(now: MonotonicMs): boolean {
    const expiry = this.#lateCreations.nextExpiry();
    return (expiry !== undefined && now < expiry) || this.#guests.isUnanswered(now);
  }

  /** Frees the room of creations that can no longer take effect. Before any other event. */
  expire(now: MonotonicMs): void {
    this.#lateCreations.expire(now);
  }

  /** What has become overdue. After any other event. */
  tick(now: MonotonicMs): void {
    for (const guest of this.#guests.overdue(now)) this.#never(guest, now);
    for (const guest of this.#unbound.overdue(now)) this.#notBound(guest);
    this.#endings.retry(now);
  }

  nextTick(): MonotonicMs | undefined {
    const created = earliest(this.#lateCreations.nextExpiry(), this.#guests.nextDoubtEnds());
    return earliest(created, earliest(this.#unbound.nextOverdue(), this.#endings.nextRetry()));
  }

  /** Creates the shadow of a new guest. */
  begin(id: GuestId, pending: PendingGuest): Guest {
    const guest = this.#guests.add(id, { state: 'creating', pending, shadow: undefined });
    this.#ledger.assume(this.#assumed(id, pending.pod), pending.place.node);
    this.#options.emit({ kind: 'createShadow', guest: id, ...pending });
    return guest;
  }

  /** Creates the shadow again. It is not known whether it was created. */
  repeat(guest: Guest): void {
    if (guest.state !== 'doubtful' || guest.pending === undefined) return;
    this.#guests.settleDoubt(guest, 'creating');
    this.#options.emit({ kind: 'createShadow', guest: guest.id, ...guest.pending });
  }

  created(id: GuestId, outcome: CreateOutcome, now: MonotonicMs): void {
    const guest = this.#guests.get(id);
    if (guest?.state !== 'creating') return;
    const { uid } = id;
    if (outcome.kind === 'created' || outcome.kind === 'exists') {
      this.#guests.created(guest, now);
      if (isCreated(guest)) this.#guests.resolve(guest, { uid, outcome: 'created' });
      return;
    }
    const verdict = createVerdict(outcome);
    this.#guests.resolve(guest, { uid, outcome: 'refused', verdict });
    // Its room stays taken while it may turn up. The home repeats its commit, and so it is settled.
    if (outcome.kind === 'failed') this.#guests.unanswered(guest, now);
    else if (mayComeThrough(guest.late, now)) this.#guests.doubt(guest, guest.late.until);
    else this.#never(guest, now);
  }

  /**
   * Guests of homes that are no longer members end with their own grace. What is being created ends
   * as soon as it is seen.
   */
  revoke(clusters: RevokedClusters): void {
    this.revoked = clusters;
    for (const guest of this.#guests.all()) {
      if (isRevoked(clusters, guest.id.home)) this.#end(guest, { revoked: true });
    }
  }

  /** Guests end with their own grace; the homes are told, and their controllers replace them elsewhere. */
  leave(): void {
    this.#leaving = true;
    for (const guest of this.#guests.all()) this.#end(guest, { hostLeaves: true });
  }

  /** The home wants it gone, whether it is here or not. */
  release(id: GuestId, gracePeriodSeconds: number | undefined, now: MonotonicMs): void {
    const guest = this.#guests.get(id);
    if (guest === undefined) {
      this.#ended.add(keyOf(id), 'released by its home', now);
      const update = goneUpdate({ uid: id.uid, shadow: undefined, why: 'released' });
      return this.#options.emit({ kind: 'push', home: id.home, update });
    }
    guest.ending = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    this.#endings.endIfWanted(guest);
  }

  /** The delete of a shadow has ended. */
  deleted(event: Extract<HostEvent, { kind: 'deleted' }>, now: MonotonicMs): void {
    const guest = this.#guests.get(event.guest);
    if (guest !== undefined) this.#endings.deleted(guest, event, now);
  }

  #remove(guest: Guest): void {
    this.#guests.remove(guest);
    this.#endings.forget(guest);
    this.#unbound.forget(guest);
  }

  /** There is no shadow and there will be none. */
  #never(guest: Guest, now: MonotonicMs): void {
    this.#ledger.forget(assumedUid(guest.id));
    this.#remove(guest);
    if (guest.ending !== undefined) return this.#announceGone(guest, now);
    const { uid } = guest.id;
    this.#guests.resolve(guest, { uid, outcome: 'refused', verdict: notShown });
  }

  /** A shadow as the API server has it now. */
  seen(pod: Pod, now: MonotonicMs): void {
    const id = shadowIdOf(pod, this.#options.guestNamespace);
    if (id === undefined) return;
    const known = this.#guests.get(id);
    // The one that was there first counts, until it is gone.
    if (known?.shadow !== undefined && known.shadow.metadata.uid !== pod.metadata.uid) return;
    const guest = known ?? this.#guests.add(id, { state: 'seen', pending: undefined, shadow: pod });
    this.#lateCreations.seen(id);
    guest.shadow = pod;
    if (known === undefined && this.#ended.reason(keyOf(id)) !== undefined) {
      // A creation that came through after its guest had been given up.
      guest.ending ??= { gracePeriodSeconds: 0 };
    }
    if (isRevoked(this.revoked, id.home)) guest.ending ??= { revoked: true };
    if (this.#leaving) guest.ending ??= { hostLeaves: true };
    if (isUnbound(pod)) this.#unplaced(guest, pod, now);
    else this.#placed(guest, pod, known === undefined);
    this.#endings.endIfWanted(guest);
  }

  /** The watch shows the shadow on its node: it counts as itself now. */
  #placed(guest: Guest, pod: Pod, isNew: boolean): void {
    const { id, pending } = guest;
    if (pending !== undefined) this.#ledger.forget(assumedUid(id));
    guest.pending = undefined;
    this.#unbound.decided(guest);
    this.#guests.settleDoubt(guest, 'seen');
    this.#guests.resolve(guest, { uid: id.uid, outcome: 'created' });
    guest.shown = true;
    const fresh = pending !== undefined || (isNew && pod.status?.startTime === undefined);
    // A scheduler of the host's has looked whether it fits.
    const unchecked = pod.spec.schedulerName === wellKnown.schedulerName;
    if (fresh && unchecked && overcommitsNode(pod, this.#ledger)) {
      guest.ending ??= { gracePeriodSeconds: 0, withdrawn: true };
    }
    this.#options.emit({ kind: 'push', home: id.home, update: statusUpdate(id.uid, pod) });
  }

  /** The shadow waits for the host's scheduler. After a restart, it says itself where its room is. */
  #unplaced(guest: Guest, pod: Pod, now: MonotonicMs): void {
    guest.pending ??= pendingOf(pod);
    const { id, pending } = guest;
    if (pending) this.#ledger.assume(this.#assumed(id, pending.pod), pending.place.node);
    this.#guests.settleDoubt(guest, 'unbound');
    if (guest.ending !== undefined) return;
    this.#unbound.wait(guest, now);
    if (!isUnschedulable(pod)) return;
    this.#unbound.decided(guest);
    this.#notBound(guest);
  }

  /** It never ran, so its home may commit it again. */
  #notBound(guest: Guest): void {
    guest.ending ??= { unbound: true };
    const { uid } = guest.id;
    this.#guests.resolve(guest, { uid, outcome: 'refused', verdict: notBound });
    this.#endings.endIfWanted(guest);
  }

  /** The shadow is gone. */
  gone(pod: Pod, now: MonotonicMs): void {
    const id = labelledIdOf(pod);
    const guest = id && this.#guests.get(id);
    if (guest?.shadow === undefined || guest.shadow.metadata.uid !== pod.metadata.uid) return;
    const last = isWhole(pod) ? pod : guest.shadow;
    guest.shadow = last;
    if (guest.pending !== undefined) this.#ledger.forget(assumedUid(guest.id));
    guest.pending = undefined;
    if (mayComeThrough(guest.late, now)) this.#keepRoom(guest, guest.late);
    // Nothing may replace a fenced pod while another copy of it may come to be.
    if (isFenced(last) && guest.state === 'doubtful') return;
    this.#remove(guest);
    this.#announceGone(guest, now);
  }

  /** Its shadow is gone, and another may take its place: one whose creation was never answered. */
  #keepRoom(guest: Guest, late: LateCreation): void {
    const { id, shadow } = guest;
    const assumed = this.#assumed(id, late.pod);
    if (shadow === undefined || !isFenced(shadow)) {
      return this.#lateCreations.keep(id, { ...late, pod: assumed });
    }
    this.#ledger.assume(assumed, late.place.node);
    guest.pending = late;
    guest.last = shadow;
    guest.shadow = undefined;
    guest.ending ??= { deleted: true };
    this.#guests.doubt(guest, late.until);
  }

  /** For this reason, unless there was another one before. A guest that its home might commit again ends permanently. */
  #end(guest: Guest, why: NonNullable<Guest['ending']>): void {
    if (guest.ending === undefined || guest.ending.unbound) guest.ending = why;
    this.#endings.endIfWanted(guest);
  }

  #assumed(id: GuestId, pod: Pod): Pod {
    const namespace = this.#options.guestNamespace(id.home, pod.metadata.namespace ?? 'default');
    return assumedPod(id, pod, namespace);
  }

  #announceGone(guest: Guest, now: MonotonicMs): void {
    const { ending, shadow, last } = guest;
    const { uid, home } = guest.id;
    if (ending?.unbound && !guest.shown) {
      return this.#guests.resolve(guest, { uid, outcome: 'refused', verdict: notBound });
    }
    assert(this.#guests.get(guest.id) !== guest, 'a guest is gone before its home is told');
    const why = whyEnded(ending);
    const update = goneUpdate({ uid, shadow: shadow ?? last, why });
    this.#ended.add(keyOf(guest.id), update.reason, now);
    this.#guests.resolve(guest, { uid, outcome: 'ended', reason: update.reason });
    this.#options.emit({ kind: 'push', home, update });
  }
}

/** What the host was about to do, by an unbound shadow that an earlier agent created. */
function pendingOf(shadow: Pod): PendingGuest | undefined {
  const node = pinnedNode(shadow);
  if (node === undefined) return undefined;
  const { metadata, spec } = shadow;
  const namespace = metadata.labels?.[wellKnown.homeNamespaceLabel] ?? 'default';
  const { schedulerName = '' } = spec;
  const place = { node, scheduler: schedulerName };
  return { pod: { metadata: { ...metadata, namespace }, spec }, place };
}

/** Only the metadata is known of a pod whose deletion the watch has missed. */
function isWhole(pod: Partial<Pod>): boolean {
  return pod.spec !== undefined;
}

function mayComeThrough(late: LateCreation | undefined, now: MonotonicMs): late is LateCreation {
  return late !== undefined && now < late.until;
}
