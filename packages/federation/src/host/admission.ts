/**
 * What a host accepts. It answers homes that ask for room by its own pipeline on its own snapshot, and holds
 * what it grants. It finds the node for a pod that is committed. A held slot is a promise: it is kept even
 * if the guest limit or the switch has changed since. All else is decided by what is true now.
 */
import {
  assert,
  type ClusterName,
  Fault,
  type MonotonicMs,
  type NodeName,
  type Pod,
  type PodShape,
  type ReservationId,
  shapeOf,
  type Verdict,
  virtualNodeName,
} from '@spillway/core';
import { type Ledger, placePods } from '@spillway/scheduling';
import type { Member, ReserveAnswer, ReserveRequest } from '../negotiation.ts';
import { capReached, noFreeCapacity, notAccepting, notHonoured, verdictsOf } from './answers.ts';
import type { HostConfig } from './config.ts';
import { type GuestPod, guestPod } from './guest-pod.ts';
import type { GuestTerms } from './guest-terms.ts';
import { Reservations } from './reservations.ts';

export interface AdmissionOptions {
  readonly ledger: Ledger;
  readonly config: HostConfig;
  /** Makes reservation ids unique among the lives of this host's agents. */
  readonly incarnation: string;
  /** Where a home's pods live here. */
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
  /** This host; homes call their node for it `spillway-<cluster>`. */
  readonly cluster: ClusterName;
  readonly terms: GuestTerms;
  /** Guests that take room, or are about to. */
  readonly liveGuests: () => number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #ledger: Ledger;
  readonly #reservations: Reservations;
  /** The newest seen of each home. Bounded by the federation's members. */
  readonly #epochs = new Map<ClusterName, number>();
  config: HostConfig;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.config = options.config;
    this.#reservations = new Reservations(options);
  }

  /** Slots held and not yet taken. */
  get held(): number {
    return this.#reservations.held;
  }

  /** How many more guests the cap lets in. */
  get guestsFree(): number {
    if (!this.config.accepting) return 0;
    return Math.max(0, this.config.guestsMax - this.#options.liveGuests() - this.held);
  }

  /** @throws Fault `PermissionDenied` for an agent that has been replaced. */
  admitEpoch({ cluster }: Member, epoch: number): void {
    const newest = this.#epochs.get(cluster) ?? 0;
    if (epoch < newest) {
      throw new Fault(
        'PermissionDenied',
        `epoch ${epoch} of ${cluster}: its agent was replaced (epoch ${newest})`,
      );
    }
    this.#epochs.set(cluster, epoch);
  }

  /** @throws Fault `ResourceExhausted` when the home holds too many reservations. */
  reserve(home: ClusterName, request: ReserveRequest, now: MonotonicMs): ReserveAnswer {
    this.expire(now);
    const { requestId } = request;
    const repeated = this.#reservations.repeated(home, requestId, now);
    if (repeated !== undefined) return repeated;
    const { accepting, guestsMax, keepFree } = this.config;
    const refuse = (...verdicts: Verdict[]): ReserveAnswer => ({ granted: 0, verdicts });
    if (!accepting) return refuse(notAccepting);
    const free = this.guestsFree;
    if (free === 0) return refuse(capReached(guestsMax));
    const { namespace, labels, spec } = request;
    const {
      pod,
      dropped,
      verdicts: never,
    } = this.honoured(home, {
      metadata: { namespace, labels },
      spec,
    });
    if (never.length > 0) return refuse(...never);
    const shape = this.#shape(home, pod);
    if (shape.unsupported.length > 0) return refuse(...shape.unsupported);
    const count = Math.min(request.count, free);
    const plan = placePods(this.#ledger.snapshot, shape, count, { keepFree });
    const granted = plan.nodes.length;
    assert(granted <= count, 'no more is granted than was asked for');
    const verdicts = granted < count ? [...verdictsOf(plan.refusals), ...notHonoured(dropped)] : [];
    if (granted === 0) return refuse(...(verdicts.length > 0 ? verdicts : [noFreeCapacity]));
    const reservation = this.#reservations.hold({ home, requestId, shape, nodes: plan.nodes, now });
    const capped = count < request.count && granted === count;
    return { reservation, granted, verdicts: capped ? [capReached(guestsMax)] : verdicts };
  }

  /**
   * The node that was held, if the pod still fits there: the cluster's own scheduler may have filled
   * it meanwhile. Else, and without a reservation, wherever it fits now. `pod`: as it is honoured.
   */
  nodeFor(home: ClusterName, pod: Pod, reservation: ReservationId | undefined): NodeName | Verdict {
    const shape = this.#shape(home, pod);
    if (shape.unsupported[0] !== undefined) return shape.unsupported[0];
    const { accepting, guestsMax, keepFree } = this.config;
    const held = reservation && this.#reservations.take(home, reservation, shape);
    if (held === undefined) {
      if (!accepting) return notAccepting;
      if (this.guestsFree === 0) return capReached(guestsMax);
    } else {
      const there = placePods(this.#ledger.snapshot, shape, 1, { nodes: [held] });
      if (there.nodes[0] !== undefined) return there.nodes[0];
    }
    const plan = placePods(this.#ledger.snapshot, shape, 1, { keepFree });
    return plan.nodes[0] ?? verdictsOf(plan.refusals)[0] ?? noFreeCapacity;
  }

  /** A node that is held by this reservation, if one is. */
  heldNode(home: ClusterName, id: ReservationId): NodeName | undefined {
    return this.#reservations.nodeOf(home, id);
  }

  release(home: ClusterName, id: ReservationId): void {
    this.#reservations.release(home, id);
  }

  /** What is held for any home of which this is said. */
  releaseAll(of: (home: ClusterName) => boolean): void {
    this.#reservations.releaseAll(of);
  }

  expire(now: MonotonicMs): void {
    this.#reservations.expire(now);
  }

  nextExpiry(): MonotonicMs | undefined {
    return this.#reservations.nextExpiry();
  }

  /** What of `sent` this host is ready to run, by its terms. */
  honoured(home: ClusterName, sent: Pod): GuestPod {
    const { terms, guestNamespace, cluster } = this.#options;
    return guestPod(sent, { home, terms, guestNamespace, homeNode: virtualNodeName(cluster) });
  }

  #shape(home: ClusterName, { metadata, spec }: Pod): PodShape {
    const { namespace = 'default', labels = {} } = metadata;
    const guestNamespace = this.#options.guestNamespace(home, namespace);
    return shapeOf({ metadata: { namespace: guestNamespace, labels }, spec });
  }
}
