/**
 * What must hold in a simulated world at every step. A check looks again only at what has changed since the
 * step before. These are the pods of a cluster whose API server has a newer version, and what its kubelets
 * run.
 */
import { type Pod, type PodUid, wellKnown } from '@spillway/core';
import { modelSeals } from '../agent/model-seals.ts';
import { isEnded } from '../cluster/api-server.ts';
import { cpuAllocatable, cpuRequested, isVirtual } from '../cluster/kubelets.ts';
import { copyOfAnnotation } from './controllers.ts';
import { isShadow, type ModelCluster } from './model-world.ts';
import type { ModelWorld } from './world.ts';

/** The first broken invariant, in words. Cheap while nothing has been written. */
export function safetyChecker(world: ModelWorld): () => string | undefined {
  const all = world.clusters.map((cluster) => new SeenCluster(cluster));
  const overlaps = overlapChecker(world);
  return () => {
    let changed: SeenCluster[] | undefined;
    for (const each of all) {
      if (!each.isBehind) continue;
      each.look();
      (changed ??= []).push(each);
    }
    if (changed === undefined) return undefined;
    // It asserts that no pod is in two states.
    for (const { cluster } of changed) cluster.agent?.home.podStates();
    return (
      doubled(changed, all) ??
      unasked(changed, all) ??
      (world.promisesOneCopy ? overlaps() : undefined) ??
      first(changed, overcommitted)
    );
  };
}

/**
 * Under `fence`, no two pods may run that stand for one another. This is checked by what their kubelets run,
 * which is more than the API servers know.
 */
export function overlapChecker(world: ModelWorld): () => string | undefined {
  let checked = -1;
  let found: string | undefined;
  return () => {
    let changes = 0;
    for (const { kubelets } of world.clusters) changes += kubelets.changes;
    if (changes !== checked) found = overlapping(world);
    checked = changes;
    return found;
  };
}

interface BoundPod {
  readonly pod: Pod;
  readonly uid: PodUid;
  readonly milliCpu: number;
}

/** What the API server of a cluster had when it was last looked at. */
class SeenCluster {
  readonly cluster: ModelCluster;
  /** Of the pods that are bound to a node there and have not ended: the pods of which they are copies. */
  readonly copies = new Set<string>();
  /** The pods themselves. */
  readonly bound: BoundPod[] = [];
  /** A pod of which there are two copies. */
  twice: string | undefined;
  shadows: readonly Pod[] = [];
  #version = -1;
  /** Bounded by the pods that its world ever has. */
  readonly #pods = new Map<PodUid, BoundPod>();

  constructor(cluster: ModelCluster) {
    this.cluster = cluster;
  }

  get isBehind(): boolean {
    return this.#version !== this.cluster.api.version;
  }

  look(): void {
    const { api } = this.cluster;
    const shadows: Pod[] = [];
    this.#version = api.version;
    this.copies.clear();
    this.bound.length = 0;
    this.twice = undefined;
    for (const pod of api.pods()) {
      if (isShadow(pod)) shadows.push(pod);
      const { nodeName } = pod.spec;
      if (!nodeName || isEnded(pod) || isVirtual(nodeName)) continue;
      const copyOf = pod.metadata.labels?.[wellKnown.homeUidLabel] ?? pod.metadata.uid ?? '';
      if (this.copies.has(copyOf)) this.twice ??= copyOf;
      this.copies.add(copyOf);
      this.bound.push(this.#known(pod));
    }
    this.shadows = shadows;
  }

  /** Most pods are as they were. */
  #known(pod: Pod): BoundPod {
    const uid = pod.metadata.uid as PodUid;
    const known = this.#pods.get(uid);
    if (known?.pod === pod) return known;
    const now = { pod, uid, milliCpu: cpuRequested(pod) };
    this.#pods.set(uid, now);
    return now;
  }
}

function doubled(changed: readonly SeenCluster[], all: readonly SeenCluster[]): string | undefined {
  return first(changed, (here) => {
    const { name } = here.cluster;
    if (here.twice !== undefined) return `${here.twice} runs twice: at ${name} and ${name}`;
    for (const there of all) {
      if (there === here) continue;
      for (const key of here.copies) {
        if (there.copies.has(key)) return `${key} runs twice: at ${there.cluster.name} and ${name}`;
      }
    }
    return undefined;
  });
}

/** A shadow of a pod that its home's agent has not bound there. */
function unasked(changed: readonly SeenCluster[], all: readonly SeenCluster[]): string | undefined {
  return first(all, (host) => {
    const { name } = host.cluster;
    return first(host.shadows, (shadow) => {
      const { labels = {} } = shadow.metadata;
      const home = all.find(({ cluster }) => cluster.name === labels[wellKnown.homeLabel]);
      if (home === undefined || !(changed.includes(host) || changed.includes(home))) {
        return undefined;
      }
      const { homeNamespaceLabel, homeUidLabel } = wellKnown;
      const pod = home.cluster.api.pod(
        labels[homeNamespaceLabel] ?? '',
        shadow.metadata.name ?? '',
      );
      if (pod === undefined || pod.metadata.uid !== labels[homeUidLabel]) return undefined;
      return modelSeals(home.cluster.name).holds(pod, name)
        ? undefined
        : `${pod.metadata.uid} runs at ${name}, where its agent did not bind it`;
    });
  });
}

function overlapping(world: ModelWorld): string | undefined {
  const text = ({ metadata }: Pod, { name }: ModelCluster): string =>
    `${metadata.namespace}/${metadata.name} (${metadata.uid}) at ${name}`;
  const copies = new Map<string, { readonly pod: Pod; readonly cluster: ModelCluster }>();
  for (const cluster of world.clusters) {
    for (const pod of cluster.kubelets.running.values()) {
      const copyOf = pod.metadata.annotations?.[copyOfAnnotation];
      if (copyOf === undefined) continue;
      const other = copies.get(copyOf);
      if (other !== undefined) {
        const both = `${text(other.pod, other.cluster)}, and ${text(pod, cluster)}`;
        return `two copies of ${copyOf} run: ${both}`;
      }
      copies.set(copyOf, { pod, cluster });
    }
  }
  return undefined;
}

/** Of two schedulers that fill one node at once, one loses at the kubelet; alone, ours never overfills. */
function overcommitted({ cluster, bound: pods }: SeenCluster): string | undefined {
  const { api, kubelets } = cluster;
  return first(api.nodes, ({ metadata: { name = '' } }) => {
    if (isVirtual(name)) return undefined;
    let [bound, running, contested] = [0, 0, false];
    for (const { pod, uid, milliCpu } of pods) {
      if (pod.spec.nodeName !== name) continue;
      bound += milliCpu;
      // A node that comes back has yet to start again what its API server calls running.
      if (kubelets.running.has(uid)) running += milliCpu;
      contested ||= pod.spec.schedulerName !== wellKnown.schedulerName && !isShadow(pod);
    }
    const allocatable = cpuAllocatable(api, name);
    if (running > allocatable) return `${name} runs ${running}m of ${allocatable}m`;
    if (bound > allocatable && !contested) return `${name} has ${bound}m of ${allocatable}m bound`;
    return undefined;
  });
}

/** The first problem of any of `items`. */
export function first<Item>(
  items: Iterable<Item>,
  problem: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
