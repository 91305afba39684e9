/**
 * The one port between clusters: a libp2p node whose every connection is with a member of the
 * federation, with GossipSub for adverts and gRPC over streams for negotiation.
 */
import { rm } from 'node:fs/promises';
import type { GossipSub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Connection, Libp2p } from '@libp2p/interface';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import {
  type Clock,
  type ClusterName,
  Fault,
  type PeerId,
  peerId,
  type Random,
} from '@spillway/core';
import {
  type Advert,
  type Member,
  type NegotiationClient,
  type NegotiationHandler,
  type Receipt,
} from '@spillway/federation';
import { createLibp2p } from 'libp2p';
import { advertGossip } from './advert-gossip.ts';
import { Adverts } from './adverts.ts';
import { carefulYamux } from './careful-muxer.ts';
import { Checks, type LinkCheck } from './check.ts';

import { StreamedNegotiationClient } from './grpc-client.ts';
import { callBounds, NegotiationServers } from './grpc-server.ts';
import { federationIdOf, type Membership, verifyCertificate } from './identity/certificate.ts';
import { peerIdOf, type PrivateKey, type PublicKey } from './identity/keys.ts';
import type { MergeResult, Revocation, Revocations } from './identity/revocations.ts';
import { Links, negotiationProtocol } from './links.ts';
import { memberEncrypter } from './member-encrypter.ts';
import { type Refusal, Refusals } from './refusals.ts';
import { circuitTransport } from './relay/circuit-transport.ts';
import { bestOf, inUse, type Path, pathOf } from './relay/path.ts';
import type { RelayOptions, RelayState } from './relay/relay-options.ts';
import { circuitsAsked, circuitsThrough, relayServer } from './relay/relay-server.ts';
import { Reservations, type ReservationStore } from './relay/reservations.ts';
import { RevocationExchange } from './revocation-exchange.ts';
import { socketDirectory } from './socket-directory.ts';

export interface MeshOptions {
  readonly privateKey: PrivateKey;
  readonly certificate: Uint8Array;
  /** The federation's root. */
  readonly root: PublicKey;
  /** Multiaddrs. */
  readonly listen: readonly string[];
  /** What others are told to dial; empty: what we listen on. */
  readonly announce: readonly string[];
  /** Any one reachable member is enough; the rest is learnt. */
  readonly bootstrap: readonly string[];
  /**
   * Whether others can dial us. False, or nothing to listen on: we wait at relays. Undefined: we do so
   * too once nobody has dialled us for a minute, though we have dialled others.
   */
  readonly reachable?: boolean | undefined;
  readonly relay: RelayOptions;
  readonly handler: NegotiationHandler;
  readonly clock: Clock;
  readonly random: Random;
  /** A verified advert; what the directory made of it decides whether it is passed on. */
  readonly onAdvert: (advert: Advert, from: Membership) => Receipt;
  readonly onPeer: (member: Membership, state: 'connected' | 'disconnected') => void;
  readonly onRtt: (member: Member, rttMs: number) => void;
  /** Beyond so many connections no more are sought. */
  readonly connectionsSought: number;
  /** The neighbour that seems nearest of those whose RTT was never measured, if there is one. */
  readonly unmeasured: () => ClusterName | undefined;
  readonly onRefused: (refusal: Refusal, first: boolean) => void;
  /** A member is reached by another way than before: what was measured of the old one is void. */
  readonly onMoved: (member: Member, path: Path['kind']) => void;
  /** Unfinished guests of a home here, for a neighbour that checks. */
  readonly guestsOf: (home: ClusterName) => number;
  /** What `addresses` returns has changed. */
  readonly onAddresses: () => void;
  /** What is known to be revoked before anybody is let in; the mesh adds what it learns. */
  readonly revocations: Revocations;
  /** New ones, in force already: whom they name has no connection any more. */
  readonly onRevocations: (added: readonly Revocation[]) => void;
  /** Somebody showed a certificate that is revoked. */
  readonly onRevokedMember: (member: Membership) => void;
}

/** `via` is the cluster that relays, or its peer id where no more is known of it. */
export interface PeerPath {
  readonly kind: Path['kind'];
  readonly via?: string;
}

export interface Mesh {
  readonly peer: PeerId;
  readonly member: Membership;
  /** What others may dial. */
  addresses(): readonly string[];
  /** How many bytes the advert took, before GossipSub's own. */
  publish(advert: Advert): Promise<number>;
  /** Calls fail as `Unavailable` while the neighbour is not known or can't be reached. */
  negotiator(cluster: ClusterName): NegotiationClient;
  connected(): readonly Membership[];
  /** How each peer that we are connected with is reached. */
  paths(): ReadonlyMap<PeerId, PeerPath>;
  relay(): RelayState;
  refusals(): Readonly<Record<string, number>>;
  /** Dials a neighbour anew and has it dial us: takes seconds where one can't be reached. */
  check(neighbour: Member): Promise<LinkCheck>;
  /** Puts a list in force, and passes it on to all neighbours. */
  revoke(list: Uint8Array): Promise<MergeResult>;
  /** What revokes our own certificate, if anything does: the mesh then connects to nobody. */
  ownRevocation(): Revocation | undefined;
  stop(): Promise<void>;
}

type Services = {
  identify: Identify;
  pubsub: GossipSub;
  ping: Ping;
  relay?: ReturnType<ReturnType<typeof relayServer>>;
};

/**
 * One that is revoked starts, and stays alone: its cluster's own pods need an agent all the same.
 *
 * @throws Fault `NotAMember` when our own certificate is not good for our key.
 */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const own = peerIdOf(options.privateKey.publicKey);
  const verify = (certificate: Uint8Array, peer: PeerId) =>
    verifyCertificate(certificate, { root: options.root, peer, nowMs: options.clock.wallMs() });
  const member = await verify(options.certificate, own);
  if (typeof member === 'string') {
    throw new Fault(
      'NotAMember',
      `our own membership certificate is ${member}; ask for a new one with "spillway federation admit"`,
    );
  }
  const refusals = new Refusals({
    onFirst: (refusal) => options.onRefused(refusal, true),
    onEach: (refusal) => options.onRefused(refusal, false),
  });
  const members = new Map<PeerId, Membership>();
  let mesh: LivingMesh | undefined;
  const topic = `spillway/${federationIdOf(options.root).toString('hex').slice(0, 16)}/adverts/1`;
  const reachable = options.listen.length === 0 ? false : options.reachable;
  const serves = options.relay.serve && reachable !== false;
  const circuits = circuitTransport();
  const node: Libp2p<Services> = await createLibp2p<Services>({
    privateKey: options.privateKey,
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports: [tcp(), circuits.transport],
    connectionGater: {
      denyOutboundRelayedConnection: () =>
        circuitsAsked(node.getConnections()) > options.relay.circuitsMax,
    },
    connectionEncrypters: [
      memberEncrypter({
        certificate: options.certificate,
        verify,
        revocations: options.revocations,
        onMember: (proven) => members.set(proven.peer, proven),
        onRevoked: (revoked) => options.onRevokedMember(revoked),
        onTurnedAway: (list, by) => void mesh?.revoke(list, by),
        refusals,
      }),
    ],
    // Not before whoever connects finds our protocols.
    start: false,
    streamMuxers: [carefulYamux()],
    connectionMonitor: { enabled: false },
    connectionManager: { maxConnections: 400, inboundConnectionThreshold: 50 },
    services: {
      // GossipSub needs identify's list of protocols.
      identify: identify(),
      // Links measures, checks and doubts a connection, at times all at once.
      ping: ping({ timeout: 10_000, maxInboundStreams: 8, maxOutboundStreams: 8 }),
      ...(serves && { relay: relayServer(options.relay) }),
      pubsub: advertGossip(topic, refusals),
    },
  });
  const directory = await socketDirectory();
  mesh = new LivingMesh({
    ...options,
    node,
    reachable,
    store: circuits.store(),
    member,
    members,
    refusals,
    topic,
    verify,
    directory,
  });
  await mesh.start();
  return mesh;
}

interface Living extends MeshOptions {
  readonly store: ReservationStore;
  readonly node: Libp2p<Services>;
  readonly member: Membership;
  readonly members: Map<PeerId, Membership>;
  readonly refusals: Refusals;
  readonly topic: string;
  readonly verify: (certificate: Uint8Array, peer: PeerId) => ReturnType<typeof verifyCertificate>;
  readonly directory: string;
}

class LivingMesh implements Mesh {
  readonly peer: PeerId;
  readonly member: Membership;
  readonly #living: Living;
  readonly #servers: NegotiationServers;
  readonly #clients = new Map<ClusterName, StreamedNegotiationClient>();
  readonly #adverts: Adverts;
  readonly #links: Links;
  readonly #reservations: Reservations;
  readonly #checks: Checks;
  readonly #exchange: RevocationExchange;
  #alone = false;
  #stopped = false;

  constructor(living: Living) {
    const { node, members } = living;
    this.#living = living;
    this.peer = living.member.peer;
    this.member = living.member;
    this.#servers = new NegotiationServers(living.handler);
    this.#links = new Links({
      node,
      members,
      self: this.peer,
      bootstrap: living.bootstrap,
      clock: living.clock,
      random: living.random,
      onRtt: living.onRtt,
      soughtMax: living.connectionsSought,
      unmeasured: living.unmeasured,
      onMoved: (member) => {
        this.#clients.get(member.cluster)?.move();
        living.onMoved(member, 'direct');
      },
      onTick: (now) => this.#reservations.tick(now),
    });
    this.#reservations = new Reservations({
      node,
      store: living.store,
      self: this.peer,
      reachable: living.reachable,
      clock: living.clock,
      random: living.random,
      addressesOf: (peer) => this.#links.addressesOf(peer),
      rttMsOf: (peer) => this.#links.rttMsOf(peer),
      onChange: living.onAddresses,
    });
    this.#adverts = new Adverts({
      pubsub: node.services.pubsub,
      topic: living.topic,
      certificate: living.certificate,
      verify: living.verify,
      revocations: living.revocations,
      clock: living.clock,
      refusals: living.refusals,
      onAdvert: (advert, from) => {
        const receipt = living.onAdvert(advert, from);
        if (receipt === 'accepted') this.#links.learn(from, advert.addresses);
        return receipt;
      },
    });
    this.#checks = new Checks({
      node,
      members,
      expiresMs: living.member.expiresMs,
      clock: living.clock,
      addressesOf: (peer) => this.#links.addressesOf(peer),
      connection: (cluster) => this.#links.connection(cluster),
      guestsOf: living.guestsOf,
    });
    node.addEventListener('connection:open', ({ detail: connection }) => {
      const member = members.get(peerId(connection.remotePeer.toString()));
      if (member !== undefined) this.#links.opened(member, connection);
    });
    node.addEventListener('connection:close', ({ detail }) => this.#closed(detail));
    node.addEventListener('peer:connect', ({ detail }) => {
      const member = members.get(peerId(detail.toString()));
      if (member === undefined) return;
      this.#links.connected(member);
      this.#exchange.greet(member.peer);
      living.onPeer(member, 'connected');
      const connection = bestOf(node.getConnections(detail));
      if (connection?.direct === false) living.onMoved(member, 'relayed');
    });
    node.addEventListener('peer:disconnect', ({ detail }) => {
      const peer = peerId(detail.toString());
      this.#servers.drop(peer);
      this.#links.disconnected(peer);
      const member = members.get(peer);
      if (member !== undefined) living.onPeer(member, 'disconnected');
    });
    void node.handle(
      negotiationProtocol,
      (stream, connection) => {
        const member = members.get(peerId(connection.remotePeer.toString()));
        if (member === undefined) stream.abort(new Error('not a member'));
        else this.#servers.accept(stream, member);
      },
      { maxInboundStreams: callBounds.streamsPerMemberMax, runOnLimitedConnection: true },
    );
    this.#exchange = new RevocationExchange({
      node,
      revocations: living.revocations,
      clock: living.clock,
      refusals: living.refusals,
      onAdded: (added) => this.#inForce(added),
    });
  }

  async start(): Promise<void> {
    if (this.ownRevocation() !== undefined) {
      this.#alone = true;
      return;
    }
    await this.#living.node.start();
    this.#adverts.start();
    this.#links.start();
  }

  /** `from`: who does not let us in and shows why; believed as far as the root has signed it. */
  async revoke(list: Uint8Array, from?: PeerId): Promise<MergeResult> {
    return await this.#exchange.take(list, from);
  }

  ownRevocation(): Revocation | undefined {
    return this.#living.revocations.of(this.member);
  }

  addresses(): readonly string[] {
    const { node, reachable } = this.#living;
    const direct = reachable === false ? [] : node.getMultiaddrs().map(String);
    return [...direct, ...this.#reservations.addresses()];
  }

  async publish(advert: Advert): Promise<number> {
    if (this.#alone) return 0;
    return await this.#adverts.publish(advert);
  }

  negotiator(cluster: ClusterName): NegotiationClient {
    let client = this.#clients.get(cluster);
    if (client === undefined) {
      client = new StreamedNegotiationClient({
        directory: this.#living.directory,
        name: `${this.#clients.size}.sock`,
        reach: () => this.#links.connection(cluster),
        open: async () => {
          const connection = await this.#links.connection(cluster);
          return await connection.newStream([negotiationProtocol], {
            runOnLimitedConnection: true,
          });
        },
      });
      this.#clients.set(cluster, client);
    }
    return client;
  }

  connected(): readonly Membership[] {
    return this.#living.node
      .getPeers()
      .flatMap((peer) => this.#living.members.get(peerId(peer.toString())) ?? []);
  }

  paths(): ReadonlyMap<PeerId, PeerPath> {
    const paths = new Map<PeerId, PeerPath>();
    for (const connection of inUse(this.#living.node.getConnections()).values()) {
      const path = pathOf(connection);
      const via = path.kind === 'relayed' && path.via && this.#nameOf(path.via);
      paths.set(peerId(connection.remotePeer.toString()), {
        kind: path.kind,
        ...(via && { via }),
      });
    }
    return paths;
  }

  relay(): RelayState {
    const { node } = this.#living;
    const { relay } = node.services;
    return {
      serves: relay !== undefined,
      waitsAt: this.#reservations.held().map((peer) => this.#nameOf(peer)),
      reservations: relay?.reservations.size ?? 0,
      circuits: circuitsThrough(node.getConnections()),
    };
  }

  refusals(): Readonly<Record<string, number>> {
    return this.#living.refusals.counts();
  }

  async check(neighbour: Member): Promise<LinkCheck> {
    return await this.#checks.check(neighbour);
  }

  #nameOf(peer: PeerId): string {
    return this.#living.members.get(peer)?.cluster ?? peer;
  }

  /**
   * GossipSub keeps the one stream to a peer that it opened first, and opens no other when that ends with
   * its connection; it does when the peer is identified.
   */
  #closed({ remotePeer }: Connection): void {
    const { node } = this.#living;
    const left = bestOf(node.getConnections(remotePeer));
    if (left === undefined || this.#stopped) return;
    node.services.identify.identify(left).catch(() => {
      // It has ended meanwhile.
    });
  }

  #inForce(added: readonly Revocation[]): void {
    const { members, revocations, node, onRevocations, onRevokedMember } = this.#living;
    const cut = [...members.values()].filter((member) => revocations.of(member) !== undefined);
    for (const member of cut) {
      this.#servers.drop(member.peer);
      this.#links.forget(member.peer);
      onRevokedMember(member);
      for (const connection of node.getConnections()) {
        if (connection.remotePeer.toString() === member.peer)
          connection.abort(new Fault('NotAMember', 'membership is revoked'));
      }
    }
    onRevocations(added);
    if (this.ownRevocation() !== undefined) void this.#withdraw();
  }

  /** We are no member any more: nobody takes us, so nobody is asked. */
  async #withdraw(): Promise<void> {
    if (this.#alone) return;
    this.#alone = true;
    this.#links.stop();
    this.#servers.stop();
    await this.#living.node.stop();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#links.stop();
    for (const client of this.#clients.values()) client.close();
    this.#servers.stop();
    await this.#living.node.stop();
    await rm(this.#living.directory, { recursive: true, force: true });
  }
}
