/** Every metric of the agent, in one list. Names follow Prometheus: base units, `_total` counters. */
import type { Neighbours } from '@spillway/agent-core';
import type { Home, Host } from '@spillway/federation';
import type { Mesh } from '@spillway/mesh';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    active: new Gauge({
      name: 'spillway_active',
      help: '1 while this agent is the active one of its cluster.',
      registers,
    }),
    podsWaiting: new Gauge({
      name: 'spillway_home_pods_waiting',
      help: 'Pods that Spillway places and that have no node yet.',
      registers,
    }),
    podsAway: new Gauge({
      name: 'spillway_home_pods_away',
      help: 'Pods of this cluster at each neighbour that have not finished.',
      labelNames: ['host'] as const,
      registers,
    }),
    guests: new Gauge({
      name: 'spillway_host_guests',
      help: 'Guests here that have not finished, by home.',
      labelNames: ['home'] as const,
      registers,
    }),
    held: new Gauge({
      name: 'spillway_host_slots_held',
      help: 'Slots that are reserved for homes and not committed yet.',
      registers,
    }),
    placed: new Counter({
      name: 'spillway_home_pods_placed_total',
      help: 'Pods bound, at home or at a neighbour.',
      labelNames: ['where'] as const,
      registers,
    }),
    givenBack: new Counter({
      name: 'spillway_home_pods_given_back_total',
      help: 'Pods that failed because something other than Spillway had bound them to a virtual node.',
      labelNames: ['host'] as const,
      registers,
    }),
    reservations: new Counter({
      name: 'spillway_home_reservations_total',
      help: 'Reservations asked of neighbours, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    tries: new Counter({
      name: 'spillway_home_tries_total',
      help: 'Pod templates tried at neighbours before binding, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    commits: new Counter({
      name: 'spillway_home_commits_total',
      help: 'Pods committed at neighbours, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    admissions: new Counter({
      name: 'spillway_host_admissions_total',
      help: 'Slots that homes asked this host for, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    createdToShadow: new Histogram({
      name: 'spillway_home_created_to_shadow_seconds',
      help: 'Time from when the agent first saw a pod to when its shadow existed at a host.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    neighbours: new Gauge({
      name: 'spillway_neighbours',
      help: 'Neighbours by liveness.',
      labelNames: ['liveness'] as const,
      registers,
    }),
    adverts: new Counter({
      name: 'spillway_adverts_total',
      help: 'Adverts sent and received, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    connections: new Gauge({
      name: 'spillway_mesh_neighbours_connected',
      help: 'Neighbours with a connection, by its path: direct, or relayed by a third cluster.',
      labelNames: ['path'] as const,
      registers,
    }),
    waitsAt: new Gauge({
      name: 'spillway_mesh_relays_waited_at',
      help: 'Relays at which this agent waits to be reached.',
      registers,
    }),
    relayReservations: new Gauge({
      name: 'spillway_mesh_relay_reservations',
      help: 'Members that wait at this agent to be reached.',
      registers,
    }),
    relayCircuits: new Gauge({
      name: 'spillway_mesh_relay_circuits',
      help: 'Connections between other members that this agent relays.',
      registers,
    }),
    refused: new Counter({
      name: 'spillway_mesh_refused_total',
      help: 'Refused connections and messages: of peers without a proven membership, and of members that exceeded a bound.',
      labelNames: ['reason'] as const,
      registers,
    }),
    revocations: new Gauge({
      name: 'spillway_revocations',
      help: 'Revocations of the federation’s root that are in force here.',
      registers,
    }),
    revoked: new Gauge({
      name: 'spillway_revoked',
      help: '1 when this cluster itself is revoked.',
      registers,
    }),
    membershipExpires: new Gauge({
      name: 'spillway_membership_expires_timestamp_seconds',
      help: 'When this cluster’s membership certificate expires, in seconds since the Unix epoch.',
      registers,
    }),
    rttSeconds: new Gauge({
      name: 'spillway_neighbour_rtt_seconds',
      help: 'Round-trip time to each neighbour: measured if there is a recent measurement, otherwise predicted.',
      labelNames: ['neighbour'] as const,
      registers,
    }),
  };
}

export function measurePods(metrics: Metrics, home: Home, host: Host): void {
  const { waiting, awayByHost } = home.counts();
  const { byHome, held } = host.counts();
  metrics.podsWaiting.set(waiting);
  metrics.podsAway.reset();
  for (const [cluster, count] of awayByHost) metrics.podsAway.set({ host: cluster }, count);
  metrics.guests.reset();
  for (const [cluster, count] of byHome) metrics.guests.set({ home: cluster }, count);
  metrics.held.set(held);
}

export function measureNeighbours(metrics: Metrics, { directory, revoked }: Neighbours): void {
  const counts = { alive: 0, suspect: 0, gone: 0, revoked: revoked.size };
  for (const { liveness } of directory.neighbours()) counts[liveness] += 1;
  for (const [liveness, count] of Object.entries(counts)) {
    metrics.neighbours.set({ liveness }, count);
  }
}

export function measureLinks(metrics: Metrics, mesh: Mesh): void {
  const counts = { direct: 0, relayed: 0 };
  for (const { kind } of mesh.paths().values()) counts[kind] += 1;
  for (const [path, count] of Object.entries(counts)) metrics.connections.set({ path }, count);
  const { waitsAt, reservations, circuits } = mesh.relay();
  metrics.waitsAt.set(waitsAt.length);
  metrics.relayReservations.set(reservations);
  metrics.relayCircuits.set(circuits);
}
