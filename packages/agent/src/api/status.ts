/** What an agent says of itself and of its neighbours. */
import { version } from '@spillway/core';
import {
  capacityTotals,
  commonShapeFits,
  freeCapacityOf,
  freeExtended,
} from '@spillway/federation';
import type { AgentContext } from './agent-context.ts';
import type { ActiveStatus, NeighbourRow } from './schemas/index.ts';

export function agentStatus(agent: AgentContext): ActiveStatus {
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

export function neighbourRows(agent: AgentContext): readonly NeighbourRow[] {
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
