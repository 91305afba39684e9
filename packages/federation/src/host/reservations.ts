/**
 * Room held for homes: promises in memory, bounded in time and number. Losing them all (a crash)
 * costs each home a retry and nothing else.
 */
import {
  after,
  assert,
  type ClusterName,
  Fault,
  type MonotonicMs,
  type NodeName,
  type PodShape,
  type ReservationId,
} from '@spillway/core';
import type { Ledger } from '@spillway/scheduling';
import type { ReserveAnswer } from '../negotiation.ts';
import type { HostConfig } from './config.ts';

interface Reservation {
  readonly id: ReservationId;
  readonly home: ClusterName;
  readonly requestKey: string;
  readonly shape: PodShape;
  readonly expires: MonotonicMs;
  /** The answer given, for a repeated request. */
  readonly granted: number;
}

export class Reservations {
  readonly #ledger: Ledger;
  readonly #config: HostConfig;
  /** In the order of expiry, since all live equally long. */
  readonly #byId = new Map<ReservationId, Reservation>();
  readonly #byRequest = new Map<string, Reservation>();
  readonly #countByHome = new Map<ClusterName, number>();
  readonly #incarnation: string;
  #next = 0;

  /** `incarnation` makes ids unique among the lives of this host's agents. */
  constructor(options: {
    readonly ledger: Ledger;
    readonly config: HostConfig;
    readonly incarnation: string;
  }) {
    this.#ledger = options.ledger;
    this.#config = options.config;
    this.#incarnation = options.incarnation;
  }

  /** Slots held and not yet taken. */
  get held(): number {
    let held = 0;
    for (const id of this.#byId.keys()) held += this.#ledger.heldNodes(id).length;
    return held;
  }

  /** The answer that a repetition of an earlier request gets, if it is one. */
  repeated(home: ClusterName, requestId: string, now: MonotonicMs): ReserveAnswer | undefined {
    const reservation = this.#byRequest.get(`${home}/${requestId}`);
    if (reservation === undefined) return undefined;
    const ttlMs = Math.max(0, reservation.expires - now);
    return {
      reservation: { id: reservation.id, ttlMs },
      granted: reservation.granted,
      verdicts: [],
    };
  }

  /** @throws Fault `ResourceExhausted` when the home has too many open. */
  hold(options: {
    readonly home: ClusterName;
    readonly requestId: string;
    readonly shape: PodShape;
    readonly nodes: readonly NodeName[];
    readonly now: MonotonicMs;
  }): ReserveAnswer['reservation'] & object {
    const { home, shape, nodes, now } = options;
    const count = this.#countByHome.get(home) ?? 0;
    if (count >= this.#config.reservationsPerHomeMax) {
      throw new Fault(
        'ResourceExhausted',
        `${home} has ${count} reservations open, the most allowed`,
      );
    }
    const id = `${this.#incarnation}-${this.#next++}` as ReservationId;
    const ttlMs = this.#config.reservationTtlMs;
    const requestKey = `${home}/${options.requestId}`;
    const reservation = {
      id,
      home,
      requestKey,
      shape,
      expires: after(now, ttlMs),
      granted: nodes.length,
    };
    assert(nodes.length > 0, 'a reservation holds at least one slot');
    this.#ledger.hold(id, shape, nodes);
    this.#byId.set(id, reservation);
    this.#byRequest.set(requestKey, reservation);
    this.#countByHome.set(home, count + 1);
    return { id, ttlMs };
  }

  /**
   * The node of one held slot. Undefined when the reservation is unknown, expired, used up, or of another
   * home. Also undefined for another shape: room that was granted for a small pod is not used for a large
   * one.
   */
  take(home: ClusterName, id: ReservationId, shape: PodShape): NodeName | undefined {
    const reservation = this.#byId.get(id);
    if (reservation?.home !== home || reservation.shape.key !== shape.key) return undefined;
    return this.#ledger.takeHeld(id);
  }

  /** A node on which it holds a slot; undefined as for `take`, and nothing is taken. */
  nodeOf(home: ClusterName, id: ReservationId): NodeName | undefined {
    return this.#byId.get(id)?.home === home ? this.#ledger.heldNodes(id)[0] : undefined;
  }

  release(home: ClusterName, id: ReservationId): void {
    const reservation = this.#byId.get(id);
    if (reservation?.home === home) this.#drop(reservation);
  }

  releaseAll(of: (home: ClusterName) => boolean): void {
    for (const reservation of this.#byId.values()) {
      if (of(reservation.home)) this.#drop(reservation);
    }
  }

  expire(now: MonotonicMs): void {
    for (const reservation of this.#byId.values()) {
      if (reservation.expires > now) return;
      this.#drop(reservation);
    }
  }

  nextExpiry(): MonotonicMs | undefined {
    const [first] = this.#byId.values();
    return first?.expires;
  }

  #drop(reservation: Reservation): void {
    this.#ledger.releaseHold(reservation.id);
    this.#byId.delete(reservation.id);
    this.#byRequest.delete(reservation.requestKey);
    const { home } = reservation;
    const left = (this.#countByHome.get(home) ?? 0) - 1;
    assert(left >= 0, `reservations of ${home} are counted`);
    if (left === 0) this.#countByHome.delete(home);
    else this.#countByHome.set(home, left);
  }
}
