/**
 * Several clusters under one clock: users who create and delete pods, schedulers and kubelets, agents
 * that crash and come back, links that fail. Everything that happens follows from the seed.
 */
import {
  type ClusterName,
  type Node,
  type Pod,
  randomStream,
  type Random,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import {
  directoryPresets,
  nearest,
  originCoordinate,
  type PartitionPolicy,
  refOf,
} from '@spillway/federation';
import { ModelAgent } from '../agent/agent.ts';
import type { ModelGossip } from '../agent/gossip.ts';
import { isEnded, ModelApiServer } from '../cluster/api-server.ts';
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import {
  type Kubelets,
  type KubeletTiming,
  runMsAnnotation,
  startKubelets,
} from '../cluster/kubelets.ts';
import { copyOfAnnotation, isStateful, startControllers } from './controllers.ts';
import { calm, ModelNetwork, storm } from '../network/network.ts';
import { lateWriteMsMax } from '../agent/writes.ts';
import { VirtualTime } from '../virtual-time.ts';

export const faultKinds = [
  'crash',
  'cut',
  'user deletes',
  'eviction',
  'lost node',
  /** Messages lost and repeated, writes that fail or come late. */
  'storm',
  'other scheduler',
  /** A host's quota, and what its admission forbids: its agent knows of neither. */
  'refusals',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface WorldOptions {
  readonly seed: number;
  readonly clusters: number;
  readonly nodesPerCluster: number;
  readonly podsPerCluster: number;
  /** Whether the clusters' own schedulers place pods too. */
  readonly rivals: boolean;
  /** Whether the clusters' own schedulers bind guests; else agents create them bound. */
  readonly schedulersBindGuests: boolean;
  /**
   * With it, all pods go by this partition policy, have controllers that replace them, and their nodes
   * are lost at any time: those that do not tolerate that are evicted.
   */
  readonly partition?: PartitionPolicy;
  /**
   * Each cluster's quota of guests, which its agent knows nothing of, and a size of pods that the last
   * cluster's admission forbids to guests.
   */
  readonly guestQuota?: number;
  /** How long users and faults are busy, ms. */
  readonly troubleMs: number;
  /** Faults that are left out; all else happens as it would. */
  readonly without?: readonly FaultKind[];
}

export interface ModelCluster {
  readonly name: ClusterName;
  readonly api: ModelApiServer;
  readonly kubelets: Kubelets;
  agent: ModelAgent | undefined;
  epoch: number;
}

/** A label that users change. */
export const relabelled = 'track';

const nodeMilliCpu = 2_000;
const delayMsMax = 40;
const schedulerTiming = { watchMs: 30, decisionMs: 300, bindMs: 20, backoffMsMax: 10_000 };
const advertBytes = 500;
const traceMax = 4_000;
const evictionGraceSeconds = 30;
/** Creations that fail as far as anybody can tell, and happen all the same. */
const writeStorm = { ...storm, writeFailure: 0.3 };
/** Less than a write may come late, so that a home gives up what its host may still create. */
const refusedPatienceMs = 1_000;
/** Of somebody who binds pods to virtual nodes beside the agent: mean time between two tries. */
const intrusionMs = 4_000;
/** Short, so that a world settles. */
const giveBackMsMax = 10_000;
/** A Lease passes on only after writes of the former holder have come to an end. */
const takeoverMsMin = lateWriteMsMax + 500;
const takeoverMsMax = 8_000;

export class ModelWorld {
  /** Whether a second copy of a pod breaks a promise: under `keep` a split is a node partition. */
  get promisesOneCopy(): boolean {
    return this.#options.partition !== 'keep';
  }

  readonly time = new VirtualTime();
  readonly clusters: readonly ModelCluster[];
  readonly trace: string[] = [];
  /** How often a host's admission has refused a guest: when it was tried, and after its binding too. */
  refusals = 0;
  readonly #options: WorldOptions;
  readonly #network: ModelNetwork;
  readonly #random: Random;
  readonly #intruder: Random;
  readonly #byName: ReadonlyMap<ClusterName, ModelCluster>;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { seed } = options;
    this.#random = randomStream(seed, 'world');
    this.#intruder = randomStream(seed, 'intruder');
    const delays = randomStream(seed, 'delays');
    this.#network = new ModelNetwork(this.time, randomStream(seed, 'network'), () =>
      delays.below(delayMsMax),
    );
    const names = Array.from({ length: options.clusters }, (_, i) => `c${i}` as ClusterName);
    this.clusters = names.map((name) => {
      const api = new ModelApiServer({
        uidPrefix: name,
        nodes: nodesOf(name, names, options.nodesPerCluster),
        namespaces: [
          { metadata: { name: 'default', labels: { [wellKnown.offloadLabel]: 'enabled' } } },
        ],
      });
      const random = randomStream(seed, `kubelets/${name}`);
      // Quick to start and slow to stop: what two copies overlap by.
      const timing: KubeletTiming = options.partition
        ? { startMs: [0, 200], stopMs: [0, 3_000] }
        : { startMs: [0, 1_500], stopMs: [0, 1_000] };
      const kubelets = startKubelets({ api, time: this.time, random, timing });
      return { name, api, kubelets, agent: undefined, epoch: 0 };
    });
    this.#byName = new Map(this.clusters.map((cluster) => [cluster.name, cluster]));
    for (const cluster of this.clusters) {
      const { api } = cluster;
      const { guestQuota } = options;
      if (guestQuota !== undefined) api.refusal = (pod) => this.#refusal(cluster, pod, guestQuota);
      if (options.partition !== undefined) startControllers(api, this.time);
      if (options.rivals || options.schedulersBindGuests) {
        KubeScheduler.start(api, this.time, schedulerTiming);
      }
      this.#start(cluster);
    }
  }

  /** Users and faults, until `troubleMs`; then calm. */
  makeTrouble(): void {
    const { troubleMs, podsPerCluster } = this.#options;
    const { partition } = this.#options;
    if (this.#happens('storm')) this.#network.weather = partition ? writeStorm : storm;
    for (const cluster of this.clusters) {
      // The first cluster is crowded; the others have room to lend.
      const lent = Math.ceil(podsPerCluster / 4);
      const pods = cluster === this.clusters[0] ? podsPerCluster : lent;
      for (let i = 0; i < pods; i++) {
        this.time.after(this.#random.below(troubleMs / 2), () => this.#createPod(cluster, i));
      }
    }
    const relabelling = randomStream(this.#options.seed, 'relabelling');
    const relabel = (): void => {
      if (this.time.now >= troubleMs) return;
      const cluster = this.clusters[relabelling.below(this.clusters.length)] as ModelCluster;
      this.#relabel(cluster, relabelling);
      this.time.after(1_000 + relabelling.below(4_000), relabel);
    };
    this.time.after(3_000, relabel);
    const trouble = (): void => {
      if (this.time.now >= troubleMs) return;
      this.#somethingHappens();
      this.time.after(200 + this.#random.below(3_000), trouble);
    };
    this.time.after(2_000, trouble);
    const intrusion = (): void => {
      if (this.time.now >= troubleMs) return;
      this.#intrude();
      this.time.after(this.#intruder.below(2 * intrusionMs), intrusion);
    };
    this.time.after(this.#intruder.below(2 * intrusionMs), intrusion);
    this.time.after(troubleMs, () => {
      this.#network.weather = calm;
      this.#network.heal();
      this.#say('calm');
    });
  }

  #refusal({ api, name }: ModelCluster, pod: Pod, guestQuota: number): string | undefined {
    const guests = [...api.pods()].filter((each) => isShadow(each) && !isEnded(each));
    const forbidden = name === this.clusters.at(-1)?.name && JSON.stringify(pod).includes('1500m');
    if (!forbidden && guests.length < guestQuota) return undefined;
    this.refusals += 1;
    return forbidden ? 'pods of 1500m are forbidden' : 'exceeded quota: guests';
  }

  /** A user changes a label of a pod, be it away or not. */
  #relabel({ name, api }: ModelCluster, random: Random): void {
    const pods = [...api.pods()].filter((pod) => !isShadow(pod) && !isEnded(pod));
    const pod = pods[random.below(Math.max(1, pods.length))];
    if (pod === undefined) return;
    this.#say(`${name}: user relabels ${pod.metadata.uid}`);
    const labels = { [relabelled]: `${this.time.now}` };
    api.patch(refOf(pod), { metadata: { labels, annotations: {} } });
  }

  #somethingHappens(): void {
    const cluster = this.#pick(this.clusters);
    const other = this.#pick(this.clusters);
    if (this.#options.partition !== undefined && this.#random.below(4) === 0) {
      if (this.#happens('lost node')) this.#loseNode(cluster, other.name);
      return;
    }
    const chance = this.#random.below(10);
    if (chance < 3) this.#crash(cluster);
    else if (chance < 5 && other !== cluster) this.#cut(cluster, other, chance === 3);
    else if (chance < 7) {
      this.#say('heal');
      this.#network.heal();
    } else this.#deletePod(cluster, chance === 9);
  }

  /** Chance is drawn all the same, so that what else happens stays as it was. */
  #happens(kind: FaultKind): boolean {
    return !this.#options.without?.includes(kind);
  }

  #cut(from: ModelCluster, to: ModelCluster, bothWays: boolean): void {
    if (!this.#happens('cut')) return;
    this.#say(`cut ${from.name} > ${to.name}`);
    this.#network.cut(from.name, to.name);
    if (bothWays) this.#network.cut(to.name, from.name);
  }

  /** Kubernetes hears nothing of a virtual node for long, for whatever reason: it evicts who does not tolerate that. */
  #loseNode({ name, api }: ModelCluster, neighbour: ClusterName): void {
    this.#say(`${name}: the node of ${neighbour} is lost`);
    const there = [...api.pods()].filter(
      (pod) => pod.spec.nodeName === virtualNodeName(neighbour) && !isEnded(pod),
    );
    for (const pod of there) {
      if (!pod.spec.tolerations) api.delete(refOf(pod), evictionGraceSeconds);
    }
  }

  #start(cluster: ModelCluster): void {
    cluster.epoch += 1;
    cluster.agent = new ModelAgent({
      cluster: cluster.name,
      epoch: cluster.epoch,
      seed: this.#options.seed,
      api: cluster.api,
      time: this.time,
      network: this.#network,
      gossip: this.#gossipOf(cluster.name),
      directory: directoryPresets.lan,
      timing: { watchMsMax: 60, writeMsMax: 30 },
      proximity: { coordinate: () => originCoordinate, measuredRttMs: () => undefined },
      looksThrough: true,
      hostConfig: { scheduler: this.#options.schedulersBindGuests ? 'default-scheduler' : '' },
      homeConfig: { giveBackMsMax, ...(this.#options.partition && { refusedPatienceMs }) },
      ...(this.#options.partition && {
        policy: { ...nearest, partition: this.#options.partition },
      }),
      agentOf: (name) => this.#byName.get(name)?.agent,
      trace: (line) => this.#say(line),
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
          this.#network.cast(from, name, () => {
            this.#byName.get(name)?.agent?.heard(advert);
          });
        }
        return advertBytes;
      },
    };
  }

  #crash(cluster: ModelCluster): void {
    if (cluster.agent === undefined) return;
    const pauseMs = takeoverMsMin + this.#random.below(takeoverMsMax);
    if (!this.#happens('crash')) return;
    this.#say(`crash ${cluster.name}`);
    cluster.agent.crash();
    cluster.agent = undefined;
    this.time.after(pauseMs, () => this.#start(cluster));
  }

  #createPod({ name, api }: ModelCluster, i: number): void {
    const named = !this.#options.rivals || this.#random.below(2) === 0;
    const ends = this.#random.below(3) === 0;
    const runMs = ends ? { [runMsAnnotation]: `${2_000 + this.#random.below(20_000)}` } : {};
    const owned = this.#random.below(2) === 0;
    const { partition } = this.#options;
    const ownedBy = (kind: string) => ({
      ownerReferences: [{ apiVersion: 'v1', kind, name: 'r', uid: 'r', controller: true }],
    });
    const created = api.create({
      metadata: {
        name: `p${i}`,
        namespace: 'default',
        annotations: {
          ...runMs,
          ...(partition && { [copyOfAnnotation]: `${name}/p${i}` }),
        },
        ...(owned && ownedBy('ReplicaSet')),
        ...(partition && !owned && ownedBy('StatefulSet')),
      },
      spec: {
        ...(partition === 'fence' && { tolerations: [{ operator: 'Exists' }] }),
        schedulerName: named ? wellKnown.schedulerName : 'default-scheduler',
        containers: [
          { name: 'c', resources: { requests: { cpu: this.#pick(['500m', '1', '1500m']) } } },
        ],
      },
    });
    this.#say(`${name}: user creates ${created?.metadata.uid}`);
  }

  /** A user's own pod, or a guest: evicted. */
  #deletePod({ name, api }: ModelCluster, guest: boolean): void {
    // A user who deletes a ReplicaSet's pod wants the next one at once, whatever the policy.
    const replacedAtOnce = (pod: Pod): boolean =>
      this.#options.partition !== undefined && !guest && !isStateful(pod);
    const pods = [...api.pods()].filter((pod) => isShadow(pod) === guest && !replacedAtOnce(pod));
    if (pods.length === 0) return;
    const pod = this.#pick(pods);
    const graceSeconds = this.#random.below(2) === 0 ? 1 : 30;
    if (!this.#happens(guest ? 'eviction' : 'user deletes')) return;
    this.#say(`${name}: ${guest ? 'evicts' : 'user deletes'} ${pod.metadata.uid}`);
    api.delete(refOf(pod), graceSeconds);
  }

  /** Somebody else binds a waiting pod to a virtual node, with the seal of a pod that is away, if there is one. */
  #intrude(): void {
    const { name, api } = this.clusters[this.#intruder.below(this.clusters.length)] ?? {};
    const pods = [...(api?.pods() ?? [])].filter((pod) => !isShadow(pod));
    const waiting = pods.filter(({ spec }) => !spec.nodeName);
    const pod = waiting[this.#intruder.below(Math.max(1, waiting.length))];
    const others = this.clusters.filter((other) => other.name !== name);
    const host = others[this.#intruder.below(others.length)];
    if (pod === undefined || host === undefined) return;
    const { boundByAnnotation } = wellKnown;
    const seal = pods.find(({ metadata }) => metadata.annotations?.[boundByAnnotation]);
    const copied = seal?.metadata.annotations?.[boundByAnnotation] ?? '';
    this.#say(`${name}: somebody else binds ${pod.metadata.uid} to ${host.name}`);
    api?.bind(refOf(pod), virtualNodeName(host.name), { [boundByAnnotation]: copied });
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)] as Item;
  }

  #say(line: string): void {
    this.trace.push(`${(this.time.now / 1_000).toFixed(3)} ${line}`);
    if (this.trace.length > traceMax) this.trace.shift();
  }
}

export function isShadow(pod: Pod): boolean {
  return pod.metadata.labels?.[wellKnown.homeLabel] !== undefined;
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
