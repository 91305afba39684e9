/**
 * KubeFed above the clusters, with its own planner and its own delays (rivals/). The user writes
 * FederatedDeployments, and under RSP a ReplicaSchedulingPreference for each. The members' own schedulers
 * place the pods.
 *
 * Its preferences are the best for it while users keep their locations: the homes weigh 1000 and every other
 * cluster 1. So all replicas are requested at home first, and those that cannot run there go elsewhere.
 * `even` ignores the locations: all clusters weigh the same.
 */
import type { PodUid } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import { type KubefedVersion, type MemberPod, observe } from '../rivals/kubefed-observation.ts';
import { plan } from '../rivals/kubefed-planner.ts';
import { kubefedTiming } from '../rivals/kubefed-timing.ts';
import type { App } from '../trial.ts';
import { timing, type World, type WorldCluster } from '../world.ts';
import { appLabel, trialNamespace } from './objects.ts';
import { type SimulatedSystem, type StartSystem, templateOf } from './system.ts';

export interface KubefedVariant {
  readonly rebalance: boolean;
  readonly version: KubefedVersion;
  readonly even?: boolean;
}

/** How much more a home weighs than any other cluster. */
export const homeWeight = 1_000;
/** Kubernetes' default: how long without progress until a Deployment's status says so. */
const progressDeadlineMs = 600_000;

export function startKubefedStatic(world: World): SimulatedSystem {
  for (const { api } of world.clusters) KubeScheduler.start(api, world.time, timing.scheduler);
  return {
    scale(app, replicas) {
      const template = templateOf(world, app);
      world.time.after(timing.kubefed.syncMs, () => {
        for (const home of app.homes) {
          world.cluster(home).deployments.scale(app.name, template, replicas);
        }
      });
    },
  };
}

export function startKubefedRsp(variant: KubefedVariant): StartSystem {
  return (world) => new ReplicaScheduling(world, variant);
}

interface Preference {
  readonly app: App;
  total: number;
  /** Clusters that hold the Deployment. */
  readonly holders: Set<number>;
  /** What the FederatedDeployment says: replicas by cluster. */
  planned: ReadonlyMap<string, number> | undefined;
  /** When it is planned next. */
  nextAt: number | undefined;
}

class ReplicaScheduling implements SimulatedSystem {
  readonly #world: World;
  readonly #variant: KubefedVariant;
  readonly #preferences = new Map<string, Preference>();
  readonly #unschedulableSince = new Map<PodUid, number>();
  readonly #order;
  readonly #statusDelay;

  constructor(world: World, variant: KubefedVariant) {
    this.#world = world;
    this.#variant = variant;
    this.#order = world.random('kubefed/order');
    this.#statusDelay = world.random('kubefed/status');
    for (const { api } of world.clusters) {
      KubeScheduler.start(api, world.time, timing.scheduler);
      api.watch(({ kind, type, object }) => {
        if (kind !== 'Pod') return;
        const { uid } = refOf(object);
        if (type === 'deleted' || object.spec.nodeName) this.#unschedulableSince.delete(uid);
        else if (object.status?.conditions?.some(({ reason }) => reason === 'Unschedulable')) {
          // API servers keep whole seconds.
          const sinceMs = Math.floor(world.time.now / 1_000) * 1_000;
          if (!this.#unschedulableSince.has(uid)) this.#unschedulableSince.set(uid, sinceMs);
        }
        const preference = this.#preferences.get(object.metadata.labels?.[appLabel] ?? '');
        // The member's Deployment changes with its pods.
        if (preference !== undefined) this.#planIn(preference, kubefedTiming.memberEventMs);
      });
    }
  }

  scale(app: App, replicas: number): void {
    let preference = this.#preferences.get(app.name);
    if (preference === undefined) {
      preference = { app, total: 0, holders: new Set(), planned: undefined, nextAt: undefined };
      this.#preferences.set(app.name, preference);
    }
    const begins = preference.total === 0;
    preference.total = replicas * app.homes.length;
    if (preference.total === 0) this.#delete(preference);
    else if (begins) this.#create(preference, replicas);
    else this.#planIn(preference, timing.kubefed.reactMs);
    this.#world.time.after(progressDeadlineMs, () => {
      this.#planIn(preference, kubefedTiming.memberEventMs);
    });
  }

  /** The user writes into the FederatedDeployment what the planner is going to find, which saves a round. */
  #create(preference: Preference, replicas: number): void {
    const { app, holders } = preference;
    if (this.#variant.even === true) return this.#planIn(preference, timing.kubefed.reactMs);
    this.#world.time.after(timing.kubefed.syncMs, () => {
      if (preference.total === 0) return;
      for (const home of app.homes) {
        holders.add(home);
        this.#write(app, home, replicas);
      }
      this.#planIn(preference, timing.kubefed.reactMs);
    });
  }

  #delete({ app, holders }: Preference): void {
    this.#preferences.delete(app.name);
    this.#world.time.after(timing.kubefed.syncMs, () => {
      for (const cluster of holders) this.#write(app, cluster, 0);
    });
  }

  /** Of two delays for one object KubeFed's queue keeps the one that ends earlier. */
  #planIn(preference: Preference, ms: number): void {
    const { time } = this.#world;
    const at = time.now + ms;
    if (preference.nextAt !== undefined && preference.nextAt <= at) return;
    preference.nextAt = at;
    time.after(ms, () => {
      if (preference.nextAt !== at) return;
      preference.nextAt = undefined;
      if (preference.total > 0) this.#plan(preference);
    });
  }

  #plan(preference: Preference): void {
    const { app, total } = preference;
    const { clusters, time } = this.#world;
    const { rebalance, version, even = false } = this.#variant;
    const observed = observe({
      deployments: this.#deploymentsOf(preference),
      version,
      nowMs: time.now,
    });
    const planned = plan({
      total,
      key: `${trialNamespace}/${app.name}`,
      rebalance,
      clusters: clusters.map(({ name, index }) => ({
        name,
        weight: even || !app.homes.includes(index) ? 1 : homeWeight,
        current: 0,
        ...observed.clusters.get(name),
      })),
    });
    if (!isSame(preference.planned, planned)) {
      preference.planned = planned;
      time.after(timing.kubefed.syncMs, () => this.#sync(preference));
      // What it has written itself is news of the FederatedDeployment too.
      this.#planIn(preference, timing.kubefed.reactMs);
    }
    if (observed.recheck) this.#planIn(preference, kubefedTiming.recheckMs);
  }

  #sync(preference: Preference): void {
    const { app, total, holders, planned } = preference;
    if (total === 0) return;
    for (const { name, index } of this.#world.clusters) {
      const replicas = planned?.get(name) ?? 0;
      if (replicas > 0) holders.add(index);
      if (holders.has(index)) this.#write(app, index, replicas);
    }
    // Its status says so, and that causes a new plan, often before replacements run. Then the earlier plan is
    // taken back, and what could not run at home waits there once more.
    const { statusMs, conflictMs, conflicts } = timing.kubefed;
    const random = this.#statusDelay;
    const conflictingMs = random.unit() < conflicts ? conflictMs : 0;
    this.#planIn(preference, conflictingMs + random.unit() * statusMs);
  }

  /** In another order each time, as Go's maps have it. */
  #deploymentsOf({ app, holders }: Preference) {
    const shuffled = [...holders]
      .map((index) => ({ index, key: this.#order.unit() }))
      .sort((a, b) => a.key - b.key);
    return new Map(
      shuffled.flatMap(({ index }) => {
        const cluster = this.#world.cluster(index);
        const member = this.#memberOf(cluster, app);
        return member === undefined ? [] : [[cluster.name, member] as const];
      }),
    );
  }

  #memberOf({ deployments }: WorldCluster, app: App) {
    const status = deployments.status(app.name);
    if (status === undefined) return undefined;
    const pods = status.pods.map((pod): MemberPod => {
      const since = this.#unschedulableSince.get(refOf(pod).uid);
      const phase = pod.status?.phase as MemberPod['phase'];
      return {
        phase,
        ...(phase === 'Running' && { ready: true }),
        ...(since !== undefined && { unschedulableSinceMs: since }),
      };
    });
    return { specReplicas: status.replicas, readyReplicas: status.readyReplicas, pods };
  }

  #write(app: App, cluster: number, replicas: number): void {
    const { deployments } = this.#world.cluster(cluster);
    if (deployments.status(app.name)?.replicas === replicas) return;
    deployments.scale(app.name, templateOf(this.#world, app), replicas);
  }
}

function isSame(
  before: ReadonlyMap<string, number> | undefined,
  now: ReadonlyMap<string, number>,
): boolean {
  return (
    before !== undefined && [...now].every(([name, replicas]) => before.get(name) === replicas)
  );
}
