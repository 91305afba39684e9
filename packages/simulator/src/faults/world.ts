/**
 * Several clusters under one clock: users who create and delete pods, schedulers and kubelets, agents
 * that crash and come back, links that fail. Everything that happens follows from the seed.
 */
import {
  type ClusterName,
  type Node,
  type Pod,
  randomStream,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import { directoryPresets, nearest, originCoordinate } from '@spillway/federation';
import { ModelAgent } from '../agent/agent.ts';
import type { ModelGossip } from '../agent/gossip.ts';
import { isEnded, ModelApiServer } from '../cluster/api-server.ts';
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import { type KubeletTiming, startKubelets } from '../cluster/kubelets.ts';
import { DriftingTime } from '../drifting-time.ts';
import { ModelNetwork } from '../network/network.ts';
import { VirtualTime } from '../virtual-time.ts';
import { AgentLives } from './agent-lives.ts';
import { ClusterTrouble } from './cluster-trouble.ts';
import { startControllers } from './controllers.ts';
import type { FaultKind } from './fault-kinds.ts';
import { FaultsInForce } from './in-force.ts';
import {
  isShadow,
  type ModelCluster,
  type World,
  type WorldHooks,
  type WorldOptions,
} from './model-world.ts';
import { Trouble } from './trouble.ts';
import { Users } from './users.ts';

const nodeMilliCpu = 2_000;
const delayMsMax = 40;
const schedulerTiming = { watchMs: 30, decisionMs: 300, bindMs: 20, backoffMsMax: 10_000 };
/** In some worlds all schedulers are down for longer than a guest may stay unbound. */
const schedulersDown = [8_000, 55_000] as const;
const advertBytes = 500;
const traceMax = 4_000;
/** Less than a write may come late, so that a home gives up what its host may still create. */
const refusedPatienceMs = 1_000;
/** Short, so that a world settles. */
const giveBackMsMax = 10_000;
/** Maximum share by which an agent's clock runs faster or slower than the world's. */
const clockRateMax = 0.1;

export class ModelWorld implements World {
  readonly options: WorldOptions;
  readonly time = new VirtualTime();
  readonly network: ModelNetwork;
  readonly clusters: readonly ModelCluster[];
  readonly lives: AgentLives;
  readonly inForce = new FaultsInForce();
  readonly trace: string[] = [];
  /** How often a host's admission has refused a guest: when it was tried, and after its binding too. */
  refusals = 0;
  readonly #byName: ReadonlyMap<ClusterName, ModelCluster>;
  readonly #times: ReadonlyMap<ClusterName, VirtualTime>;
  readonly #hooks: WorldHooks;

  constructor(options: WorldOptions, hooks: WorldHooks = {}) {
    this.options = options;
    this.#hooks = hooks;
    if (hooks.faultBegins !== undefined) this.inForce.onBegin = hooks.faultBegins;
    const { seed, rivals, schedulersBindGuests, guestQuota, partition } = options;
    const delays = randomStream(seed, 'delays');
    this.network = new ModelNetwork(this.time, randomStream(seed, 'network'), () =>
      delays.below(delayMsMax),
    );
    const names = Array.from({ length: options.clusters }, (_, i) => `c${i}` as ClusterName);
    this.lives = new AgentLives({
      time: this.time,
      random: randomStream(seed, 'lives'),
      inForce: this.inForce,
      begin: (cluster) => this.#agent(cluster),
    });
    this.#times = this.#clocks(names);
    this.clusters = names.map((name) => this.#cluster(name, names));
    this.#byName = new Map(this.clusters.map((cluster) => [cluster.name, cluster]));
    if (rivals) this.inForce.begin('other scheduler', names);
    if (guestQuota !== undefined) this.inForce.begin('refusals', names);
    for (const cluster of this.clusters) {
      const { api } = cluster;
      if (guestQuota !== undefined) api.refuseBy((pod) => this.#refusal(cluster, pod, guestQuota));
      if (partition !== undefined) startControllers(api, this.time);
      const down = seed % 7 === 3 && this.happens('other scheduler') && { down: schedulersDown };
      if (rivals || schedulersBindGuests) {
        KubeScheduler.start(api, this.time, { ...schedulerTiming, ...down });
      }
      this.lives.start(cluster);
    }
  }

  /** Whether a second copy of a pod breaks a promise: under `keep` a split is a node partition. */
  get promisesOneCopy(): boolean {
    return this.options.partition !== 'keep';
  }

  /** Users and faults, until `troubleMs`; then calm. */
  makeTrouble(): void {
    const { seed } = this.options;
    const random = randomStream(seed, 'world');
    const users = new Users(this, random);
    users.act();
    new Trouble(this, random, users).begin();
    new ClusterTrouble(this, randomStream(seed, 'clusters')).begin();
  }

  happens(kind: FaultKind): boolean {
    return !this.options.without?.includes(kind);
  }

  say(line: string): void {
    this.trace.push(`${(this.time.now / 1_000).toFixed(3)} ${line}`);
    if (this.trace.length > traceMax) this.trace.shift();
  }

  #clocks(names: readonly ClusterName[]): ReadonlyMap<ClusterName, VirtualTime> {
    const random = randomStream(this.options.seed, 'clocks');
    const drift = this.happens('clock rates');
    if (drift) this.inForce.begin('clock rates', names);
    return new Map(
      names.map((name) => {
        const rate = 1 - clockRateMax + 2 * clockRateMax * random.unit();
        return [name, drift ? new DriftingTime(this.time, rate) : this.time];
      }),
    );
  }

  #cluster(name: ClusterName, names: readonly ClusterName[]): ModelCluster {
    const { seed, nodesPerCluster, partition } = this.options;
    const api = new ModelApiServer({
      uidPrefix: name,
      nodes: nodesOf(name, names, nodesPerCluster),
      namespaces: [
        { metadata: { name: 'default', labels: { [wellKnown.offloadLabel]: 'enabled' } } },
      ],
    });
    const random = randomStream(seed, `kubelets/${name}`);
    // Quick to start and slow to stop: what two copies overlap by.
    const timing: KubeletTiming = partition
      ? { startMs: [0, 200], stopMs: [0, 3_000] }
      : { startMs: [0, 1_500], stopMs: [0, 1_000] };
    const kubelets = startKubelets({ api, time: this.time, random, timing });
    return { name, api, kubelets, agent: undefined, epoch: 0 };
  }

  #refusal({ api, name }: ModelCluster, pod: Pod, guestQuota: number): string | undefined {
    const guests = [...api.pods()].filter((each) => isShadow(each) && !isEnded(each));
    const forbidden = name === this.clusters.at(-1)?.name && JSON.stringify(pod).includes('1500m');
    if (!forbidden && guests.length < guestQuota) return undefined;
    this.refusals += 1;
    return forbidden ? 'pods of 1500m are forbidden' : 'exceeded quota: guests';
  }

  #agent(cluster: ModelCluster): ModelAgent {
    const { name, epoch, api } = cluster;
    const { act, observe } = this.#hooks;
    const site = { world: this, cluster };
    const { seed, partition, schedulersBindGuests } = this.options;
    return new ModelAgent({
      cluster: name,
      epoch,
      seed,
      api,
      time: this.#times.get(name) ?? this.time,
      network: this.network,
      gossip: this.#gossipOf(name),
      directory: directoryPresets.lan,
      timing: { watchMsMax: 60, writeMsMax: 30 },
      proximity: { coordinate: () => originCoordinate, measuredRttMs: () => undefined },
      looksThrough: true,
      hostConfig: { scheduler: schedulersBindGuests ? 'default-scheduler' : '' },
      homeConfig: { giveBackMsMax, ...(partition && { refusedPatienceMs }) },
      ...(partition && { policy: { ...nearest, partition } }),
      agentOf: (other) => this.#byName.get(other)?.agent,
      trace: (line) => this.say(line),
      act: act && ((...args) => act(site, ...args)),
      observe: observe && ((...args) => observe(site, ...args)),
    });
  }

  /** Everybody tells everybody. */
  #gossipOf(from: ClusterName): ModelGossip {
    const others = this.clusters.filter(({ name }) => name !== from);
    return {
      clusters: this.clusters.length,
      saidAt: () => undefined,
      attend: () => {},
      publish: (advert) => {
        for (const { name } of others) {
          this.network.cast(from, name, () => {
            this.#byName.get(name)?.agent?.heard(advert);
          });
        }
        return advertBytes;
      },
    };
  }
}

function nodesOf(self: ClusterName, all: readonly ClusterName[], count: number): readonly Node[] {
  const nodes: Node[] = Array.from({ length: count }, (_, i) => ({
    metadata: { name: `${self}-n${i}` },
    status: { allocatable: { cpu: `${nodeMilliCpu}m`, memory: '4Gi', pods: '110' } },
  }));
  for (const other of all) {
    if (other === self) continue;
    nodes.push({
      metadata: {
        name: virtualNodeName(other),
        labels: { [wellKnown.virtualNodeLabel]: 'true', [wellKnown.clusterLabel]: other },
      },
      spec: { taints: [{ key: wellKnown.virtualNodeTaint, effect: 'NoSchedule' }] },
      status: { allocatable: { cpu: '100', memory: '100Gi', pods: '1000' } },
    });
  }
  return nodes;
}
