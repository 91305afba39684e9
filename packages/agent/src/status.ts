/** What an agent says of itself and of its neighbours to whoever asks. */
import type { MonotonicMs } from '@spillway/core';
import {
  commonShapeFits,
  type Directory,
  freeExtended,
  type Home,
  type Host,
  roomOf,
  roomTotals,
} from '@spillway/federation';
import type { EventRecorder } from '@spillway/kubernetes';
import type { Mesh } from '@spillway/mesh';
import type { Ledger } from '@spillway/scheduling';
import type { CustomResources } from './custom-resources.ts';
import type { AgentOptions } from './options.ts';

export function agentStatus(agent: {
  readonly options: AgentOptions;
  readonly epoch: number;
  readonly mesh: Mesh;
  readonly home: Home;
  readonly host: Host;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly synced: boolean;
  readonly recorder: EventRecorder;
  readonly resources: CustomResources;
}) {
  const { options, epoch, mesh, home, host, ledger, directory, synced } = agent;
  const { waiting, awayByHost } = home.counts();
  const { guests, held, byHome } = host.counts();
  const { allocatable, free } = roomTotals(ledger.snapshot);
  return {
    cluster: options.cluster,
    active: true,
    ready: synced,
    epoch,
    peer: mesh.peer,
    addresses: mesh.addresses(),
    relay: mesh.relay(),
    nodes: ledger.snapshot.nodeCount,
    cpu: { allocatableMilli: allocatable.milliCpu, freeMilli: free.milliCpu },
    memory: { allocatableBytes: allocatable.memoryBytes, freeBytes: free.memoryBytes },
    waiting,
    away: Object.fromEntries(awayByHost),
    guests: { total: guests, held, byHome: Object.fromEntries(byHome), free: host.guestsFree },
    room: commonShapeFits(roomOf(ledger.snapshot, { keepFree: options.host.keepFree })),
    neighbours: directory.neighbours().length,
    refused: mesh.refusals(),
    eventsDropped: agent.recorder.dropped,
    /** Those of Spillway's that the API server serves. */
    customResources: agent.resources.served ?? [],
    rssBytes: process.memoryUsage.rss(),
  };
}

export function neighbourRows(agent: {
  readonly directory: Directory;
  readonly home: Home;
  readonly host: Host;
  readonly mesh: Mesh;
  readonly now: MonotonicMs;
}) {
  const { awayByHost } = agent.home.counts();
  const { byHome } = agent.host.counts();
  const paths = agent.mesh.paths();
  return agent.directory.neighbours().map((neighbour) => {
    const path = paths.get(neighbour.peer);
    return {
      cluster: neighbour.cluster,
      liveness: neighbour.liveness,
      connected: path !== undefined,
      /** `direct`, `relayed`, or `none` while there is no connection. */
      link: path?.kind ?? 'none',
      /** The cluster that relays. */
      ...(path?.via !== undefined && { via: path.via }),
      rttMs: Math.round(neighbour.rttMs * 10) / 10,
      rttMeasured: neighbour.rttMeasured,
      accepting: neighbour.advert.accepting,
      guestsFree: neighbour.advert.guestsFree,
      room: commonShapeFits(neighbour.advert.room),
      gpus: Object.fromEntries(freeExtended(neighbour.advert.room)),
      ourPodsThere: awayByHost.get(neighbour.cluster) ?? 0,
      theirPodsHere: byHome.get(neighbour.cluster) ?? 0,
      lastHeardMsAgo: Math.round(agent.now - neighbour.lastHeard),
      attributes: neighbour.attributes,
    };
  });
}
