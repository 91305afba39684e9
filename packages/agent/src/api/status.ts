/** What an agent answers about itself and its neighbours. */
import type { Neighbours } from '@spillway/agent-core';
import { type Clock, version } from '@spillway/core';
import {
  commonShapeFits,
  type Directory,
  freeExtended,
  type Home,
  type Host,
  freeCapacityOf,
  capacityTotals,
} from '@spillway/federation';
import type { EventRecorder } from '@spillway/kubernetes';
import type { Mesh } from '@spillway/mesh';
import type { Ledger } from '@spillway/scheduling';
import type { ActiveStatus, NeighbourAnswer } from './answers/index.ts';
import type { CustomResources } from '../resources/custom-resources.ts';
import type { AgentOptions } from '../config/options.ts';
import type { RevocationKeeper } from '../membership/revocation-keeper.ts';

export function agentStatus(agent: {
  readonly options: AgentOptions;
  readonly epoch: number;
  readonly mesh: Mesh;
  readonly home: Home;
  readonly host: Host;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly neighbours: Neighbours;
  readonly synced: () => boolean;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly resources: CustomResources;
  readonly revocations: RevocationKeeper;
}): ActiveStatus {
  const { options, epoch, mesh, home, host, ledger, directory } = agent;
  const { waiting, awayByHost } = home.counts();
  const { guests, held, byHome } = host.counts();
  const { allocatable, free } = capacityTotals(ledger.snapshot);
  const relay = mesh.relay();
  return {
    cluster: options.cluster,
    active: true,
    version,
    instance: options.instance,
    ready: agent.synced(),
    epoch,
    peer: mesh.peer,
    addresses: [...mesh.addresses()],
    relay: { ...relay, waitsAt: [...relay.waitsAt] },
    certificateExpiresInMs: Math.round(mesh.member.expiresMs - agent.clock.wallMs()),
    nodes: ledger.snapshot.candidates().length,
    cpu: { allocatableMilli: allocatable.milliCpu, freeMilli: free.milliCpu },
    memory: { allocatableBytes: allocatable.memoryBytes, freeBytes: free.memoryBytes },
    waiting,
    away: Object.fromEntries(awayByHost),
    podStates: Object.fromEntries(home.podStates()),
    guests: { total: guests, held, byHome: Object.fromEntries(byHome), free: host.guestsFree },
    room: commonShapeFits(freeCapacityOf(ledger.snapshot, { keepFree: options.host.keepFree })),
    neighbours: directory.neighbours().length,
    cordoned: agent.neighbours
      .neighbours()
      .flatMap(({ cluster, marks }) => (marks?.cordoned ? [cluster] : [])),
    revocations: agent.revocations.status(),
    refused: mesh.refusals(),
    eventsDropped: agent.recorder.dropped,
    customResources: [...(agent.resources.served ?? [])],
    rssBytes: process.memoryUsage.rss(),
  };
}

export function neighbourRows(agent: {
  readonly directory: Directory;
  readonly home: Home;
  readonly host: Host;
  readonly mesh: Mesh;
  readonly neighbours: Neighbours;
  readonly clock: Clock;
}): readonly NeighbourAnswer[] {
  const now = agent.clock.monotonicMs();
  const paths = agent.mesh.paths();
  const { awayByHost } = agent.home.counts();
  const { byHome } = agent.host.counts();
  const { revoked } = agent.neighbours;
  const all = [...agent.directory.neighbours(), ...[...revoked.values()].map(({ last }) => last)];
  return all.map(({ cluster, advert, ...neighbour }) => {
    const path = paths.get(neighbour.peer);
    const { allocatable, free } = advert.totals;
    return {
      cluster,
      liveness: revoked.has(cluster) ? 'revoked' : neighbour.liveness,
      cordoned: agent.neighbours.neighbour(cluster)?.marks?.cordoned ?? false,
      link: path?.kind ?? 'none',
      ...(path?.via !== undefined && { via: path.via }),
      rttMs: Math.round(neighbour.rttMs * 10) / 10,
      rttMeasured: neighbour.rttMeasured,
      accepting: advert.accepting,
      guestsFree: advert.guestsFree,
      room: commonShapeFits(advert.freeCapacity),
      gpus: Object.fromEntries(freeExtended(advert.freeCapacity)),
      totals: { allocatable: cpuAndMemory(allocatable), free: cpuAndMemory(free) },
      ourPodsThere: awayByHost.get(cluster) ?? 0,
      theirPodsHere: byHome.get(cluster) ?? 0,
      lastHeardMsAgo: Math.round(now - neighbour.lastHeard),
      advertMsAgo: Math.round(now - neighbour.advertAt),
      peer: neighbour.peer,
      addresses: [...advert.addresses],
      attributes: neighbour.attributes,
      labels: advert.labels,
    };
  });
}

function cpuAndMemory(of: { readonly milliCpu: number; readonly memoryBytes: number }) {
  return { milliCpu: of.milliCpu, memoryBytes: of.memoryBytes };
}
