/** Spillway as it ships: its agents decide, nobody else does. */
import { type ClusterName, randomStream, wellKnown } from '@spillway/core';
import {
  type Coordinate,
  CoordinateClient,
  directoryPresets,
  originCoordinate,
  predictedRttMs,
} from '@spillway/federation';
import { ModelAgent } from '../agent/agent.ts';
import { FetchedNeighbours, KeptDirectories } from '../agent/fetched-neighbours.ts';
import type { Proximity } from '../agent/proximity.ts';
import { GossipMesh } from '../network/gossip-mesh.ts';
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import { ModelNetwork } from '../network/network.ts';
import { timing, type World } from '../world.ts';
import { type SimulatedSystem, templateOf } from './system.ts';

/** As packages/mesh: number of connections to keep; the RTT is measured on each. */
const linksMax = 128;
/** How many of the predicted nearest an agent has measured after an hour of one every 10 s. */
const surveyedCount = 360;
/**
 * Number of pings that each agent has measured when the trial starts. With 128 connections, each pinged
 * every 10 s, this takes less than a minute. With ten it takes ten minutes.
 */
const warmUpPings = 600;
const stalenessSamplesMax = 100_000;

export function startSpillway(world: World): SimulatedSystem {
  const { trial, time, clusters } = world;
  const indices = new Map(clusters.map(({ name, index }) => [name, index]));
  const indexOf = (name: ClusterName): number => indices.get(name) ?? 0;
  const random = world.random('links');
  const oneWay = (from: ClusterName, to: ClusterName): number => {
    const { jitter, loss } = trial.links;
    const ms = (trial.rttMs(indexOf(from), indexOf(to)) / 2) * (1 + jitter * random.unit());
    // What is lost is sent again by TCP.
    return random.unit() < loss ? ms + retransmissionMs : ms;
  };
  const network = new ModelNetwork(time, world.random('network'), oneWay);
  playCuts(world, network);
  const proximities = measuredProximities(world);
  const agents: ModelAgent[] = [];
  const mesh = new GossipMesh({
    time,
    random: world.random('mesh'),
    names: clusters.map(({ name }) => name),
    rttMs: trial.rttMs,
    adverts: world.adverts,
    agentOf: (cluster) => agents[cluster],
    separated: (a, b, at) => world.separated(a, b, at),
  });
  const directories = new KeptDirectories(clusters.length);
  const slots = { asked: 0, refused: 0 };
  const stalenessMs: number[] = [];
  for (const { name, api, index } of clusters) {
    const proximity = proximities[index];
    if (proximity === undefined) continue;
    // It binds guests, and nothing else: all other pods are Spillway's.
    KubeScheduler.start(api, time, timing.scheduler);
    const neighbourhood = new FetchedNeighbours({
      cluster: name,
      config: directoryPresets.edge,
      time,
      proximity,
      arrivals: mesh,
      directories,
    });
    const agent = new ModelAgent({
      cluster: name,
      epoch: 1,
      seed: trial.seed,
      api,
      time,
      network,
      gossip: mesh,
      directory: directoryPresets.edge,
      timing: timing.agent,
      proximity,
      ...(world.adverts === 'fetched' && { neighbourhood }),
      looksThrough: false,
      agentOf: (other) => agents[indexOf(other)],
      trace: () => {},
      onReserved: (reserved) => {
        slots.asked += reserved.asked;
        slots.refused += reserved.asked - reserved.granted;
        if (stalenessMs.length < stalenessSamplesMax) stalenessMs.push(reserved.stalenessMs);
      },
    });
    agents.push(agent);
  }
  return {
    scale(app, replicas) {
      const template = templateOf(world, app, { schedulerName: wellKnown.schedulerName });
      for (const home of app.homes) {
        world.cluster(home).deployments.scale(app.name, template, replicas);
      }
    },
    gossip: () => ({
      agents: agents.length,
      overMs: time.now,
      adverts: mesh.adverts,
      heardBytesPerAgent: mesh.heardBytesPerAgent,
      negotiationMessages: network.messages,
      known99Ms: quantile(mesh.takeKnown99Ms(), 0.5),
      spread99Ms: quantile(mesh.spread99Ms, 0.5),
      slotsAsked: slots.asked,
      slotsRefused: slots.refused,
      stalenessMs: { p50: quantile(stalenessMs, 0.5), p99: quantile(stalenessMs, 0.99) },
    }),
  };
}

/** TCP's least retransmission time-out on Linux, ms. */
const retransmissionMs = 200;

function playCuts({ trial, time, startMs, clusters }: World, network: ModelNetwork): void {
  for (const { fromMs, toMs, clusters: side } of trial.links.cuts) {
    time.after(startMs + fromMs, () => {
      for (const a of clusters.filter(({ index }) => side.includes(index))) {
        for (const b of clusters.filter(({ index }) => !side.includes(index))) {
          network.cut(a.name, b.name);
          network.cut(b.name, a.name);
        }
      }
    });
    time.after(startMs + toMs, () => network.heal());
  }
}

/** Coordinates after some rounds of pings over each agent's connections, which are with random others. */
function measuredProximities(world: World): readonly Proximity[] {
  const { trial, clusters } = world;
  const random = world.random('pings');
  const clients = clusters.map(
    ({ name }) => new CoordinateClient(randomStream(trial.seed, `coordinates/${name}`)),
  );
  const links = clusters.map(({ index }) => linkedTo(index, clusters.length, random));
  const linkedTos = links.map((linked) => [...linked]);
  for (let round = 0; round < warmUpPings; round++) {
    for (const [index, client] of clients.entries()) {
      const linked = linkedTos[index] ?? [];
      const other = linked[random.below(linked.length)];
      const { name } = clusters[other ?? index] ?? {};
      if (other === undefined || name === undefined) continue;
      const rttMs = trial.rttMs(index, other) * (1 + trial.links.jitter * random.unit());
      client.update(name, clients[other]?.coordinate ?? client.coordinate, rttMs);
    }
  }
  const indices = new Map(clusters.map(({ name, index }) => [name, index]));
  const coordinates = clients.map(({ coordinate }) => coordinate);
  return clients.map((client, index) => {
    let surveyed: ReadonlySet<number> | undefined;
    return {
      coordinate: () => client.coordinate,
      measuredRttMs: (other) => {
        const to = indices.get(other) ?? index;
        surveyed ??= surveyedBy(index, coordinates);
        const measured = links[index]?.has(to) || surveyed.has(to);
        return measured ? trial.rttMs(index, to) : undefined;
      },
    };
  });
}

/** Those who seem nearest are measured one after the other, connection or not. */
function surveyedBy(index: number, coordinates: readonly Coordinate[]): ReadonlySet<number> {
  if (coordinates.length <= linksMax + 1) return new Set();
  const own = coordinates[index] ?? originCoordinate;
  const predicted = Float64Array.from(coordinates, (coordinate, other) =>
    other === index ? Number.POSITIVE_INFINITY : predictedRttMs(own, coordinate),
  );
  const farthestMs = predicted.toSorted()[surveyedCount - 1] ?? 0;
  const surveyed = new Set<number>();
  for (const [other, rttMs] of predicted.entries()) if (rttMs <= farthestMs) surveyed.add(other);
  return surveyed;
}

function linkedTo(
  index: number,
  count: number,
  random: { below(bound: number): number },
): ReadonlySet<number> {
  const others = new Set<number>();
  if (count <= linksMax + 1) {
    for (let other = 0; other < count; other++) if (other !== index) others.add(other);
    return others;
  }
  while (others.size < linksMax) {
    const other = random.below(count);
    if (other !== index) others.add(other);
  }
  return others;
}

/** Nearest rank; 0 of nothing. */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}
