/**
 * One life of an agent: the shipped machine (packages/agent-core) over the simulated API server and
 * network. A crash ends it between any two of its acts; the next life knows what the API server tells it,
 * and nothing else.
 */
import { Agent, type Answer, type Call, type GuestFeed } from '@spillway/agent-core';
import { type ClusterName, randomStream, type Random } from '@spillway/core';
import {
  type Advert,
  clusterOfVirtualNode,
  type DirectoryConfig,
  guestTermsDefaults,
  type Home,
  type HomeConfig,
  homeDefaults,
  type Host,
  type HostConfig,
  hostDefaults,
  type Member,
  type Neighbourhood,
  type PlacementPolicy,
  type TransitionObserver,
} from '@spillway/federation';
import type { Ledger } from '@spillway/scheduling';
import type { ModelApiServer } from '../cluster/api-server.ts';
import { memberOf, type ModelNetwork } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { type Act, type Callee, ModelDriver, type ReservedSlots } from './driver.ts';
import type { ModelGossip } from './gossip.ts';
import { modelSeals } from './model-seals.ts';
import { onePolicy } from './one-policy.ts';
import { GivenCoordinates, type Proximity } from './proximity.ts';
import { ModelWatch } from './watch.ts';
import { guestNamespaceOf, ModelWrites } from './writes.ts';

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
  /** Changes of the host's knobs. */
  readonly hostConfig?: Partial<HostConfig>;
  /** Changes of the home's knobs. */
  readonly homeConfig?: Partial<HomeConfig>;
  /** Whether it looks through every neighbour for guests that a former life left there. */
  readonly looksThrough: boolean;
  /** The agent that is active in a cluster now, if one is. */
  readonly agentOf: (cluster: ClusterName) => ModelAgent | undefined;
  readonly trace: (line: string) => void;
  /** A neighbour has answered, by an advert that was said so long ago. */
  readonly onReserved?: (slots: ReservedSlots) => void;
  /** Performs each effect, or does not. */
  readonly act?: Act | undefined;
  /** Told of every transition of every pod of the home. */
  readonly observe?: TransitionObserver | undefined;
}

export interface AgentTiming {
  /** From a change at the API server to the agent's knowing of it, at most, ms. */
  readonly watchMsMax: number;
  /** A write to the API server there, and back, each at most, ms. */
  readonly writeMsMax: number;
}

/** The agent's default. */
const advertBytesPerSecond = 10_000;

export class ModelAgent implements Callee {
  readonly cluster: ClusterName;
  readonly #options: ModelAgentOptions;
  readonly #random: Random;
  readonly #agent: Agent;
  readonly #driver: ModelDriver;
  readonly #watch: ModelWatch;
  #lifeEnded = false;
  #stopped = false;

  constructor(options: ModelAgentOptions) {
    this.#options = options;
    const { cluster, epoch, seed, api, time, proximity, timing } = options;
    this.cluster = cluster;
    const random = (purpose: string): Random =>
      randomStream(seed, `${purpose}/${cluster}/${epoch}`);
    this.#random = random('agent');
    this.#agent = new Agent({
      cluster,
      epoch,
      labels: {},
      attributes: {},
      directory: options.directory,
      coordinates: new GivenCoordinates(proximity),
      membershipOf: () => undefined,
      virtualNodes: 'given',
      ...(options.neighbourhood && { neighbourhood: options.neighbourhood }),
      policies: onePolicy(options.policy),
      seals: modelSeals(cluster),
      homeConfig: { ...homeDefaults, ...options.homeConfig },
      hostConfig: { ...hostDefaults, ...options.hostConfig },
      // What the checks tell copies of a pod by.
      terms: { ...guestTermsDefaults, annotations: ['sim/*'] },
      advertBytesPerSecond,
      guestNamespace: guestNamespaceOf,
      whereabouts: () => ({ peer: memberOf(cluster).peer, addresses: [] }),
      random,
      looksThrough: options.looksThrough,
      observePods: options.observe,
      ...(!options.looksThrough && { clusterOfNode: clusterOfVirtualNode }),
    });
    const writes = new ModelWrites({
      api,
      time,
      network: options.network,
      writeMsMax: timing.writeMsMax,
      random: random('writes'),
      alive: this.alive,
    });
    this.#driver = new ModelDriver({
      ...options,
      agent: this.#agent,
      writes,
      neighbourhood: options.neighbourhood ?? this.#agent.neighbours,
      alive: this.alive,
    });
    this.#watch = new ModelWatch({
      api,
      time,
      random: this.#random,
      watchMsMax: timing.watchMsMax,
      alive: this.alive,
      take: (event) => this.#driver.feed({ kind: 'cluster', event }),
      synced: () => {
        options.trace(`${cluster}: synced, epoch ${epoch}`);
        this.#driver.feed({ kind: 'synced' });
      },
    });
  }

  get home(): Home {
    return this.#agent.home;
  }

  get host(): Host {
    return this.#agent.host;
  }

  get ledger(): Ledger {
    return this.#agent.ledger;
  }

  get synced(): boolean {
    return this.#agent.synced && !this.#stopped;
  }

  alive = (): boolean => !this.#lifeEnded;

  /**
   * From now on it emits nothing and answers nobody. Calls `drained` once no work is under way any more, with
   * whether the Lease may be given back.
   */
  stop(drained: (settled: boolean) => void): void {
    this.#stopped = true;
    this.#agent.stop();
    this.#driver.whenDrained(() => drained(this.#agent.isSettled(this.#options.time.now)));
  }

  crash(): void {
    this.#lifeEnded = true;
    this.#watch.stop();
  }

  /** Whether news of neighbours may change what it does now. */
  get listens(): boolean {
    return !this.#lifeEnded && this.#agent.awaitsNews(this.#options.time.now);
  }

  /** An advert is handed to it. */
  heard(advert: Advert): void {
    if (this.#lifeEnded) return;
    const { directory } = this.#agent.neighbours;
    const known = directory.size;
    const receipt = this.#driver.advert(advert, memberOf(advert.cluster));
    if (receipt !== 'accepted' || directory.size === known) return;
    // A neighbour that is heard of for the first time has been measured, or never is.
    const rttMs = this.#options.proximity.measuredRttMs(advert.cluster);
    if (rttMs !== undefined) this.#driver.feed({ kind: 'rtt', cluster: advert.cluster, rttMs });
  }

  /** There is something new to know of neighbours. */
  news(): void {
    if (this.listens) this.#driver.feed({ kind: 'neighboursChanged' });
  }

  serve(caller: Member, of: Call, answered: (answer: Answer) => void): void {
    this.#driver.serve(caller, of, answered);
  }

  openFeed(caller: Member, homeEpoch: number): GuestFeed {
    return this.#driver.openFeed(caller, homeEpoch);
  }

  closeFeed(feed: GuestFeed): void {
    this.#driver.closeFeed(feed);
  }
}
