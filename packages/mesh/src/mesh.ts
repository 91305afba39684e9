/**
 * The one port between clusters: a libp2p node whose every connection is with a member of the
 * federation, with GossipSub for adverts and gRPC over streams for negotiation.
 */
import type { GossipSub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { type Clock, type ClusterName, Fault, type PeerId, type Random } from '@spillway/core';
import type {
  Advert,
  Member,
  NegotiationClient,
  NegotiationHandler,
  PodStreamRequest,
  Receipt,
} from '@spillway/federation';
import { createLibp2p } from 'libp2p';
import { advertGossip } from './advert-gossip.ts';
import { carefulYamux } from './careful-muxer.ts';
import type { LinkCheck } from './check.ts';
import { frontDoor, handshakeMsMax } from './front-door.ts';
import { federationIdOf, type Membership, verifyCertificate } from './identity/certificate.ts';
import { peerIdOf, type PrivateKey, type PublicKey } from './identity/keys.ts';
import type { MergeResult, Revocation, Revocations } from './identity/revocations.ts';
import { LivingMesh } from './living-mesh.ts';
import { memberEncrypter } from './member-encrypter.ts';
import type { OpenedStream, PodStreamBounds, PodStreamHandler } from './pod-streams.ts';
import { type Refusal, Refusals } from './refusals.ts';
import { circuitTransport } from './relay/circuit-transport.ts';
import type { Path } from './relay/path.ts';
import type { RelayOptions, RelayState } from './relay/relay-options.ts';
import { circuitsAsked, relayServer } from './relay/relay-server.ts';
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
  readonly podStreams: { readonly handler: PodStreamHandler; readonly bounds: PodStreamBounds };
  readonly clock: Clock;
  readonly random: Random;
  /** A verified advert; what the directory made of it decides whether it is passed on. */
  readonly onAdvert: (advert: Advert, from: Membership) => Receipt;
  readonly onPeer: (member: Membership, state: 'connected' | 'disconnected') => void;
  readonly onRtt: (member: Member, rttMs: number) => void;
  /** Number of connections to keep. */
  readonly connectionsSought: number;
  /** Of the neighbours that may be measured now, whose RTT is best measured next. */
  readonly surveyNext: (may: (cluster: ClusterName) => boolean) => ClusterName | undefined;
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
  /** Someone showed a certificate that is revoked. */
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
  /** See `PodStreams.open`. */
  openPodStream(
    cluster: ClusterName,
    request: PodStreamRequest,
    signal: AbortSignal,
  ): Promise<OpenedStream>;
  connected(): readonly Membership[];
  /** How each peer that we are connected with is reached. */
  paths(): ReadonlyMap<PeerId, PeerPath>;
  relay(): RelayState;
  refusals(): Readonly<Record<string, number>>;
  /** Opens a new connection to a neighbour and has it open one to us: takes seconds where one can't be reached. */
  check(neighbour: Member): Promise<LinkCheck>;
  /** Puts a list in force, and passes it on to all neighbours. */
  revoke(list: Uint8Array): Promise<MergeResult>;
  /** What revokes our own certificate, if anything does: the mesh then connects to nobody. */
  ownRevocation(): Revocation | undefined;
  stop(): Promise<void>;
}

/** Of members; those still in a handshake have a bound of their own (doorkeeper.ts). */
const connectionsMax = 400;

/** Of our libp2p node. */
export type Services = {
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
  const door = frontDoor({ clock: options.clock, refusals });
  const node: Libp2p<Services> = await createLibp2p<Services>({
    privateKey: options.privateKey,
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports: [tcp(), circuits.transport],
    connectionGater: {
      ...door.gater,
      denyOutboundRelayedConnection: () =>
        circuitsAsked(node.getConnections()) > options.relay.circuitsMax,
    },
    connectionEncrypters: [
      memberEncrypter({
        root: options.root,
        certificate: options.certificate,
        verify,
        revocations: options.revocations,
        onMember: (proven) => members.set(proven.peer, proven),
        onRevoked: (revoked) => options.onRevokedMember(revoked),
        onTurnedAway: (list, by) => void mesh?.revoke(list, by),
        door,
        refusals,
      }),
    ],
    // Not before a peer that connects can find our protocols.
    start: false,
    streamMuxers: [carefulYamux()],
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: connectionsMax,
      inboundUpgradeTimeout: handshakeMsMax,
      // These two refuse the next connection, also from a member; the doorkeeper has the bounds instead.
      inboundConnectionThreshold: Number.POSITIVE_INFINITY,
      maxIncomingPendingConnections: Number.POSITIVE_INFINITY,
    },
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
