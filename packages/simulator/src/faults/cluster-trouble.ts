/**
 * Faults of a cluster itself: its API server, the watches on it, its nodes, or all of it at once. Each ends
 * before the calm. Times are shorter than Kubernetes' own, so that a world stays short, and have the same
 * order. Kubernetes takes 50 s until a node is NotReady, and 300 s until its pods are evicted.
 */
import { type Node, type Random, unreachable } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { type ApiConditions, wellApi } from '../cluster/api-conditions.ts';
import { isEnded, watchedKinds } from '../cluster/api-server.ts';
import { isVirtual } from '../cluster/kubelets.ts';
import type { FaultKind } from './fault-kinds.ts';
import { type ModelCluster, pick, type World } from './model-world.ts';

type ClusterFault = Extract<
  FaultKind,
  | 'hand-over'
  | 'slow API server'
  | 'conflicts'
  | 'too many requests'
  | 'server errors'
  | 'API server gone'
  | 'watch breaks'
  | 'watch expires'
  | 'NotReady node'
  | 'lost cluster'
>;

/** How long each lasts at most, ms. */
const lastsMs: Readonly<Record<ClusterFault, number>> = {
  'hand-over': 0,
  'slow API server': 8_000,
  conflicts: 6_000,
  'too many requests': 6_000,
  'server errors': 6_000,
  'API server gone': 20_000,
  'watch breaks': 1_000,
  'watch expires': 1_000,
  'NotReady node': 15_000,
  'lost cluster': 15_000,
};
const clusterFaults = Object.keys(lastsMs) as readonly ClusterFault[];

type Ailment = 'slow API server' | 'conflicts' | 'too many requests' | 'server errors';
const conditions: Readonly<Record<Ailment, Partial<ApiConditions>>> = {
  /** Longer than a client waits, in the worst case. */
  'slow API server': { slowMs: 6_000 },
  conflicts: { conflict: 0.5 },
  'too many requests': { tooManyRequests: 0.7 },
  'server errors': { error: 0.6 },
};

/** Mean time between two of them, ms. */
const pauseMs = 3_500;
/** As the agent's `lease.renewMs`. */
const leaseRenewMs = 10_000;
const notReadyMsMax = 3_000;
const toleratedMs = 2_000;
const evictionGraceSeconds = 30;
const bootMsMax = 3_000;
const unreachableTaint = 'node.kubernetes.io/unreachable';

export class ClusterTrouble {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  begin(): void {
    const { time, options } = this.#world;
    time.after(1_000 + this.#random.below(2 * pauseMs), () => {
      if (time.now >= options.troubleMs) return;
      this.#somethingHappens();
      this.begin();
    });
  }

  #somethingHappens(): void {
    const { clusters, time, options } = this.#world;
    const cluster = pick(this.#random, clusters);
    const kind = pick(this.#random, clusterFaults);
    const ms = Math.min(this.#random.below(lastsMs[kind] + 1), options.troubleMs - time.now);
    const chance = this.#random.below(2) === 0;
    if (!this.#world.happens(kind)) return;
    switch (kind) {
      case 'hand-over':
        if (this.#world.lives.handOver(cluster)) this.#world.say(`hand-over ${cluster.name}`);
        return;
      case 'API server gone':
        return this.#goes(cluster, ms, chance);
      case 'watch breaks':
      case 'watch expires':
        return this.#watchEnds(cluster, kind, ms);
      case 'NotReady node':
        return this.#notReady(cluster, ms, chance);
      case 'lost cluster':
        return this.#lost(cluster, ms);
      case 'slow API server':
      case 'conflicts':
      case 'too many requests':
      case 'server errors':
        return this.#unwell(cluster, kind, ms);
      default:
        return unreachable(kind);
    }
  }

  #unwell({ name, api }: ModelCluster, kind: Ailment, ms: number): void {
    const { time } = this.#world;
    if (api.conditions !== wellApi) return;
    const over = this.#begins(kind, name);
    api.conditions = { ...wellApi, ...conditions[kind] };
    time.after(ms, () => {
      api.conditions = wellApi;
      over();
    });
  }

  #goes(cluster: ModelCluster, ms: number, remembers: boolean): void {
    const { time, lives } = this.#world;
    const { name, api } = cluster;
    if (!api.isUp) return;
    const over = this.#begins('API server gone', name);
    api.goDown(remembers ? 'breaks' : 'expires');
    const { agent } = cluster;
    time.after(leaseRenewMs, () => {
      if (!api.isUp && cluster.agent === agent) lives.stepDown(cluster, 'API server gone');
    });
    time.after(ms, () => {
      api.comeUp();
      over();
    });
  }

  #watchEnds({ name, api }: ModelCluster, kind: 'watch breaks' | 'watch expires', ms: number) {
    if (!api.isUp) return;
    this.#world.time.after(ms, this.#begins(kind, name));
    api.endWatches(
      kind === 'watch breaks' ? 'breaks' : 'expires',
      pick(this.#random, watchedKinds),
    );
  }

  #notReady({ name, api, kubelets }: ModelCluster, ms: number, dead: boolean): void {
    const { time } = this.#world;
    const real = api.nodes.filter(({ metadata }) => !isVirtual(metadata.name ?? ''));
    const node = pick(this.#random, real);
    const { name: nodeName = '' } = node.metadata;
    const notReadyMs = this.#random.below(notReadyMsMax);
    if (!api.isUp || kubelets.isLost(nodeName)) return;
    const over = this.#begins('NotReady node', name, nodeName);
    kubelets.lose(nodeName, dead ? 'dead' : 'unheard');
    const whileLost = (afterMs: number, act: () => void): void =>
      time.after(afterMs, () => {
        if (afterMs < ms) api.whenUp(act);
      });
    whileLost(notReadyMs, () => api.setNode(tainted(node)));
    whileLost(notReadyMs + toleratedMs, () => evict(api, nodeName));
    time.after(ms, () => {
      api.whenUp(() => {
        kubelets.restore(nodeName);
        api.setNode(node);
        over();
      });
    });
  }

  /** Power is cut: containers end, and what etcd has stays. */
  #lost(cluster: ModelCluster, ms: number): void {
    const { time, lives } = this.#world;
    const { name, api, kubelets } = cluster;
    const nodes = api.nodes.map(({ metadata }) => metadata.name ?? '');
    const real = nodes.filter((node) => !isVirtual(node));
    if (!api.isUp || real.some((node) => kubelets.isLost(node))) return;
    const over = this.#begins('lost cluster', name);
    lives.stepDown(cluster, 'lost cluster');
    api.goDown('expires');
    for (const node of real) kubelets.lose(node, 'dead');
    time.after(ms, () => {
      api.comeUp();
      for (const node of real) {
        time.after(this.#random.below(bootMsMax), () => api.whenUp(() => kubelets.restore(node)));
      }
      time.after(bootMsMax, over);
    });
  }

  #begins(kind: ClusterFault, cluster: ModelCluster['name'], what = ''): () => void {
    this.#world.say(`${cluster}: ${kind} ${what}`.trimEnd());
    const over = this.#world.inForce.begin(kind, [cluster]);
    return () => {
      this.#world.say(`${cluster}: ${kind} is over`);
      over();
    };
  }
}

/** As the node lifecycle controller marks a node that it does not hear. */
function tainted(node: Node): Node {
  const { taints = [] } = node.spec ?? {};
  const effects = ['NoSchedule', 'NoExecute'] as const;
  const added = effects.map((effect) => ({ key: unreachableTaint, effect }));
  return { ...node, spec: { ...node.spec, taints: [...taints, ...added] } };
}

/** Who tolerates everything stays; the others' objects stay until their kubelet is heard again. */
function evict(api: ModelCluster['api'], node: string): void {
  const there = [...api.pods()].filter(({ spec }) => spec.nodeName === node);
  for (const pod of there) {
    if (!pod.spec.tolerations && !isEnded(pod)) api.delete(refOf(pod), evictionGraceSeconds);
  }
}
