/** All wiring of an active agent. */
import {
  type Clock,
  type ClusterName,
  type MonotonicMs,
  randomStream,
  type WallMs,
} from '@spillway/core';
import {
  type ApiClient,
  ClusterWatch,
  cordonedNeighbours,
  EventRecorder,
  guestNamespaceName,
  LeaveNotice,
  leaseRenewMs,
  PlacementWrites,
  Pods,
  VirtualNodes,
} from '@spillway/kubernetes';
import {
  AdvertPacing,
  CoordinateClient,
  Directory,
  directoryPresets,
  EmptyNamespaces,
  Home,
  Host,
  type PolicyBook,
} from '@spillway/federation';
import { inspectCertificate, startMesh } from '@spillway/mesh';
import { Ledger } from '@spillway/scheduling';
import { Advertiser } from './advertiser.ts';
import { bindingSeals } from './binding-seals.ts';
import { ClusterEvents } from './cluster-events.ts';
import { CustomResources } from './custom-resources.ts';
import { DecisionLog } from './decision-log.ts';
import { GuestNamespaceKeeper } from './guest-namespace-keeper.ts';
import { GuestStreams } from './guest-streams.ts';
import { HomeRunner } from './home-runner.ts';
import { HostRunner } from './host-runner.ts';
import type { Identity } from './identity.ts';
import type { Log } from './log.ts';
import { measureLinks, measurePods, type Metrics } from './metrics.ts';
import { NeighbourKeeper } from './neighbour-keeper.ts';
import { Neighbours } from './neighbours.ts';
import { watchMembership } from './own-membership.ts';
import { OffloadPolicies } from './offload-policies.ts';
import type { AgentOptions } from './options.ts';
import { PodOwnerNews } from './pod-news.ts';
import { SettingProblems } from './setting-problems.ts';
import { Questions } from './questions.ts';
import { RevocationKeeper } from './revocation-keeper.ts';

/** Maximum of neighbours known before that are remembered, and of their addresses that are tried, at start. */
const rememberedMax = 1_000;
const addressesTriedMax = 64;

export const systemClock: Clock = {
  monotonicMs: () => performance.now() as MonotonicMs,
  wallMs: () => Date.now() as WallMs,
};

export interface ActiveAgent {
  notReady(): string | undefined;
  readonly questions: Questions;
  /** From now on it emits nothing. Resolves when every write and call under way has ended. */
  stop(): Promise<void>;
}

export interface ActiveOptions {
  readonly options: AgentOptions;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly identity: Identity;
  readonly policies: PolicyBook;
  readonly api: ApiClient;
  readonly epoch: number;
}

export async function startActive(active: ActiveOptions): Promise<ActiveAgent> {
  const { options, log, metrics, identity, policies, api, epoch } = active;
  const clock = systemClock;
  const seed = epoch % 2 ** 31;
  const ledger = new Ledger();
  const pods = new Pods(api, {
    isolated: options.guests.network === 'isolated',
    blockedCidrs: options.guests.blockedCidrs,
  });
  const recorder = new EventRecorder({ api, clock, component: 'spillway' });
  const settings = new SettingProblems(recorder);
  const decisionLog = new DecisionLog({ log, clock });
  const news = new PodOwnerNews({ recorder, pods, log });
  const coordinates = new CoordinateClient(randomStream(seed, 'coordinates'));
  const preset = directoryPresets[options.mesh.preset];
  const directory = new Directory({
    config: preset,
    self: options.cluster,
    coordinate: () => coordinates.coordinate,
  });
  const virtualNodes = new VirtualNodes(api);
  const clusterOfNode = new Map<string, ClusterName>();
  const host = new Host({
    ledger,
    config: options.host,
    incarnation: `${epoch}`,
    guestNamespace: guestNamespaceName,
    cluster: options.cluster,
    terms: options.guests.terms,
  });
  let listed = false;
  let synced = false;
  const hostRunner = new HostRunner({
    host,
    writes: pods,
    clock,
    log,
    decisionLog,
    metrics,
    ready: () => synced,
  });
  const revocations = new RevocationKeeper({
    api,
    namespace: options.lease.namespace,
    root: identity.root,
    log,
    metrics,
  });
  const neighbours = new Neighbours({
    directory,
    virtualNodes,
    coordinates,
    clock,
    log,
    metrics,
    membershipOf: (cluster) => revocations.membershipOf(cluster),
  });
  const home = new Home({
    room: ledger,
    neighbourhood: neighbours,
    attributes: inspectCertificate(identity.certificate).attributes,
    policies,
    seals: bindingSeals(options.cluster, identity.privateKey),
    config: options.home,
    random: randomStream(seed, 'home'),
    homeEpoch: epoch,
    clusterOfNode: (node) => clusterOfNode.get(node),
  });
  const remembered = await virtualNodes.remembered(rememberedMax).catch((error: unknown) => {
    log.warn({ err: error }, 'neighbours known before could not be read');
    return [];
  });
  virtualNodes.cordonedBefore(
    await cordonedNeighbours(api).catch((error: unknown) => {
      log.warn({ err: error }, 'neighbours cordoned before could not be read');
      return [];
    }),
  );
  await revocations.load(remembered);
  const mesh = await startMesh({
    ...identity,
    ...options.mesh,
    reachable: options.mesh.reachable === 'auto' ? undefined : options.mesh.reachable,
    bootstrap: [
      ...options.mesh.bootstrap,
      ...remembered.flatMap(({ addresses }) => addresses).slice(0, addressesTriedMax),
    ],
    handler: hostRunner,
    clock,
    random: randomStream(seed, 'mesh'),
    revocations: revocations.revocations,
    onRevocations: (added) => revocations.learnt(added),
    onRevokedMember: (member) => revocations.proved(member),
    onAdvert: (advert, from) => {
      revocations.proved(from);
      return neighbours.advert(advert, from);
    },
    onPeer: (member, state) => {
      revocations.proved(member);
      neighbours.peer(member, state);
      if (state !== 'connected') return;
      advertiser.greet();
      streams.nudge(member.cluster);
    },
    guestsOf: (cluster) => host.counts().byHome.get(cluster) ?? 0,
    onRtt: (member, rttMs) => neighbours.rtt(member, rttMs),
    onMoved: (member, path) => neighbours.moved(member, path),
    onAddresses: () => advertiser.greet(),
    surveyNext: (may) => directory.surveyNext(may),
    onRefused: (refusal, first) => {
      if (first) log.warn({ ...refusal }, 'refused');
      else metrics.refused.inc({ reason: refusal.reason });
    },
  });
  const negotiator = (cluster: ClusterName) => mesh.negotiator(cluster);
  const homeRunner = new HomeRunner({
    home,
    writes: pods,
    placement: new PlacementWrites(api, pods, clock),
    negotiator,
    news,
    clock,
    log,
    decisionLog,
    metrics,
    homeEpoch: epoch,
  });
  const streams = new GuestStreams({
    negotiator,
    homeEpoch: epoch,
    feed: (event) => homeRunner.feed(event),
    random: randomStream(seed, 'streams'),
    log,
  });
  const advertiser = new Advertiser({
    cluster: options.cluster,
    peer: mesh.peer,
    epoch,
    labels: options.labels,
    ledger,
    host,
    keepFree: options.host.keepFree,
    addresses: () => mesh.addresses(),
    coordinate: () => coordinates.coordinate,
    publish: (advert) => mesh.publish(advert),
    clusters: () => directory.size + 1,
    pacing: new AdvertPacing({
      heartbeatMs: preset.heartbeatMs,
      ttlMs: preset.ttlMs,
      bytesPerSecond: options.mesh.advertBytesPerSecond,
    }),
    clock,
    log,
    metrics,
  });
  const guestNamespaces = new GuestNamespaceKeeper({
    namespaces: new EmptyNamespaces({ afterMs: options.guests.emptyNamespaceMs }),
    occupied: () => host.occupied(),
    end: (namespace) => pods.endNamespace(namespace),
    clock,
    log,
  });
  const clusterEvents = new ClusterEvents({
    ledger,
    home: homeRunner,
    host: hostRunner,
    clusterOfNode,
    onVirtualNode: (cluster, node) => {
      const seen = virtualNodes.seen(cluster, node);
      if (seen === 'deletedByOthers') decisionLog.say('nodeDeleted', { neighbour: cluster });
      if (seen !== undefined) neighbours.onRoom();
    },
    settings,
    onNamespace: (namespace, deleted) => guestNamespaces.take(namespace, deleted),
    onChanged: () => advertiser.changed(),
  });
  const watch = new ClusterWatch({
    api,
    random: randomStream(seed, 'watch'),
    onEvent: (event) => clusterEvents.take(event),
    onSynced: () => {
      listed = true;
      void resources.settled.then(() => {
        synced = true;
        homeRunner.feed({ kind: 'synced' });
        advertiser.start();
        guestNamespaces.start();
        log.info({}, 'caches are whole');
      });
    },
    onBroken: (kind, error) => log.warn({ kind, err: error }, 'watch broke; it is resumed'),
  });
  neighbours.hostsOurs = (cluster) => home.hosts().has(cluster);
  neighbours.onRoom = () => homeRunner.feed({ kind: 'roomChanged', where: 'neighbour' });
  const keeper = new NeighbourKeeper({
    api,
    directory,
    preset,
    home,
    host,
    mesh,
    cordoned: (cluster) => virtualNodes.marks(cluster).cordoned,
    revoked: () => neighbours.revoked,
    clock,
    log,
  });
  const resources = new CustomResources({
    api,
    log,
    keepNeighbours: async () => neighbours.leaving || (await keeper.keep()),
    policies: new OffloadPolicies({
      api,
      book: policies,
      clock,
      random: randomStream(seed, 'policies'),
      log,
      onChanged: (namespace) => homeRunner.feed({ kind: 'policiesChanged', namespace }),
    }),
  });
  const leave = (): void => {
    log.warn(
      {},
      'this cluster leaves the federation: nothing goes away, what is away and all guests end',
    );
    neighbours.leaving = true;
    policies.leave();
    homeRunner.feed({ kind: 'leaving' });
    hostRunner.feed({ kind: 'leaving' });
    advertiser.changed();
  };
  const notice = new LeaveNotice({
    api,
    namespace: options.lease.namespace,
    onProblem: (error) => log.debug({ err: error }, 'whether to leave could not be read'),
  });
  // Before anything is decided: an agent that starts in the middle of leaving must not take anything up.
  if (await notice.isGiven()) leave();
  else notice.start(leave);
  revocations.start({
    revoke: (list) => mesh.revoke(list),
    ownRevocation: () => mesh.ownRevocation(),
    onRevoked: (clusters, why) => {
      homeRunner.feed({ kind: 'revoked', clusters });
      hostRunner.feed({ kind: 'revoked', clusters });
      neighbours.revoke(clusters, new Set(remembered.map(({ cluster }) => cluster)), why);
    },
  });
  neighbours.start();
  recorder.start();
  watch.start();
  resources.start();
  const timers = [
    watchMembership(mesh.member, { clock, log, metrics }),
    setInterval(() => {
      if (!synced) return;
      const reachable = neighbours.neighbours().filter(({ liveness }) => liveness === 'alive');
      streams.keep(
        home.hosts(),
        reachable.map(({ cluster }) => cluster),
      );
      measurePods(metrics, home, host);
      measureLinks(metrics, mesh);
    }, 250),
    setInterval(() => {
      virtualNodes.renewAll(new Date()).catch((error: unknown) => {
        log.warn({ err: error }, 'a virtual node’s Lease was not renewed');
      });
    }, leaseRenewMs),
  ];
  return {
    notReady: () => {
      if (synced) return undefined;
      return (listed && resources.problem) || 'the caches are not whole yet';
    },
    questions: new Questions({
      options,
      epoch,
      mesh,
      home,
      host,
      ledger,
      directory,
      neighbours,
      recorder,
      settings,
      resources,
      policies,
      revocations,
      pods,
      api,
      virtualNodes: () => clusterOfNode.values(),
      clock,
      synced: () => synced,
      log,
    }),
    async stop() {
      for (const timer of timers) clearInterval(timer);
      resources.stop();
      notice.stop();
      revocations.stop();
      advertiser.stop();
      guestNamespaces.stop();
      streams.stop();
      neighbours.stop();
      watch.stop();
      recorder.stop();
      const drained = Promise.all([homeRunner.stop(), hostRunner.stop()]);
      await mesh.stop();
      await drained;
    },
  };
}
