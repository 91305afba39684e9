/**
 * Keeps connections: to a bootstrap address until someone is known, then to the members whose
 * adverts tell their addresses, with jittered back-off. Measures RTTs on them, and closes one that
 * has been dead for several pings, so that a new one can be tried. What is relayed is replaced by a
 * direct connection as soon as there is a way.
 */
import type { Connection, Libp2p } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import {
  after,
  type Clock,
  type ClusterName,
  Fault,
  jittered,
  type MonotonicMs,
  type PeerId,
  type Random,
} from '@spillway/core';
import type { Member } from '@spillway/federation';
import type { Membership } from './identity/certificate.ts';
import { bestOf, inUse, isRelayedAddress } from './relay/path.ts';
import { roundTripMs } from './relay/round-trip.ts';

export interface LinksOptions {
  readonly node: Libp2p;
  readonly members: Map<PeerId, Membership>;
  readonly self: PeerId;
  readonly bootstrap: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly onRtt: (member: Member, rttMs: number) => void;
  /** Number of connections to keep; other members are reached through gossip, and dialled when needed. */
  readonly soughtMax: number;
  /** Of the neighbours that may be measured now, whose RTT is best measured next. */
  readonly surveyNext: (may: (cluster: ClusterName) => boolean) => ClusterName | undefined;
  /** A relayed connection has a direct one beside it now, and ends soon. */
  readonly onMoved: (member: Member) => void;
  /** Every `tickMs`. */
  readonly onTick: (now: MonotonicMs) => void;
}

interface Link {
  readonly member: Member;
  addresses: readonly string[];
  nextDial: MonotonicMs;
  backoffMs: number;
  dialling: boolean;
  nextPing: MonotonicMs;
  pinging: boolean;
  lostPings: number;
  /** Still to come before pings are `pingMs` apart. */
  quickPings: number;
  /** The least on the connection in use, if measured. */
  rttMs: number | undefined;
  /** When to try to do without the relay. */
  nextDirect: MonotonicMs;
  directBackoffMs: number;
  nextSurvey: MonotonicMs;
}

/** Of streams that carry calls between agents. */
export const negotiationProtocol = '/spillway/negotiation/1';

const tickMs = 250;
const dialMsMin = 500;
const dialMsMax = 10_000;
const dialTimeoutMs = 15_000;
/** The first pings of a connection come quickly: the least of a few is the way’s own. */
const pingMsFirst = 500;
const pingMs = 10_000;
const quickPings = 5;
/** Maximum number of pings lost in a row before the connection is closed: 3 × (10 s + time-out). */
const lostPingsMax = 3;
/**
 * In a federation that is larger than what is kept connected, one of the others is measured at this
 * interval. Coordinates say which of them seem near. Only a measurement says which is the nearest.
 */
const surveyMs = 10_000;
const surveyPings = 3;
/** Nobody is surveyed again sooner, so that one that can't be reached does not keep the others waiting. */
const surveyAgainMs = 10 * 60_000;
/**
 * How soon one that has a newer one beside it must answer. An agent that ended without a word leaves
 * connections that seem open, and its successor, with the same key, opens its own.
 */
const doubtedMs = 5_000;
/** Who is reached through a relay is tried directly at once, and then less and less often. */
const directMsMin = 5_000;
const directMsMax = 5 * 60_000;
/** Calls that run on a relayed connection may end there. */
const drainMs = 5_000;

export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<ClusterName, Link>();
  readonly #bootstrap: { next: MonotonicMs; backoffMs: number; dialling: boolean };
  #timer: NodeJS.Timeout | undefined;
  #nextSurvey: MonotonicMs;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#nextSurvey = options.clock.monotonicMs();
    this.#bootstrap = { next: options.clock.monotonicMs(), backoffMs: dialMsMin, dialling: false };
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** What an accepted advert says: a changed address is tried at once. */
  learn(member: Member, addresses: readonly string[]): void {
    const link = this.#link(member);
    if (String(link.addresses) === String(addresses)) return;
    link.addresses = addresses;
    link.backoffMs = dialMsMin;
    link.directBackoffMs = directMsMin;
    link.nextDirect = this.#options.clock.monotonicMs();
    // Both ends learn of each other at once: the smaller peer id dials first.
    const delayMs = this.#options.self < member.peer ? 0 : 2_000;
    link.nextDial = after(this.#options.clock.monotonicMs(), delayMs);
  }

  connected(member: Member): void {
    const link = this.#link(member);
    link.lostPings = 0;
    link.backoffMs = dialMsMin;
    this.#measureAnew(link);
  }

  /** One more connection to a member. */
  opened(member: Member, connection: Connection): void {
    if (!connection.direct) return;
    const others = this.#options.node
      .getConnections(connection.remotePeer)
      .filter(({ id, status }) => id !== connection.id && status === 'open');
    for (const other of others) if (other.direct) void this.#doubt(other);
    if (others.every(({ direct }) => direct)) return;
    this.#measureAnew(this.#link(member));
    this.#options.onMoved(member);
  }

  /** What the member's last advert says of where it is. */
  addressesOf(peer: PeerId): readonly string[] {
    return this.#linkOf(peer)?.addresses ?? [];
  }

  rttMsOf(peer: PeerId): number {
    return this.#linkOf(peer)?.rttMs ?? Number.MAX_SAFE_INTEGER;
  }

  disconnected(peer: PeerId): void {
    const link = this.#linkOf(peer);
    if (link === undefined) return;
    link.nextDial = after(
      this.#options.clock.monotonicMs(),
      jittered(this.#options.random, link.backoffMs, 0.5),
    );
  }

  /** Nobody to be dialled any more. */
  forget(peer: PeerId): void {
    for (const [cluster, { member }] of this.#links) {
      if (member.peer === peer) this.#links.delete(cluster);
    }
  }

  /** @throws Fault `Unavailable` when the cluster is unknown or can't be reached now. */
  async connection(cluster: ClusterName): Promise<Connection> {
    const link = this.#links.get(cluster);
    if (link === undefined) throw new Fault('Unavailable', `${cluster} is not known yet`);
    const open = this.#open(link);
    if (open !== undefined) return open;
    try {
      return await this.#options.node.dial(dialable(link), {
        signal: AbortSignal.timeout(dialTimeoutMs),
      });
    } catch (error) {
      throw new Fault('Unavailable', `${cluster} can't be reached`, { cause: error });
    }
  }

  #linkOf(peer: PeerId): Link | undefined {
    for (const link of this.#links.values()) if (link.member.peer === peer) return link;
    return undefined;
  }

  #measureAnew(link: Link): void {
    link.rttMs = undefined;
    link.quickPings = quickPings;
    link.nextPing = this.#options.clock.monotonicMs();
  }

  #link(member: Member): Link {
    let link = this.#links.get(member.cluster);
    if (link === undefined || link.member.peer !== member.peer) {
      const now = this.#options.clock.monotonicMs();
      link = {
        member,
        addresses: [],
        nextDial: now,
        backoffMs: dialMsMin,
        dialling: false,
        nextPing: now,
        pinging: false,
        lostPings: 0,
        quickPings,
        rttMs: undefined,
        nextDirect: now,
        directBackoffMs: directMsMin,
        nextSurvey: now,
      };
      this.#links.set(member.cluster, link);
    }
    return link;
  }

  #open(link: Link): Connection | undefined {
    return bestOf(
      this.#options.node
        .getConnections()
        .filter(({ remotePeer }) => remotePeer.toString() === link.member.peer),
    );
  }

  #tick(): void {
    const { node, clock, members, soughtMax } = this.#options;
    const now = clock.monotonicMs();
    const connections = node.getConnections();
    const open = inUse(connections);
    for (const each of connections) {
      const used = open.get(each.remotePeer.toString());
      if (used?.direct && !each.direct) this.#endRelayed(each, used);
    }
    if (connections.length === 0) this.#dialBootstrap(now);
    for (const link of this.#links.values()) {
      const connection = open.get(link.member.peer);
      const expiresMs = members.get(link.member.peer)?.expiresMs ?? Number.POSITIVE_INFINITY;
      if (connection !== undefined && expiresMs <= clock.wallMs()) {
        connection.abort(new Fault('NotAMember', 'membership has expired'));
      } else if (connection !== undefined) {
        if (!link.pinging && link.nextPing <= now) void this.#ping(link, connection);
        if (!connection.direct && !link.dialling && link.nextDirect <= now) {
          void this.#dialDirect(link);
        }
      } else if (open.size < soughtMax && !link.dialling && link.nextDial <= now) {
        void this.#dial(link);
      }
    }
    this.#options.onTick(now);
    if (open.size >= soughtMax && this.#nextSurvey <= now) {
      this.#nextSurvey = after(now, jittered(this.#options.random, surveyMs, 0.25));
      void this.#survey(now);
    }
  }

  async #survey(now: MonotonicMs): Promise<void> {
    const { node, surveyNext, onRtt, soughtMax } = this.#options;
    const cluster = surveyNext((each) => this.#maySurvey(each, now));
    const link = cluster === undefined ? undefined : this.#links.get(cluster);
    if (link === undefined) return;
    link.nextSurvey = after(now, surveyAgainMs);
    try {
      const connection = await this.connection(link.member.cluster);
      for (let i = 0; i < surveyPings; i++) {
        onRtt(link.member, await roundTripMs(connection));
      }
      const surplus = node.getConnections().length > soughtMax;
      const used = connection.streams.some(({ protocol }) => protocol === negotiationProtocol);
      if (surplus && !used) await connection.close();
    } catch {
      // Not to be reached now: the others come first.
    }
  }

  #maySurvey(cluster: ClusterName, now: MonotonicMs): boolean {
    const link = this.#links.get(cluster);
    return link !== undefined && link.addresses.length > 0 && link.nextSurvey <= now;
  }

  async #dial(link: Link): Promise<void> {
    const { node, clock, random } = this.#options;
    if (link.addresses.length === 0) return;
    link.dialling = true;
    try {
      await node.dial(dialable(link), { signal: AbortSignal.timeout(dialTimeoutMs) });
    } catch {
      // A peer that can't be reached now is tried again, ever more slowly.
      link.backoffMs = Math.min(link.backoffMs * 2, dialMsMax);
    }
    link.nextDial = after(clock.monotonicMs(), jittered(random, link.backoffMs, 0.5));
    link.dialling = false;
  }

  /** The other end may not be able to dial us, and we may be able to dial it. */
  async #dialDirect(link: Link): Promise<void> {
    const { node, clock, random } = this.#options;
    const addresses = dialable(link, (address) => !isRelayedAddress(address));
    if (addresses.length === 0) return;
    link.dialling = true;
    try {
      await node.dial(addresses, { signal: AbortSignal.timeout(dialTimeoutMs), force: true });
      link.directBackoffMs = directMsMin;
    } catch {
      // The relay goes on serving.
      link.directBackoffMs = Math.min(link.directBackoffMs * 2, directMsMax);
    }
    link.nextDirect = after(clock.monotonicMs(), jittered(random, link.directBackoffMs, 0.25));
    link.dialling = false;
  }

  /**
   * With a silent one the newer ones end too, and are opened again. GossipSub forgets what a peer subscribed
   * to when any of its connections ends. It is told again on a new one only.
   */
  async #doubt(connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(doubtedMs);
    try {
      await roundTripMs(connection, signal);
    } catch {
      // Whatever fails sooner is an answer.
      if (!signal.aborted || connection.status !== 'open') return;
      for (const each of this.#options.node.getConnections(connection.remotePeer)) {
        each.abort(new Fault('Unavailable', 'a connection to the same agent had fallen silent'));
      }
    }
  }

  #endRelayed(relayed: Connection, { timeline }: Connection): void {
    if (relayed.status !== 'open' || timeline.open + drainMs > this.#options.clock.wallMs()) return;
    relayed.close().catch((error: Error) => relayed.abort(error));
  }

  #dialBootstrap(now: MonotonicMs): void {
    const { node, bootstrap, clock, random } = this.#options;
    const state = this.#bootstrap;
    if (state.dialling || state.next > now || bootstrap.length === 0) return;
    state.dialling = true;
    const dial = async (address: string): Promise<void> => {
      await node.dial(multiaddr(address), { signal: AbortSignal.timeout(dialTimeoutMs) });
    };
    void Promise.allSettled(bootstrap.map(dial)).then((results) => {
      const reached = results.some(({ status }) => status === 'fulfilled');
      state.backoffMs = reached ? dialMsMin : Math.min(state.backoffMs * 2, dialMsMax);
      state.next = after(clock.monotonicMs(), jittered(random, state.backoffMs, 0.5));
      state.dialling = false;
    });
  }

  async #ping(link: Link, connection: Connection): Promise<void> {
    const { clock, random, onRtt } = this.#options;
    link.pinging = true;
    try {
      const rttMs = await roundTripMs(connection);
      link.lostPings = 0;
      // Of a connection that has been replaced meanwhile nobody wants to know.
      if (this.#open(link) === connection) {
        link.quickPings -= 1;
        link.rttMs = Math.min(link.rttMs ?? rttMs, rttMs);
        onRtt(link.member, rttMs);
      }
    } catch {
      link.lostPings += 1;
      if (link.lostPings >= lostPingsMax) {
        link.lostPings = 0;
        connection.abort(new Fault('Unavailable', 'several pings were lost'));
      }
    }
    link.nextPing = after(
      clock.monotonicMs(),
      jittered(random, link.quickPings > 0 ? pingMsFirst : pingMs, 0.25),
    );
    link.pinging = false;
  }
}

function dialable(
  { member, addresses }: Link,
  suits: (address: string) => boolean = () => true,
): Multiaddr[] {
  return addresses
    .filter(suits)
    .map((address) =>
      multiaddr(address.includes('/p2p/') ? address : `${address}/p2p/${member.peer}`),
    );
}
