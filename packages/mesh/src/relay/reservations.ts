/**
 * Slots at relays, for a member that nobody can dial: at two different ones if there are two, requested
 * again when lost. The addresses there go into our adverts.
 *
 * libp2p's own search for relays is not used. It never tries again a relay that it could not dial once. So a
 * relay that restarts would be lost to us for good.
 */
import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { Connection, IdentifyResult, Libp2p, PeerId as Libp2pPeer } from '@libp2p/interface';
import {
  after,
  type Clock,
  jittered,
  type MonotonicMs,
  type PeerId,
  peerId,
  type Random,
} from '@spillway/core';
import { circuitAddress, isRelayedAddress } from './path.ts';

/** The part of circuit relay's transport that asks for slots. */
export interface ReservationStore {
  addRelay(peer: Libp2pPeer, type: 'configured'): Promise<unknown>;
  hasReservation(peer: Libp2pPeer): boolean;
}

export interface ReservationsOptions {
  readonly node: Libp2p;
  readonly store: ReservationStore;
  readonly self: PeerId;
  /** Undefined: to be found out. */
  readonly reachable: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** What a member says in its adverts of where it is; empty while none has come. */
  readonly addressesOf: (peer: PeerId) => readonly string[];
  readonly rttMsOf: (peer: PeerId) => number;
  readonly onChange: () => void;
}

const relaysWanted = 2;
/** Maximum number of a relay's addresses in an advert. */
const addressesPerRelayMax = 2;
const retryMsMin = 2_000;
const retryMsMax = 60_000;
/** How long without an incoming dial, while we dial others, until we assume that no cluster can dial us (ms). */
const undialledMs = 60_000;

interface Attempt {
  next: MonotonicMs;
  backoffMs: number;
  asking: boolean;
}

export class Reservations {
  readonly #options: ReservationsOptions;
  /** Members that serve as relays, as identify tells. */
  readonly #serving = new Set<PeerId>();
  readonly #attempts = new Map<PeerId, Attempt>();
  #held: readonly PeerId[] = [];
  #said = '';
  #dialled = false;
  #connectedSince: MonotonicMs | undefined;

  constructor(options: ReservationsOptions) {
    this.#options = options;
    const { node } = options;
    node.addEventListener('peer:identify', ({ detail }) => this.#identified(detail));
    node.addEventListener('connection:open', ({ detail: { direct, direction } }) => {
      if (direct && direction === 'inbound') this.#dialled = true;
    });
    node.addEventListener('peer:disconnect', ({ detail }) => {
      const peer = peerId(detail.toString());
      this.#serving.delete(peer);
      this.#attempts.delete(peer);
    });
  }

  /** Relays where we can be reached, while we need any. */
  held(): readonly PeerId[] {
    return this.needed() ? this.#held : [];
  }

  addresses(): readonly string[] {
    return this.held().flatMap((relay) =>
      this.#relayAddresses(relay).map((address) =>
        circuitAddress(address, { relay, member: this.#options.self }),
      ),
    );
  }

  needed(): boolean {
    const { reachable, clock } = this.#options;
    if (reachable !== undefined) return !reachable;
    if (this.#dialled || this.#connectedSince === undefined) return false;
    return clock.monotonicMs() - this.#connectedSince >= undialledMs;
  }

  tick(now: MonotonicMs): void {
    const { store, onChange } = this.#options;
    const direct = this.#directConnections();
    if (direct.size > 0) this.#connectedSince ??= now;
    this.#held = [...direct]
      .filter(([, { remotePeer }]) => store.hasReservation(remotePeer))
      .map(([peer]) => peer);
    const said = this.addresses().join();
    if (said !== this.#said) {
      this.#said = said;
      onChange();
    }
    if (!this.needed()) return;
    let missing = relaysWanted - this.#held.length;
    for (const attempt of this.#attempts.values()) if (attempt.asking) missing -= 1;
    for (const connection of this.#candidates(direct, now)) {
      if (missing <= 0) return;
      missing -= 1;
      void this.#ask(connection);
    }
  }

  #identified({ peerId: peer, protocols }: IdentifyResult): void {
    const id = peerId(peer.toString());
    if (protocols.includes(RELAY_V2_HOP_CODEC)) this.#serving.add(id);
    else this.#serving.delete(id);
  }

  /** The nearest first: what is relayed goes the whole way there and on. */
  #candidates(direct: ReadonlyMap<PeerId, Connection>, now: MonotonicMs): readonly Connection[] {
    const { rttMsOf } = this.#options;
    return [...direct]
      .filter(([peer]) => {
        const attempt = this.#attempts.get(peer);
        const due = attempt === undefined || (!attempt.asking && attempt.next <= now);
        return this.#serving.has(peer) && !this.#held.includes(peer) && due;
      })
      .filter(([peer]) => this.#relayAddresses(peer).length > 0)
      .sort(([a], [b]) => rttMsOf(a) - rttMsOf(b))
      .map(([, connection]) => connection);
  }

  async #ask({ remotePeer }: Connection): Promise<void> {
    const { store, clock, random } = this.#options;
    const peer = peerId(remotePeer.toString());
    const attempt = this.#attempts.get(peer) ?? {
      next: clock.monotonicMs(),
      backoffMs: retryMsMin,
      asking: false,
    };
    this.#attempts.set(peer, attempt);
    attempt.asking = true;
    try {
      await store.addRelay(remotePeer, 'configured');
      attempt.backoffMs = retryMsMin;
    } catch {
      // Full, or gone: others are asked meanwhile.
      attempt.backoffMs = Math.min(attempt.backoffMs * 2, retryMsMax);
    }
    attempt.next = after(clock.monotonicMs(), jittered(random, attempt.backoffMs, 0.25));
    attempt.asking = false;
  }

  #directConnections(): ReadonlyMap<PeerId, Connection> {
    const direct = new Map<PeerId, Connection>();
    for (const connection of this.#options.node.getConnections()) {
      if (!connection.direct || connection.status !== 'open') continue;
      direct.set(peerId(connection.remotePeer.toString()), connection);
    }
    return direct;
  }

  /** What the relay says of itself; until it has, where we dialled it. None if it is itself relayed. */
  #relayAddresses(relay: PeerId): readonly string[] {
    const said = this.#options.addressesOf(relay);
    if (said.length > 0) {
      return said.filter((each) => !isRelayedAddress(each)).slice(0, addressesPerRelayMax);
    }
    const dialled = this.#directConnections().get(relay);
    return dialled?.direction === 'outbound' ? [dialled.remoteAddr.toString()] : [];
  }
}
