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
  unreachable,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import { Ledger } from '@spillway/scheduling';
import {
  type Advert,
  clusterOfVirtualNode,
  type CommitResult,
  type CreateOutcome,
  type Coordinate,
  Directory,
  type DirectoryConfig,
  type GuestUpdate,
  Home,
  type HomeConfig,
  homeDefaults,
  type HomeEffect,
  type HomeEvent,
  Host,
  hostDefaults,
  type HostEffect,
  type HostEvent,
  type Member,
  type PlacementPolicy,
  type PodRef,
  type ReserveAnswer,
  type ReserveRequest,
} from '@spillway/federation';
import { isEnded, type ModelApiServer } from '../cluster/api-server.ts';
import { callHost } from './calls.ts';
import { onePolicy } from './one-policy.ts';
import { type GuestFeed, ModelGuestStreams } from './guest-streams.ts';
import { memberOf, type ModelNetwork } from '../network/network.ts';
import { summary } from './effect-summary.ts';
import { type ModelGossip, Speaker } from './speaker.ts';
import { createOutcome, guestNamespaceOf, ModelWrites, shadowOf } from './writes.ts';
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

/** Where a cluster is, as its agent knows. */
export interface Proximity {
  readonly coordinate: () => Coordinate;
  /** Undefined for a neighbour that it has no connection with. */
  readonly measuredRttMs: (other: ClusterName) => number | undefined;
}

export interface ReservedSlots {
  readonly asked: number;
  readonly granted: number;
  readonly stalenessMs: number;
}

const streamsMs = 250;
const judgeMs = 1_000;
const deleteRetryMs = 2_000;

export class ModelAgent {
  readonly cluster: ClusterName;
  readonly home: Home;
  readonly host: Host;
  readonly ledger = new Ledger();
  readonly epoch: number;
  readonly #options: ModelAgentOptions;
  readonly #random: Random;
  readonly directory: Directory;
  readonly #speaker: Speaker;
  readonly #saidAt = new Map<ClusterName, number>();
  readonly #virtualNodes = new Map<string, ClusterName>();
  readonly #streams: ModelGuestStreams;
  readonly #writes: ModelWrites;
  readonly #replies = new Map<number, (results: readonly CommitResult[]) => void>();
  readonly #unwatch: () => void;
  #watchedUntil = 0;
  #lifeEnded = false;
  #synced = false;
  #calls = 0;
  #wake: MonotonicMs | undefined;

  constructor(options: ModelAgentOptions) {
    this.#options = options;
    const { cluster, epoch, seed, api, time } = options;
    this.cluster = cluster;
    this.epoch = epoch;
    this.#random = randomStream(seed, `agent/${cluster}/${epoch}`);
    this.#writes = new ModelWrites({
      time,
      network: options.network,
      writeMsMax: options.timing.writeMsMax,
      random: randomStream(seed, `writes/${cluster}/${epoch}`),
      alive: this.alive,
    });
    this.directory = new Directory({
      config: options.directory,
      self: cluster,
      coordinate: options.proximity.coordinate,
    });
    this.host = new Host({
      ledger: this.ledger,
      config: hostDefaults,
      incarnation: `${epoch}`,
      guestNamespace: guestNamespaceOf,
    });
    this.home = new Home({
      room: this.ledger,
      neighbourhood: this.directory,
      policies: onePolicy(options.policy),
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
    this.#unwatch = api.watch((event) => this.#lagging(() => this.#take(event)));
    this.#list();
    this.#every(streamsMs, () => this.#keepStreams());
    this.#every(judgeMs, () => this.#judge());
  }

  get synced(): boolean {
    return this.#synced;
  }

  alive = (): boolean => !this.#lifeEnded;

  crash(): void {
    this.#lifeEnded = true;
    this.#unwatch();
  }

  /** Whether news of neighbours may change what it does now. */
  get listens(): boolean {
    return this.home.counts().waiting > 0;
  }

  feedHome(event: HomeEvent): void {
    if (this.#lifeEnded) return;
    const { gossip } = this.#options;
    const begins = event.kind === 'pod' && !event.pod.spec.nodeName && !this.listens;
    if (begins && !gossip.eager) {
      gossip.catchUp(this.cluster);
      this.directory.tick(this.#options.time.now);
    }
    for (const effect of this.home.step(event, this.#options.time.now)) this.#performHome(effect);
    this.#setWake();
  }

  feedHost(event: HostEvent): void {
    if (this.#lifeEnded) return;
    for (const effect of this.host.step(event, this.#options.time.now)) this.#performHost(effect);
    this.#setWake();
  }

  /** An advert that was said at `saidAt` and has reached us at `at`. */
  heard(advert: Advert, { saidAt, at }: { readonly saidAt: number; readonly at: number }): void {
    if (this.#lifeEnded) return;
    const { cluster } = advert;
    const known = this.#saidAt.has(cluster);
    const receipt = this.directory.receive(advert, memberOf(cluster), at as MonotonicMs);
    if (receipt !== 'accepted') return;
    this.#saidAt.set(cluster, saidAt);
    const rttMs = known ? undefined : this.#options.proximity.measuredRttMs(cluster);
    if (rttMs !== undefined) this.directory.rttSample(cluster, rttMs, at as MonotonicMs);
    if (this.listens) this.feedHome({ kind: 'roomChanged', where: 'neighbour' });
  }

  #clusterOf(node: string): ClusterName | undefined {
    return this.#options.looksThrough ? this.#virtualNodes.get(node) : clusterOfVirtualNode(node);
  }

  /** Every kind is listed on its own, in any order, and the pods as they are when the list is made. */
  #list(): void {
    const { api, cluster } = this.#options;
    const nodes = (): void => {
      for (const object of api.nodes) this.#take({ kind: 'Node', type: 'set', object });
    };
    const namespaces = (): void => {
      for (const object of api.namespaces) this.#take({ kind: 'Namespace', type: 'set', object });
    };
    const listed = [...api.pods()];
    const pods = (): void => {
      for (const object of listed) this.#take({ kind: 'Pod', type: 'set', object });
    };
    const kinds =
      this.#random.below(2) === 0 ? [nodes, namespaces, pods] : [pods, namespaces, nodes];
    for (const kind of kinds) this.#lagging(kind);
    this.#lagging(() => {
      this.#synced = true;
      this.#options.trace(`${cluster}: synced, epoch ${this.epoch}`);
      this.#speaker.start();
      this.feedHome({ kind: 'synced' });
    });
  }

  /** In order, each some time after it happened. */
  #lagging(arrive: () => void): void {
    const { time, timing } = this.#options;
    this.#watchedUntil = Math.max(
      this.#watchedUntil,
      time.now + this.#random.below(timing.watchMsMax),
    );
    time.after(this.#watchedUntil - time.now, () => {
      if (!this.#lifeEnded) arrive();
    });
  }

  #take(event: ClusterEvent): void {
    this.ledger.apply(event);
    const deleted = event.type === 'deleted';
    if (event.kind === 'Node') {
      const { name = '', labels } = event.object.metadata;
      const cluster = labels?.[wellKnown.clusterLabel];
      if (cluster !== undefined) this.#virtualNodes.set(name, cluster as ClusterName);
      else this.feedHome({ kind: 'roomChanged', where: 'home' });
    } else if (event.kind === 'Namespace') {
      const { name = '', labels } = event.object.metadata;
      const offload = labels?.[wellKnown.offloadLabel] === 'enabled';
      this.feedHome({ kind: 'namespace', name, offload, annotations: {} });
    } else if (event.kind === 'Pod') {
      const pod = event.object;
      if (pod.metadata.labels?.[wellKnown.homeLabel] !== undefined) {
        this.feedHost({ kind: deleted ? 'shadowDeleted' : 'shadow', pod });
      } else this.feedHome({ kind: deleted ? 'podDeleted' : 'pod', pod });
      if (deleted || isEnded(pod)) this.feedHome({ kind: 'roomChanged', where: 'home' });
    }
    this.#speaker.changed();
  }

  #keepStreams(): void {
    if (!this.#synced) return;
    const reachable = this.#options.looksThrough ? this.directory.neighbours() : [];
    this.#streams.keep(
      this.home.hosts(),
      reachable.filter(({ liveness }) => liveness === 'alive').map(({ cluster }) => cluster),
    );
  }

  #judge(): void {
    // Who has not listened has heard of nobody; it judges when it has caught up.
    if (!this.#options.gossip.eager && !this.listens) return;
    const changes = this.directory.tick(this.#options.time.now);
    if (changes.length > 0) this.feedHome({ kind: 'roomChanged', where: 'neighbour' });
  }

  #performHome(effect: HomeEffect): void {
    const { api, trace, cluster } = this.#options;
    const { kind } = effect;
    if (kind !== 'explain' && kind !== 'tell') trace(`${cluster} home: ${summary(effect)}`);
    switch (kind) {
      case 'bindLocally':
      case 'bindAway': {
        const { ref } = effect;
        const node = kind === 'bindLocally' ? effect.node : virtualNodeName(effect.host);
        return this.#writes.write(
          () => api.bind(ref, node, kind === 'bindAway' ? effect.annotations : {}),
          (outcome) => {
            const event = kind === 'bindLocally' ? 'boundLocally' : 'boundAway';
            this.feedHome({ kind: event, uid: ref.uid, outcome: outcome ?? 'failed' });
          },
        );
      }
      case 'reserve':
      case 'commit':
      case 'release':
        return callHost(effect, this, this.#road(effect));
      case 'writeStatus': {
        const { ref, status } = effect;
        return this.#writes.write(
          () => api.patchStatus(ref, status),
          (outcome) => this.#written('statusWritten', ref, outcome),
        );
      }
      case 'finalize': {
        const { ref } = effect;
        return this.#writes.write(
          () => api.delete(ref, 0),
          (outcome) => this.#written('finalized', ref, outcome),
        );
      }
      case 'checkOrphan': {
        const { ref, host } = effect;
        return this.#writes.write(
          () => ({ pod: api.pod(ref.namespace, ref.name) }),
          (found) => {
            if (found) this.feedHome({ kind: 'orphanChecked', host, ref, pod: found.pod });
          },
        );
      }
      case 'explain':
      case 'tell':
        return;
      default:
        return unreachable(effect);
    }
  }

  #road(effect: HomeEffect): Parameters<typeof callHost>[2] {
    const { onReserved, time } = this.#options;
    if (effect.kind !== 'reserve' || onReserved === undefined) return this.#options;
    const { count } = effect.request;
    const stalenessMs = time.now - (this.#saidAt.get(effect.host) ?? time.now);
    return {
      ...this.#options,
      onGranted: (granted) => onReserved({ asked: count, granted, stalenessMs }),
    };
  }

  #written(
    kind: 'statusWritten' | 'finalized',
    { uid }: PodRef,
    outcome: 'ok' | 'gone' | undefined,
  ): void {
    this.feedHome({ kind, uid, outcome: outcome ?? 'failed' });
  }

  serveReserve(caller: Member, request: ReserveRequest): ReserveAnswer {
    const answer = this.host.reserve(caller, request, this.#options.time.now);
    this.#setWake();
    return answer;
  }

  serveCommit(
    caller: Member,
    request: Extract<HomeEffect, { kind: 'commit' }>['request'],
    answer: (results: readonly CommitResult[]) => void,
  ): void {
    const call = this.#calls++;
    this.#replies.set(call, answer);
    this.feedHost({ kind: 'commit', call, caller, request });
  }

  #performHost(effect: HostEffect): void {
    const { api, trace, cluster } = this.#options;
    if (effect.kind !== 'push') trace(`${cluster} host: ${summary(effect)}`);
    switch (effect.kind) {
      case 'reply':
        this.#replies.get(effect.call)?.(effect.results);
        this.#replies.delete(effect.call);
        return;
      case 'push':
        return this.#push(effect.home, effect.update);
      case 'create': {
        const { guest, pod, node } = effect;
        const shadow = shadowOf(guest.home, pod, node);
        return this.#writes.write(
          () => createOutcome(api, shadow),
          (outcome) => {
            const failed: CreateOutcome = { kind: 'failed', reason: 'no answer' };
            this.feedHost({ kind: 'created', guest, outcome: outcome ?? failed });
          },
        );
      }
      case 'delete': {
        const { namespace, name, shadowUid: uid, gracePeriodSeconds = 30 } = effect;
        return this.#writes.write(
          () => api.delete({ namespace, name, uid }, gracePeriodSeconds),
          (outcome) => {
            if (outcome !== undefined) return;
            this.#options.time.after(deleteRetryMs, () => {
              if (!this.#lifeEnded) this.#performHost(effect);
            });
          },
        );
      }
      default:
        return unreachable(effect);
    }
  }

  readonly feeds = new Set<GuestFeed>();

  #push(home: ClusterName, update: GuestUpdate): void {
    for (const feed of this.feeds) if (feed.home === home) feed.push(update);
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
