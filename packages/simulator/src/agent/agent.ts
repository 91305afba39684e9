/**
 * One life of an agent: real Home, Host, Ledger and Directory over the simulated API server and
 * network, performing effects as packages/agent does. A crash ends it between any two of its acts;
 * the next life knows what the API server tells it, and nothing else.
 */
import {
  type ClusterEvent,
  type ClusterName,
  type MonotonicMs,
  randomStream,
  type Random,
  wellKnown,
} from '@spillway/core';
import { Ledger } from '@spillway/scheduling';
import {
  type Advert,
  clusterOfVirtualNode,
  type CommitRequest,
  type CommitResult,
  Directory,
  type DirectoryConfig,
  guestTermsDefaults,
  Home,
  type HomeConfig,
  homeDefaults,
  type HomeEvent,
  Host,
  hostDefaults,
  type HostEvent,
  type Member,
  type Neighbourhood,
  type PlacementPolicy,
  type ReserveAnswer,
  type ReserveRequest,
  shadowIdOf,
  type TryRequest,
  type TryResult,
  type UpdateRequest,
  type UpdateResult,
} from '@spillway/federation';
import { isEnded, type ModelApiServer } from '../cluster/api-server.ts';
import { modelSeals } from './model-seals.ts';
import { onePolicy } from './one-policy.ts';
import { type GuestFeed, ModelGuestStreams } from './guest-streams.ts';
import { ModelHomeRunner, type ReservedSlots } from './home-runner.ts';
import { ModelHostRunner } from './host-runner.ts';
import { memberOf, type ModelNetwork } from '../network/network.ts';
import { learn } from './fetched-neighbours.ts';
import type { Proximity } from './proximity.ts';
import { type ModelGossip, Speaker } from './speaker.ts';
import { ModelWatch } from './watch.ts';
import { guestNamespaceOf, ModelWrites } from './writes.ts';
import type { VirtualTime } from '../virtual-time.ts';

export interface ModelAgentOptions {
  readonly cluster: ClusterName;
  readonly epoch: number;
  readonly seed: number;
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly gossip: ModelGossip;
  readonly directory: DirectoryConfig;
  readonly timing: AgentTiming;
  readonly proximity: Proximity;
  /** Where it looks its neighbours up; without, it is handed their adverts. */
  readonly neighbourhood?: Neighbourhood;
  /** Of all its pods; `nearest` without. */
  readonly policy?: PlacementPolicy;
  /** Changes of the home's knobs. */
  readonly homeConfig?: Partial<HomeConfig>;
  /** Whether it looks through every neighbour for guests that a former life left there. */
  readonly looksThrough: boolean;
  /** The agent that is active in a cluster now, if one is. */
  readonly agentOf: (cluster: ClusterName) => ModelAgent | undefined;
  readonly trace: (line: string) => void;
  /** A neighbour has answered, by an advert that was said so long ago. */
  readonly onReserved?: (slots: ReservedSlots) => void;
}

export interface AgentTiming {
  /** From a change at the API server to the agent's knowing of it, at most, ms. */
  readonly watchMsMax: number;
  /** A write to the API server there, and back, each at most, ms. */
  readonly writeMsMax: number;
}

const streamsMs = 250;
const judgeMs = 1_000;

export class ModelAgent {
  readonly cluster: ClusterName;
  readonly home: Home;
  readonly host: Host;
  readonly ledger = new Ledger();
  readonly epoch: number;
  readonly #options: ModelAgentOptions;
  readonly #random: Random;
  /** Undefined where it looks its neighbours up. */
  readonly #directory: Directory | undefined;
  readonly #neighbourhood: Neighbourhood;
  readonly #speaker: Speaker;
  readonly #virtualNodes = new Map<string, ClusterName>();
  readonly #streams: ModelGuestStreams;
  readonly #homeRunner: ModelHomeRunner;
  readonly #hostRunner: ModelHostRunner;
  readonly #watch: ModelWatch;
  #lifeEnded = false;
  #synced = false;
  #wake: MonotonicMs | undefined;

  constructor(options: ModelAgentOptions) {
    this.#options = options;
    const { cluster, epoch, seed, api, time } = options;
    this.cluster = cluster;
    this.epoch = epoch;
    this.#random = randomStream(seed, `agent/${cluster}/${epoch}`);
    const directory = new Directory({
      config: options.directory,
      self: cluster,
      coordinate: options.proximity.coordinate,
    });
    this.#directory = options.neighbourhood === undefined ? directory : undefined;
    this.#neighbourhood = options.neighbourhood ?? directory;
    this.host = new Host({
      ledger: this.ledger,
      config: hostDefaults,
      incarnation: `${epoch}`,
      guestNamespace: guestNamespaceOf,
      cluster,
      // What the checks tell copies of a pod by.
      terms: { ...guestTermsDefaults, annotations: ['sim/*'] },
    });
    this.home = new Home({
      room: this.ledger,
      neighbourhood: this.#neighbourhood,
      policies: onePolicy(options.policy),
      seals: modelSeals(cluster),
      config: { ...homeDefaults, ...options.homeConfig },
      random: randomStream(seed, `home/${cluster}/${epoch}`),
      homeEpoch: epoch,
      clusterOfNode: (node) => this.#clusterOf(node),
    });
    this.#speaker = new Speaker(this, options);
    this.#streams = new ModelGuestStreams({
      agent: this,
      time,
      network: options.network,
      agentOf: options.agentOf,
      random: randomStream(seed, `streams/${cluster}/${epoch}`),
    });
    const writes = new ModelWrites({
      time,
      network: options.network,
      writeMsMax: options.timing.writeMsMax,
      random: randomStream(seed, `writes/${cluster}/${epoch}`),
      alive: this.alive,
    });
    this.#homeRunner = new ModelHomeRunner({
      ...options,
      agent: this,
      writes,
      neighbourhood: this.#neighbourhood,
    });
    this.#hostRunner = new ModelHostRunner({ ...options, agent: this, writes });
    this.#watch = new ModelWatch({
      api,
      time,
      random: this.#random,
      watchMsMax: options.timing.watchMsMax,
      alive: this.alive,
      take: (event) => this.#take(event),
      synced: () => this.#begin(),
    });
    this.#every(streamsMs, () => this.#keepStreams());
    this.#every(judgeMs, () => this.#judge());
  }

  get synced(): boolean {
    return this.#synced;
  }

  alive = (): boolean => !this.#lifeEnded;

  crash(): void {
    this.#lifeEnded = true;
    this.#watch.stop();
  }

  get feeds(): Set<GuestFeed> {
    return this.#hostRunner.feeds;
  }

  /** Whether news of neighbours may change what it does now. */
  get listens(): boolean {
    return !this.#lifeEnded && this.home.awaitsNews(this.#options.time.now);
  }

  feedHome(event: HomeEvent): void {
    if (this.#lifeEnded) return;
    const listened = this.listens;
    for (const effect of this.home.step(event, this.#options.time.now)) {
      this.#homeRunner.perform(effect);
    }
    if (!listened && this.listens) this.#options.gossip.attend(this.cluster);
    this.#setWake();
  }

  feedHost(event: HostEvent): void {
    if (this.#lifeEnded) return;
    for (const effect of this.host.step(event, this.#options.time.now))
      this.#hostRunner.perform(effect);
    this.#setWake();
  }

  /** An advert is handed to it. */
  heard(advert: Advert): void {
    if (this.#lifeEnded || this.#directory === undefined) return;
    const { proximity, time } = this.#options;
    const arrival = { advert, from: memberOf(advert.cluster), at: time.now };
    if (learn(this.#directory, arrival, proximity)) this.news();
  }

  /** There is something new to know of neighbours. */
  news(): void {
    if (this.listens) this.feedHome({ kind: 'roomChanged', where: 'neighbour' });
  }

  #clusterOf(node: string): ClusterName | undefined {
    return this.#options.looksThrough ? this.#virtualNodes.get(node) : clusterOfVirtualNode(node);
  }

  #begin(): void {
    const { trace } = this.#options;
    this.#synced = true;
    trace(`${this.cluster}: synced, epoch ${this.epoch}`);
    this.#speaker.start();
    this.feedHome({ kind: 'synced' });
  }

  #take(event: ClusterEvent): void {
    this.ledger.apply(event);
    const deleted = event.type === 'deleted';
    if (event.kind === 'Node') {
      const { name = '', labels } = event.object.metadata;
      const cluster = labels?.[wellKnown.clusterLabel];
      if (cluster !== undefined) {
        const known = this.#virtualNodes.has(name);
        this.#virtualNodes.set(name, cluster as ClusterName);
        if (!known) this.feedHome({ kind: 'virtualNode', node: name });
      } else this.feedHome({ kind: 'roomChanged', where: 'home' });
    } else if (event.kind === 'Namespace') {
      const { name = '', labels } = event.object.metadata;
      const offload = labels?.[wellKnown.offloadLabel] === 'enabled';
      this.feedHome({ kind: 'namespace', name, offload, annotations: {} });
    } else if (event.kind === 'Pod') {
      const pod = event.object;
      if (pod.metadata.labels?.[wellKnown.homeLabel] !== undefined) {
        this.feedHost({ kind: deleted ? 'shadowDeleted' : 'shadow', pod });
      }
      if (deleted || shadowIdOf(pod, guestNamespaceOf) === undefined) {
        this.feedHost({ kind: 'ownPod', pod, deleted });
        this.feedHome({ kind: deleted ? 'podDeleted' : 'pod', pod });
      }
      if (deleted || isEnded(pod)) this.feedHome({ kind: 'roomChanged', where: 'home' });
    }
    this.#speaker.changed();
  }

  #keepStreams(): void {
    if (!this.#synced) return;
    const reachable = this.#options.looksThrough ? this.#neighbourhood.neighbours() : [];
    this.#streams.keep(
      this.home.hosts(),
      reachable.filter(({ liveness }) => liveness === 'alive').map(({ cluster }) => cluster),
    );
  }

  /** Who looks its neighbours up judges them when it does. */
  #judge(): void {
    const changes = this.#directory?.tick(this.#options.time.now) ?? [];
    if (changes.length > 0) this.feedHome({ kind: 'roomChanged', where: 'neighbour' });
  }

  serveReserve(
    caller: Member,
    request: ReserveRequest,
    answer: (answer: ReserveAnswer) => void,
  ): void {
    this.#hostRunner.reserve(caller, request, answer);
  }

  serveTry(
    caller: Member,
    request: TryRequest,
    answer: (results: readonly TryResult[]) => void,
  ): void {
    this.#hostRunner.tryGuests(caller, request, answer);
  }

  serveUpdate(
    caller: Member,
    request: UpdateRequest,
    answer: (results: readonly UpdateResult[]) => void,
  ): void {
    this.#hostRunner.updateGuests(caller, request, answer);
  }

  serveCommit(
    caller: Member,
    request: CommitRequest,
    answer: (results: readonly CommitResult[]) => void,
  ): void {
    this.#hostRunner.commit(caller, request, answer);
  }

  #setWake(): void {
    const { time } = this.#options;
    for (const at of [this.home.wakeAt(), this.host.wakeAt()]) {
      if (at === undefined || (this.#wake !== undefined && this.#wake <= at)) continue;
      this.#wake = Math.max(at, time.now) as MonotonicMs;
      const wake = this.#wake;
      time.after(wake - time.now, () => {
        if (this.#wake !== wake) return;
        this.#wake = undefined;
        this.feedHome({ kind: 'tick' });
        this.feedHost({ kind: 'tick' });
      });
    }
  }

  #every(ms: number, act: () => void): void {
    const again = (): void => {
      if (this.#lifeEnded) return;
      act();
      this.#options.time.after(ms, again);
    };
    this.#options.time.after(this.#random.below(ms), again);
  }
}
