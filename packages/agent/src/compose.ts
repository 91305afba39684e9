/** All wiring of an active agent. */
import {
  type Clock,
  type ClusterEvent,
  type ClusterName,
  Fault,
  type MonotonicMs,
  randomStream,
  type WallMs,
  wellKnown,
} from '@spillway/core';
import { EmptyNamespaces, neighbourOfNode, noMarks, refusedStream } from '@spillway/federation';
import {
  AccessReviews,
  ClusterWatch,
  cordonedNeighbours,
  GuestStreams,
  LeaveNotice,
  leaseRenewMs,
  type RememberedNeighbour,
} from '@spillway/kubernetes';
import { type Mesh, type PodStreamHandler, startMesh } from '@spillway/mesh';
import { CustomResources } from './resources/custom-resources.ts';
import { GuestNamespaceKeeper } from './resources/guest-namespace-keeper.ts';
import { type KubeletApi, startKubeletApi } from './kubelet-api/kubelet-api.ts';
import { createMachine, type Machine, type MachineOptions } from './machine.ts';
import { measureLinks, measureNeighbours, measurePods } from './reporting/metrics.ts';
import { NeighbourKeeper } from './resources/neighbour-keeper.ts';
import { OffloadPolicies } from './resources/offload-policies.ts';
import { watchMembership } from './membership/own-membership.ts';
import { AgentApi } from './api/agent-api.ts';
import { RevocationKeeper } from './membership/revocation-keeper.ts';
import { SettingProblems } from './resources/setting-problems.ts';
import { every, startAll, type Startable, stopAll } from './startable.ts';

/** Maximum of neighbours known before that are remembered, and of their addresses that are tried, at start. */
const rememberedMax = 1_000;
const addressesTriedMax = 64;
const measureMs = 250;

export const systemClock: Clock = {
  monotonicMs: () => performance.now() as MonotonicMs,
  wallMs: () => Date.now() as WallMs,
};

export interface ActiveAgent {
  notReady(): string | undefined;
  readonly api: AgentApi;
  /** From now on it emits nothing. Resolves when every write and call under way has ended. */
  stop(): Promise<void>;
  /** See `Agent.isSettled`. */
  isSettled(): boolean;
}

export type ActiveOptions = Omit<MachineOptions, 'clock' | 'revocations' | 'mesh' | 'kubelet'>;

export async function startActive(active: ActiveOptions): Promise<ActiveAgent> {
  const { options, log, metrics, identity, policies, api, epoch } = active;
  const clock = systemClock;
  const seed = epoch % 2 ** 31;
  let started: Mesh | undefined;
  const revocations = new RevocationKeeper({
    api,
    namespace: options.lease.namespace,
    root: identity.root,
    log,
    metrics,
  });
  let kubelet: KubeletApi | undefined;
  const machine = createMachine({
    ...active,
    clock,
    revocations,
    mesh: () => started,
    kubelet: () => kubelet?.endpoint,
  });
  const { agent, driver, recorder, virtualNodes, pods } = machine;
  const { neighbours } = agent;
  const remembered = await rememberedBy(active, machine);
  await revocations.load(remembered);
  // Before there is a virtual node to say where it is served.
  kubelet = await startKubeletApi({
    options,
    log,
    reviews: new AccessReviews(api, clock),
    podAway: (namespace, name) => agent.home.podAway(namespace, name),
    open: async (...asked) => await connected(started).openPodStream(...asked),
  });
  const mesh = await startMesh(meshOptions({ active, machine, revocations, remembered }));
  started = mesh;
  driver.connect({
    negotiator: (cluster) => mesh.negotiator(cluster),
    publish: (advert) => mesh.publish(advert),
  });
  const settings = new SettingProblems(recorder);
  const guestNamespaces = new GuestNamespaceKeeper({
    namespaces: new EmptyNamespaces({ afterMs: options.guests.emptyNamespaceMs }),
    occupied: () => agent.host.occupied(),
    end: (namespace) => pods.endNamespace(namespace),
    clock,
    log,
  });
  const keeper = new NeighbourKeeper({
    api,
    preset: machine.preset,
    directory: neighbours.directory,
    home: agent.home,
    host: agent.host,
    mesh,
    cordoned: (cluster) => neighbours.marks(cluster).cordoned,
    revoked: () => neighbours.revoked,
    clock,
    log,
  });
  const resources = new CustomResources({
    api,
    log,
    keepNeighbours: async () => leaving || (await keeper.keep()),
    policies: new OffloadPolicies({
      api,
      book: policies,
      clock,
      random: randomStream(seed, 'policies'),
      log,
      onChanged: (namespace) => driver.feed({ kind: 'policiesChanged', namespace }),
    }),
  });
  let [listed, leaving] = [false, false];
  const watch = new ClusterWatch({
    api,
    random: randomStream(seed, 'watch'),
    onEvent: (event) => {
      machine.reporter.watched(event);
      tellBystanders(event, { machine, settings, guestNamespaces });
      driver.feed({ kind: 'cluster', event });
    },
    onSynced: () => {
      listed = true;
      void resources.settled.then(() => {
        driver.feed({ kind: 'synced' });
        guestNamespaces.start();
        log.info({}, 'caches are synced');
      });
    },
    onBroken: (kind, error) => log.warn({ kind, err: error }, 'watch broke; it is resumed'),
  });
  const notice = await heededNotice(active, machine, () => (leaving = true));
  const parts: readonly Startable[] = [
    revocationsInForce({ machine, revocations, mesh, remembered }),
    ...(kubelet === undefined ? [] : [kubelet]),
    recorder,
    watch,
    resources,
    { stop: () => guestNamespaces.stop() },
    notice,
    watchMembership(mesh.member, { clock, log, metrics }),
    every(measureMs, () => {
      measurePods(metrics, agent.home, agent.host);
      measureNeighbours(metrics, neighbours);
      measureLinks(metrics, mesh);
    }),
    every(leaseRenewMs, () => {
      virtualNodes.renewAll(new Date()).catch((error: unknown) => {
        log.warn({ err: error }, 'a virtual node’s Lease was not renewed');
      });
    }),
  ];
  startAll(parts);
  return {
    notReady: () => {
      if (agent.synced) return undefined;
      return (listed && resources.problem) || 'the caches are not synced yet';
    },
    api: new AgentApi({
      ...active,
      ...machine,
      home: agent.home,
      host: agent.host,
      ledger: agent.ledger,
      directory: neighbours.directory,
      neighbours,
      mesh,
      settings,
      resources,
      revocations,
      virtualNodes: () => agent.virtualNodes(),
      clock,
      synced: () => agent.synced,
    }),
    async stop() {
      stopAll(parts);
      const drained = driver.stop();
      await mesh.stop();
      await drained;
    },
    isSettled: () => agent.isSettled(clock.monotonicMs()),
  };
}

/** What an earlier agent of this cluster knew of its neighbours. */
async function rememberedBy(
  { api, log }: ActiveOptions,
  { agent, virtualNodes }: Machine,
): Promise<readonly RememberedNeighbour[]> {
  const remembered = await virtualNodes.remembered(rememberedMax).catch((error: unknown) => {
    log.warn({ err: error }, 'neighbours known before could not be read');
    return [];
  });
  for (const { cluster, marks } of remembered) agent.neighbours.markedBefore(cluster, marks);
  const cordoned = await cordonedNeighbours(api).catch((error: unknown) => {
    log.warn({ err: error }, 'neighbours cordoned before could not be read');
    return [];
  });
  for (const cluster of cordoned) {
    agent.neighbours.markedBefore(cluster, { ...noMarks, cordoned: true });
  }
  return remembered;
}

function meshOptions(made: {
  readonly active: ActiveOptions;
  readonly machine: Machine;
  readonly revocations: RevocationKeeper;
  readonly remembered: readonly RememberedNeighbour[];
}): Parameters<typeof startMesh>[0] {
  const { active, machine, revocations, remembered } = made;
  const { options, log, metrics, identity, epoch } = active;
  const { agent, driver, reporter } = machine;
  return {
    ...identity,
    ...options.mesh,
    reachable: options.mesh.reachable === 'auto' ? undefined : options.mesh.reachable,
    bootstrap: [
      ...options.mesh.bootstrap,
      ...remembered.flatMap(({ addresses }) => addresses).slice(0, addressesTriedMax),
    ],
    handler: driver,
    podStreams: { handler: guestStreamHandler(active, machine), bounds: options.streams },
    clock: systemClock,
    random: randomStream(epoch % 2 ** 31, 'mesh'),
    revocations: revocations.revocations,
    onRevocations: (added) => revocations.learnt(added),
    onRevokedMember: (member) => revocations.proved(member),
    onAdvert: (advert, from) => {
      revocations.proved(from);
      const receipt = driver.advert(advert, from);
      reporter.received(receipt);
      return receipt;
    },
    onPeer: (member, state) => {
      const { cluster } = member;
      revocations.proved(member);
      reporter.connection(cluster, state);
      if (state === 'connected') driver.feed({ kind: 'connected', cluster });
    },
    guestsOf: (cluster) => agent.host.counts().byHome.get(cluster) ?? 0,
    onRtt: ({ cluster }, rttMs) => {
      reporter.rtt(cluster, rttMs);
      driver.feed({ kind: 'rtt', cluster, rttMs });
    },
    onMoved: ({ cluster }, path) => {
      reporter.moved(cluster, path);
      driver.feed({ kind: 'moved', cluster });
    },
    onAddresses: () => driver.feed({ kind: 'addressesChanged' }),
    surveyNext: (may) => agent.neighbours.directory.surveyNext(may),
    onRefused: (refusal, first) => {
      if (first) log.warn({ ...refusal }, 'refused');
      else metrics.refused.inc({ reason: refusal.reason });
    },
  };
}

/** What a home may see and do of its own guests here, and of nothing else. */
function guestStreamHandler({ api }: ActiveOptions, { agent }: Machine): PodStreamHandler {
  const streams = new GuestStreams(api);
  return async (caller, request, signal) => {
    const guest = agent.host.placeOf(caller.cluster, request.uid);
    if (guest === undefined) return { head: refusedStream(404, 'the host has no such guest') };
    return await streams.open(guest, request, signal);
  };
}

function connected(mesh: Mesh | undefined): Mesh {
  if (mesh === undefined) throw new Fault('Unavailable', 'the agent is starting');
  return mesh;
}

/** Before anything is decided: an agent that starts in the middle of leaving must not take anything up. */
async function heededNotice(
  { api, options, policies, log }: ActiveOptions,
  { driver }: Machine,
  onLeaving: () => void,
): Promise<Startable> {
  const notice = new LeaveNotice({
    api,
    namespace: options.lease.namespace,
    onProblem: (error) => log.debug({ err: error }, 'whether to leave could not be read'),
  });
  const leave = (): void => {
    log.warn(
      {},
      'this cluster leaves the federation: nothing goes away, what is away and all guests end',
    );
    onLeaving();
    policies.leave();
    driver.feed({ kind: 'leaving' });
  };
  if (!(await notice.isGiven())) {
    return { start: () => notice.start(leave), stop: () => notice.stop() };
  }
  leave();
  return { stop: () => {} };
}

function revocationsInForce(made: {
  readonly machine: Machine;
  readonly revocations: RevocationKeeper;
  readonly mesh: Mesh;
  readonly remembered: readonly RememberedNeighbour[];
}): Startable {
  const { machine, revocations, mesh, remembered } = made;
  const nodes: ReadonlySet<ClusterName> = new Set(remembered.map(({ cluster }) => cluster));
  return {
    start() {
      revocations.start({
        revoke: (list) => mesh.revoke(list),
        ownRevocation: () => mesh.ownRevocation(),
        onRevoked: (clusters, why) => {
          machine.driver.feed({ kind: 'revoked', clusters, why, nodes });
        },
      });
    },
    stop: () => revocations.stop(),
  };
}

/** Parts that look at the cluster beside the machine. */
function tellBystanders(
  event: ClusterEvent,
  by: {
    readonly machine: Machine;
    readonly settings: SettingProblems;
    readonly guestNamespaces: GuestNamespaceKeeper;
  },
): void {
  const { machine, settings, guestNamespaces } = by;
  const deleted = event.type === 'deleted';
  const { metadata } = event.object;
  if (event.kind === 'Namespace') {
    settings.see('Namespace', metadata, deleted);
    guestNamespaces.take(event.object, deleted);
  } else if (event.kind === 'Pod') {
    if (metadata.labels?.[wellKnown.homeLabel] === undefined) {
      settings.see('Pod', metadata, deleted);
    }
  } else if (event.kind === 'Node') {
    const cluster = neighbourOfNode(event.object);
    if (cluster !== undefined) {
      machine.virtualNodes.seen(cluster, deleted ? undefined : event.object);
    }
  }
}
