/**
 * mck8s' multi-cluster scheduler: where the replicas of a MultiClusterDeployment go. After
 * `multi-cluster-scheduler/multiclusterscheduler.py` and `utils.py` of moule3053/mck8s, in our own words.
 *
 * It sees what is bound at the moment of a decision and holds nothing. Pending pods and other decisions
 * under way do not count, so two at once may fill the same room. It places all or nothing. When one replica
 * finds no room, none is deployed. mck8s then asks for a cloud cluster, which these trials do not have, and
 * retries.
 */
import { assert } from '@spillway/core';
import type { PodAsk, TrialNode } from '../trial.ts';
import { sum, timesOn } from './fit.ts';

/** `TemporaryError(delay=30)`, status `to_cloud`; on an update what was deployed before stays meanwhile. */
export const mck8sRetryMs = 30_000;

/**
 * The order of the clusters that have room: most room first, least room first, most bytes received first.
 * `best_fit` is not "the smallest where all fit". Ties go by name.
 */
export type Mck8sPolicy = 'worst_fit' | 'best_fit' | 'most_traffic';

export interface Mck8sApp {
  /** At *each* location, above 0: mck8s refuses 0, its user deletes the object instead. */
  readonly replicas: number;
  /** More than 0 of CPU or of memory. */
  readonly pod: PodAsk;
  readonly where:
    | { readonly policy: Mck8sPolicy; readonly numberOfLocations: number }
    /** Indices of clusters, all different. */
    | { readonly locations: readonly number[] };
}

export interface Mck8sCluster {
  /** Unique; none has "cloud" in it. */
  readonly name: string;
  /** In the order of the API's list. mck8s leaves out the first as the master; here all are workers. */
  readonly nodes: readonly Mck8sNode[];
  /** Bytes/s that its nodes received in the last minute; only `most_traffic` looks at it. */
  readonly trafficBytes: number;
}

export interface Mck8sNode {
  readonly allocatable: TrialNode;
  /** Allocatable less what bound pods ask; for the update of an app, without counting its own. 0 or more. */
  readonly free: TrialNode;
}

export interface Mck8sDecision {
  readonly app: Mck8sApp;
  readonly clusters: readonly Mck8sCluster[];
  /** Between two clusters by index, as Serf measures it. */
  readonly rttMs: (a: number, b: number) => number;
  /** mck8s knows CPU and memory only; with true it counts as if it knew GPUs and their models too. */
  readonly heedsGpus: boolean;
}

/**
 * Replicas for each cluster by index, all above 0; or 'nothing' for now.
 *
 * Their sum may be less than what was requested, and mck8s reports success. Locations beyond the number of
 * clusters with room vanish. So does a location that is impossible and has no substitute.
 */
export function placeApp(decision: Mck8sDecision): ReadonlyMap<number, number> | 'nothing' {
  const { where } = decision.app;
  return 'locations' in where
    ? placeAtLocations(decision, where.locations)
    : placeByPolicy(decision, where.policy, where.numberOfLocations);
}

/** How many such pods the nodes' free room takes, node by node. */
export function maxReplicas(free: readonly TrialNode[], pod: PodAsk, heedsGpus: boolean): number {
  const { milliCpu, memoryMib } = pod;
  assert(milliCpu > 0 || memoryMib > 0, 'mck8s divides by what a pod asks');
  const known = heedsGpus ? pod : { milliCpu, memoryMib, milliGpu: 0 };
  return sum(free.map((node) => timesOn(node, known)));
}

function placeByPolicy(
  decision: Mck8sDecision,
  policy: Mck8sPolicy,
  numberOfLocations: number,
): ReadonlyMap<number, number> | 'nothing' {
  const { app, clusters } = decision;
  const ranked = byName(clusters)
    .filter((index) => isPossible(decision, index))
    .map((index) => ({ index, room: replicasThatFit(decision, index) }))
    .filter(({ room }) => room > 0)
    .toSorted((a, b) => {
      if (policy === 'worst_fit') return b.room - a.room;
      if (policy === 'best_fit') return a.room - b.room;
      return clusterAt(clusters, b.index).trafficBytes - clusterAt(clusters, a.index).trafficBytes;
    });
  const placed = new Map<number, number>();
  let overflow = 0;
  for (const { index, room } of ranked.slice(0, numberOfLocations)) {
    placed.set(index, Math.min(app.replicas, room));
    overflow += app.replicas - Math.min(app.replicas, room);
  }
  for (const { index, room } of ranked.slice(numberOfLocations)) {
    if (overflow === 0) break;
    placed.set(index, Math.min(overflow, room));
    overflow -= Math.min(overflow, room);
  }
  return overflow > 0 || placed.size === 0 ? 'nothing' : placed;
}

function placeAtLocations(
  decision: Mck8sDecision,
  locations: readonly number[],
): ReadonlyMap<number, number> | 'nothing' {
  const { app, clusters } = decision;
  const order = byName(clusters);
  const others = order.filter((index) => !locations.includes(index));
  const hosts = locations
    .flatMap((location) => {
      if (isPossible(decision, location)) return [location];
      return nearest(decision, location, others)
        .filter((index) => isPossible(decision, index))
        .slice(0, 1);
    })
    .toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
  const outside = others.filter((index) => !hosts.includes(index));
  const outsideRoom = new Map(outside.map((index) => [index, replicasThatFit(decision, index)]));
  const placed = new Map<number, number>();
  let leftover = 0;
  // One cluster may stand in for two locations; its room is then counted once for each.
  for (const host of hosts) {
    const own = Math.min(app.replicas, replicasThatFit(decision, host));
    add(placed, host, own);
    let overflow = app.replicas - own;
    for (const index of nearest(decision, host, outside)) {
      const taken = Math.min(overflow, outsideRoom.get(index) ?? 0);
      outsideRoom.set(index, (outsideRoom.get(index) ?? 0) - taken);
      add(placed, index, taken);
      overflow -= taken;
    }
    leftover += overflow;
  }
  return leftover > 0 || placed.size === 0 ? 'nothing' : placed;
}

function add(placed: Map<number, number>, index: number, replicas: number): void {
  if (replicas > 0) placed.set(index, (placed.get(index) ?? 0) + replicas);
}

/**
 * mck8s asks for less than the capacity of the second node, the first worker. A node's capacity exceeds
 * its allocatable by what its own daemons keep, so a pod as large as all of allocatable is possible.
 */
function isPossible({ app: { pod }, clusters }: Mck8sDecision, index: number): boolean {
  const worker = clusterAt(clusters, index).nodes[0]?.allocatable;
  return (
    worker !== undefined && pod.milliCpu <= worker.milliCpu && pod.memoryMib <= worker.memoryMib
  );
}

function replicasThatFit({ app, clusters, heedsGpus }: Mck8sDecision, index: number): number {
  const free = clusterAt(clusters, index).nodes.map((node) => node.free);
  return maxReplicas(free, app.pod, heedsGpus);
}

function nearest({ rttMs }: Mck8sDecision, to: number, among: readonly number[]): number[] {
  return among.toSorted((a, b) => rttMs(to, a) - rttMs(to, b));
}

/** The order of the API server's list, and of Python's sort. */
function byName(clusters: readonly Mck8sCluster[]): number[] {
  return clusters
    .map(({ name }, index) => ({ name, index }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ index }) => index);
}

function clusterAt(clusters: readonly Mck8sCluster[], index: number): Mck8sCluster {
  const cluster = clusters[index];
  assert(cluster !== undefined, `a location is a cluster: ${index}`);
  return cluster;
}
