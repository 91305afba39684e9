/** What the parts of a mesh do for each other once its libp2p node is there. */
import { rm } from 'node:fs/promises';
import type { Connection, Libp2p } from '@libp2p/interface';
import { type ClusterName, Fault, type PeerId, peerId } from '@spillway/core';
import type { Advert, Member, NegotiationClient, PodStreamRequest } from '@spillway/federation';
import { Adverts } from './adverts.ts';
import { Checks, type LinkCheck } from './check.ts';
import { StreamedNegotiationClient } from './grpc-client.ts';
import { callBounds, NegotiationServers } from './grpc-server.ts';
import type { Membership, verifyCertificate } from './identity/certificate.ts';
import type { MergeResult, Revocation } from './identity/revocations.ts';
import { Links, negotiationProtocol } from './links.ts';
import type { Mesh, MeshOptions, PeerPath, Services } from './mesh.ts';
import { type OpenedStream, PodStreams } from './pod-streams.ts';
import type { Refusals } from './refusals.ts';
import { bestOf, inUse, pathOf } from './relay/path.ts';
import type { RelayState } from './relay/relay-options.ts';
import { circuitsThrough } from './relay/relay-server.ts';
import { Reservations, type ReservationStore } from './relay/reservations.ts';
import { RevocationExchange } from './revocation-exchange.ts';

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

export class LivingMesh implements Mesh {
  readonly peer: PeerId;
  readonly member: Membership;
  readonly #living: Living;
  readonly #servers: NegotiationServers;
  readonly #podStreams: PodStreams;
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
      surveyNext: living.surveyNext,
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
    this.#podStreams = new PodStreams({
      node,
      members,
      connection: (cluster) => this.#links.connection(cluster),
      ...living.podStreams,
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

  async openPodStream(
    cluster: ClusterName,
    request: PodStreamRequest,
    signal: AbortSignal,
  ): Promise<OpenedStream> {
    return await this.#podStreams.open(cluster, request, signal);
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
      this.#podStreams.drop(member.peer);
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
    this.#podStreams.stop();
    await this.#living.node.stop();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#links.stop();
    for (const client of this.#clients.values()) client.close();
    this.#servers.stop();
    this.#podStreams.stop();
    await this.#living.node.stop();
    await rm(this.#living.directory, { recursive: true, force: true });
  }
}
