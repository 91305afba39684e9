/**
 * Keeps connections: to a bootstrap address until somebody is known, then to the members whose
 * adverts tell their addresses, with jittered back-off. Measures RTTs on them, and closes one that
 * has been dead for several pings, so that a new one can be tried.
 */
import type { Connection, Libp2p } from '@libp2p/interface';
import type { Ping } from '@libp2p/ping';
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

export interface LinksOptions {
  readonly node: Libp2p<{ ping: Ping }>;
  readonly members: Map<PeerId, Membership>;
  readonly self: PeerId;
  readonly bootstrap: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly onRtt: (member: Member, rttMs: number) => void;
  /** Beyond so many connections no more are sought; the others are reached through gossip, and dialled when needed. */
  readonly soughtMax: number;
  /** The neighbour that seems nearest of those never measured, if there is one. */
  readonly unmeasured: () => ClusterName | undefined;
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
/** A connection that lost so many pings in a row is closed: 3 × (10 s + time-out). */
const lostPingsMax = 3;
/**
 * In a federation of more than are kept connected, one of the others is measured so often: coordinates
 * tell who seems near, and only a measurement tells who of them is the nearest.
 */
const surveyMs = 10_000;
const surveyPings = 3;

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
    // Both ends learn of each other at once: the smaller peer id dials first.
    const delayMs = this.#options.self < member.peer ? 0 : 2_000;
    link.nextDial = after(this.#options.clock.monotonicMs(), delayMs);
  }

  connected(member: Member): void {
    const link = this.#link(member);
    link.lostPings = 0;
    link.backoffMs = dialMsMin;
    link.nextPing = this.#options.clock.monotonicMs();
  }

  disconnected(peer: PeerId): void {
    for (const link of this.#links.values()) {
      if (link.member.peer !== peer) continue;
      link.nextDial = after(
        this.#options.clock.monotonicMs(),
        jittered(this.#options.random, link.backoffMs, 0.5),
      );
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
      };
      this.#links.set(member.cluster, link);
    }
    return link;
  }

  #open(link: Link): Connection | undefined {
    return this.#options.node
      .getConnections()
      .find(
        ({ remotePeer, status }) => status === 'open' && remotePeer.toString() === link.member.peer,
      );
  }

  #tick(): void {
    const { node, clock, members, soughtMax } = this.#options;
    const now = clock.monotonicMs();
    const connections = node.getConnections();
    const open = new Map(connections.map((each) => [each.remotePeer.toString(), each]));
    if (connections.length === 0) this.#dialBootstrap(now);
    for (const link of this.#links.values()) {
      const connection = open.get(link.member.peer);
      const expiresMs = members.get(link.member.peer)?.expiresMs ?? Number.POSITIVE_INFINITY;
      if (connection !== undefined && expiresMs <= clock.wallMs()) {
        connection.abort(new Fault('NotAMember', 'membership has expired'));
      } else if (connection !== undefined) {
        if (!link.pinging && link.nextPing <= now) void this.#ping(link, connection);
      } else if (open.size < soughtMax && !link.dialling && link.nextDial <= now) {
        void this.#dial(link);
      }
    }
    if (open.size >= soughtMax && this.#nextSurvey <= now) {
      this.#nextSurvey = after(now, jittered(this.#options.random, surveyMs, 0.25));
      void this.#survey();
    }
  }

  async #survey(): Promise<void> {
    const { node, unmeasured, onRtt, soughtMax } = this.#options;
    const cluster = unmeasured();
    const link = cluster === undefined ? undefined : this.#links.get(cluster);
    if (link === undefined || link.addresses.length === 0) return;
    try {
      const connection = await this.connection(link.member.cluster);
      for (let i = 0; i < surveyPings; i++) {
        onRtt(link.member, await node.services.ping.ping(connection.remotePeer));
      }
      const surplus = node.getConnections().length > soughtMax;
      const used = connection.streams.some(({ protocol }) => protocol === negotiationProtocol);
      if (surplus && !used) await connection.close();
    } catch {
      // Not to be reached now: whoever seems nearest is tried again.
    }
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

  #pings = 0;

  async #ping(link: Link, connection: Connection): Promise<void> {
    const { node, clock, random, onRtt } = this.#options;
    link.pinging = true;
    try {
      const rttMs = await node.services.ping.ping(connection.remotePeer);
      link.lostPings = 0;
      this.#pings += 1;
      onRtt(link.member, rttMs);
    } catch {
      link.lostPings += 1;
      if (link.lostPings >= lostPingsMax) {
        link.lostPings = 0;
        connection.abort(new Fault('Unavailable', 'several pings were lost'));
      }
    }
    const quick = this.#pings < quickPings * Math.max(1, this.#links.size);
    link.nextPing = after(
      clock.monotonicMs(),
      jittered(random, quick ? pingMsFirst : pingMs, 0.25),
    );
    link.pinging = false;
  }
}

function dialable({ member, addresses }: Link): Multiaddr[] {
  return addresses.map((address) =>
    multiaddr(address.includes('/p2p/') ? address : `${address}/p2p/${member.peer}`),
  );
}
