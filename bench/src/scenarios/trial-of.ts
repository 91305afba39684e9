/** A scenario at a load, with a seed: a trial. The same three give the same trial. */
import { Fault, randomStream } from '@spillway/core';
import type { App, Trial, TrialCluster, TrialNode } from '@spillway/simulator';
import { type City, cityRttMs } from '@spillway/testbed';
import { dailyApps } from './demand/daily.ts';
import { deploymentApps } from './demand/deployments.ts';
import { fixedApps } from './demand/fixed.ts';
import { sessionApps } from './demand/sessions.ts';
import { tideApps } from './demand/tides.ts';
import { mebibytesOf, milliCpuOf } from './room.ts';
import type { Demand, Scenario } from './schema.ts';

export interface TrialOptions {
  readonly load: number;
  readonly seed: number;
  /** Instead of the scenario's. */
  readonly clusters?: number;
  readonly durationMs?: number;
}

export interface Site {
  readonly place: City;
  readonly utcOffsetHours: number;
  readonly cluster: TrialCluster;
}

/** What demand is made for. */
export interface DemandContext {
  readonly sites: readonly Site[];
  readonly load: number;
  readonly durationMs: number;
  readonly random: (stream: string) => ReturnType<typeof randomStream>;
  /** Of this entry, for names. */
  readonly index: number;
}

export function trialOf(scenario: Scenario, options: TrialOptions): Trial {
  const { load, seed } = options;
  const durationMs = options.durationMs ?? scenario.durationS * 1_000;
  const random = (stream: string) => randomStream(seed, `${scenario.name}/${stream}`);
  const sites = sitesOf(scenario, options.clusters, random('places'));
  const names = new Map(sites.map(({ cluster }, i) => [cluster.name, i]));
  const indexOf = (name: string): number => {
    const index = names.get(name);
    if (index === undefined) {
      throw new Fault('InvalidInput', `${scenario.name}: there is no cluster ${name}`);
    }
    return index;
  };
  const apps = scenario.demand.flatMap((demand, index) =>
    appsOf(demand, { sites, load, durationMs, random: (of) => random(`${index}/${of}`), index }),
  );
  return {
    scenario: scenario.name,
    load,
    seed,
    durationMs,
    clusters: sites.map(({ cluster }) => cluster),
    rttMs: rttBetween(sites.map(({ place }) => place)),
    links: {
      jitter: scenario.links.jitter,
      loss: scenario.links.loss,
      cuts: scenario.links.cuts.map(({ fromS, toS, clusters }) => ({
        fromMs: fromS * 1_000,
        toMs: toS * 1_000,
        clusters: clusters.map(indexOf),
      })),
    },
    apps,
  };
}

function appsOf(demand: Demand, context: DemandContext): readonly App[] {
  switch (demand.kind) {
    case 'deployments':
      return deploymentApps(demand, context);
    case 'daily':
      return dailyApps(demand, context);
    case 'sessions':
      return sessionApps(demand, context);
    case 'tides':
      return tideApps(demand, context);
    case 'fixed':
      return fixedApps(demand, context);
  }
}

/** Those of `clusters` that are far apart are as far as their places; a cluster is 0 ms from itself. */
export function rttBetween(places: readonly City[]): Trial['rttMs'] {
  return (a, b) => {
    const [from, to] = [places[a], places[b]];
    if (a === b || from === undefined || to === undefined) return 0;
    return cityRttMs(from, to);
  };
}

function sitesOf(
  scenario: Scenario,
  count: number | undefined,
  random: ReturnType<typeof randomStream>,
): readonly Site[] {
  const { clusters } = scenario;
  if (Array.isArray(clusters)) {
    if (count !== undefined && count !== clusters.length) {
      throw new Fault(
        'InvalidInput',
        `${scenario.name} names its ${clusters.length} clusters; another number can't be asked of it`,
      );
    }
    return clusters.map(({ name, latitude, longitude, utcOffsetHours, nodes }) => ({
      place: { name, latitude, longitude },
      utcOffsetHours,
      cluster: { name, nodes: nodesOf(nodes ?? scenario.nodes) },
    }));
  }
  const nodes = nodesOf(scenario.nodes);
  return Array.from({ length: count ?? clusters.count }, (_, i) => {
    const name = `${clusters.prefix}${i}`;
    // Uniform over the sphere between the polar circles.
    const latitude = (Math.asin(2 * random.unit() - 1) * 180 * 0.73) / Math.PI;
    const longitude = 360 * random.unit() - 180;
    const utcOffsetHours = Math.round(longitude / 15);
    return { place: { name, latitude, longitude }, utcOffsetHours, cluster: { name, nodes } };
  });
}

function nodesOf(groups: Scenario['nodes']): readonly TrialNode[] {
  return groups.flatMap(({ count, cpu, memory, gpus, gpuModel }) =>
    Array.from({ length: count }, () => ({
      milliCpu: milliCpuOf(cpu),
      memoryMib: mebibytesOf(memory),
      milliGpu: gpus * 1_000,
      ...(gpuModel !== undefined && { gpuModel }),
    })),
  );
}
