/**
 * mck8s above the clusters. It decides for one whole app after the other, from what every cluster says it
 * has free. It places all of the app or nothing. What it did not place it tries again after 30 s. It
 * reserves nothing. Two apps that are decided one shortly after the other may be given the same room, and
 * the pods of the second stay pending.
 */
import type { Pod } from '@spillway/core';
import { isEnded } from '../cluster/api-server.ts';
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import { type Mck8sPolicy, mck8sRetryMs, placeApp } from '../rivals/mck8s.ts';
import type { App, PodAsk, TrialNode } from '../trial.ts';
import { timing, type World } from '../world.ts';
import { appLabel, nodeNameOf } from './objects.ts';
import { type SimulatedSystem, type StartSystem, templateOf } from './system.ts';

interface Wish {
  readonly app: App;
  replicas: number;
  /** Grows with each wish of the user's: what an older one was to do is dropped. */
  version: number;
  readonly placed: Set<number>;
}

/** `locations`: where the user asks; a policy chooses as many clusters as there are locations. */
export function startMck8s(where: Mck8sPolicy | 'locations'): StartSystem {
  return (world) => new Mck8s(world, where);
}

class Mck8s implements SimulatedSystem {
  readonly #world: World;
  readonly #where: Mck8sPolicy | 'locations';
  readonly #wishes = new Map<string, Wish>();
  readonly #asks: ReadonlyMap<string, PodAsk>;
  #busyUntil = 0;

  constructor(world: World, where: Mck8sPolicy | 'locations') {
    this.#world = world;
    this.#where = where;
    this.#asks = new Map(world.trial.apps.map(({ name, pod }) => [name, pod]));
    for (const { api } of world.clusters) KubeScheduler.start(api, world.time, timing.scheduler);
  }

  scale(app: App, replicas: number): void {
    const wish = this.#wishes.get(app.name) ?? { app, replicas, version: 0, placed: new Set() };
    this.#wishes.set(app.name, wish);
    wish.replicas = replicas;
    wish.version += 1;
    if (replicas === 0) {
      for (const cluster of wish.placed) this.#write(wish, cluster, 0);
      this.#wishes.delete(app.name);
    } else this.#decideLater(wish);
  }

  /** One decision at a time, each after it has asked every cluster. */
  #decideLater(wish: Wish): void {
    const { time, clusters } = this.#world;
    const { version } = wish;
    this.#busyUntil = Math.max(this.#busyUntil, time.now) + timing.mck8s.queryMs * clusters.length;
    time.after(this.#busyUntil - time.now, () => {
      if (wish.version === version && wish.replicas > 0) this.#decide(wish);
    });
  }

  #decide(wish: Wish): void {
    const { app, replicas, version } = wish;
    const { clusters, trial, time } = this.#world;
    const where =
      this.#where === 'locations'
        ? { locations: app.homes }
        : { policy: this.#where, numberOfLocations: app.homes.length };
    const decision = placeApp({
      app: { replicas, pod: app.pod, where },
      clusters: clusters.map(({ name, index }) => ({
        name,
        nodes: this.#nodesOf(index, app),
        trafficBytes: this.#trafficAt(index),
      })),
      rttMs: trial.rttMs,
      heedsGpus: true,
    });
    if (decision === 'nothing') {
      time.after(mck8sRetryMs, () => {
        if (wish.version === version && wish.replicas > 0) this.#decideLater(wish);
      });
      return;
    }
    for (const cluster of wish.placed) {
      if (!decision.has(cluster)) this.#write(wish, cluster, 0);
    }
    for (const [cluster, count] of decision) this.#write(wish, cluster, count);
  }

  #write({ app, placed }: Wish, cluster: number, replicas: number): void {
    if (replicas > 0) placed.add(cluster);
    else placed.delete(cluster);
    const template = templateOf(this.#world, app);
    this.#world.cluster(cluster).deployments.scale(app.name, template, replicas);
  }

  /** Free is allocatable less what bound pods ask; an app's own pods do not count against its update. */
  #nodesOf(cluster: number, app: App) {
    const { api } = this.#world.cluster(cluster);
    const { name, nodes } = this.#world.trial.clusters[cluster] ?? { name: '', nodes: [] };
    const free = new Map(nodes.map((node, i) => [nodeNameOf(name, i), { ...node }]));
    for (const pod of api.pods()) {
      const on = free.get(pod.spec.nodeName ?? '');
      const asked = this.#asks.get(appOf(pod));
      if (on === undefined || asked === undefined || isEnded(pod) || appOf(pod) === app.name) {
        continue;
      }
      on.milliCpu -= asked.milliCpu;
      on.memoryMib -= asked.memoryMib;
      on.milliGpu -= asked.milliGpu;
    }
    return nodes.map((allocatable, i) => ({
      allocatable,
      free: free.get(nodeNameOf(name, i)) ?? (allocatable satisfies TrialNode),
    }));
  }

  /** Users are where they ask for replicas, and each sends as much. */
  #trafficAt(cluster: number): number {
    let replicas = 0;
    for (const wish of this.#wishes.values()) {
      if (wish.app.homes.includes(cluster)) replicas += wish.replicas;
    }
    return replicas;
  }
}

function appOf(pod: Pod): string {
  return pod.metadata.labels?.[appLabel] ?? '';
}
