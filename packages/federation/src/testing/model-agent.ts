/**
 * One life of an agent: real Home, Host, Ledger and Directory over the simulated API server and
 * network, performing effects as packages/agent does. A crash ends it between any two of its acts;
 * the next life knows what the API server tells it, and nothing else.
 */
import {
  type ClusterEvent,
  type ClusterName,
  type MonotonicMs,
  type NodeName,
  type PeerId,
  type Pod,
  type PodUid,
  randomStream,
  type Random,
  unreachable,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import { Ledger } from '@spillway/scheduling';
import type { Advert } from '../advert.ts';
import { originCoordinate } from '../coordinates.ts';
import { Directory, directoryPresets } from '../directory.ts';
import { homeDefaults } from '../home/config.ts';
import type { HomeEffect, HomeEvent, PodRef } from '../home/events.ts';
import { refOf } from '../home/events.ts';
import { Home } from '../home/home.ts';
import { hostDefaults } from '../host/config.ts';
import type { CreateOutcome, HostEffect, HostEvent } from '../host/events.ts';
import { Host } from '../host/host.ts';
import type { CommitResult, GuestUpdate, Member, ReserveAnswer } from '../negotiation.ts';
import { nearest, policyText } from '../policy.ts';
import { roomOf, roomTotals } from '../room.ts';
import { isEnded, type ModelApiServer } from './model-api-server.ts';
import { ModelGuestStreams } from './model-guest-streams.ts';
import type { ModelNetwork } from './model-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface ModelAgentOptions {
  readonly cluster: ClusterName;
  readonly epoch: number;
  readonly seed: number;
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  /** The agent that is active in a cluster now, if one is. */
  readonly agentOf: (cluster: ClusterName) => ModelAgent | undefined;
  readonly others: readonly ClusterName[];
  readonly trace: (line: string) => void;
}

const writeMsMax = 30;
const watchLagMsMax = 60;
/** A write that was reported failed, and happens all the same, happens by then. */
export const lateWriteMsMax = 2_000;
const streamsMs = 250;
const judgeMs = 1_000;
const deleteRetryMs = 2_000;
const deadlineMs = { reserve: 5_000, commit: 15_000, release: 10_000 };

export class ModelAgent {
  readonly cluster: ClusterName;
  readonly home: Home;
  readonly host: Host;
  readonly ledger = new Ledger();
  readonly epoch: number;
  readonly #options: ModelAgentOptions;
  readonly #random: Random;
  readonly #directory: Directory;
  readonly #clusterOfNode = new Map<string, ClusterName>();
  readonly #streams: ModelGuestStreams;
  readonly #replies = new Map<number, (results: readonly CommitResult[]) => void>();
  readonly #unwatch: () => void;
  #watchedUntil = 0;
  #lifeEnded = false;
  #synced = false;
  #sequence = 0;
  #calls = 0;
  #wake: MonotonicMs | undefined;

  constructor(options: ModelAgentOptions) {
    this.#options = options;
    const { cluster, epoch, seed, api, time } = options;
    this.cluster = cluster;
    this.epoch = epoch;
    this.#random = randomStream(seed, `agent/${cluster}/${epoch}`);
    this.#directory = new Directory({
      config: directoryPresets.lan,
      self: cluster,
      coordinate: () => originCoordinate,
    });
    this.host = new Host({
      ledger: this.ledger,
      config: hostDefaults,
      incarnation: `${epoch}`,
      guestNamespace: guestNamespaceOf,
    });
    this.home = new Home({
      room: this.ledger,
      neighbourhood: this.#directory,
      policies: { policyFor: () => ({ policy: nearest, text: policyText(nearest) }) },
      config: homeDefaults,
      random: randomStream(seed, `home/${cluster}/${epoch}`),
      homeEpoch: epoch,
      clusterOfNode: (node) => this.#clusterOfNode.get(node),
    });
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

  feedHome(event: HomeEvent): void {
    if (this.#lifeEnded) return;
    for (const effect of this.home.step(event, this.#options.time.now)) this.#performHome(effect);
    this.#setWake();
  }

  feedHost(event: HostEvent): void {
    if (this.#lifeEnded) return;
    for (const effect of this.host.step(event, this.#options.time.now)) this.#performHost(effect);
    this.#setWake();
  }

  heard(advert: Advert, from: Member): void {
    if (this.#lifeEnded) return;
    this.#directory.receive(advert, from, this.#options.time.now);
    this.feedHome({ kind: 'roomChanged', where: 'neighbour' });
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
      this.feedHome({ kind: 'synced' });
    });
  }

  /** In order, each some time after it happened. */
  #lagging(arrive: () => void): void {
    const { time } = this.#options;
    this.#watchedUntil = Math.max(this.#watchedUntil, time.now + this.#random.below(watchLagMsMax));
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
      if (cluster !== undefined) this.#clusterOfNode.set(name, cluster as ClusterName);
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
  }

  #keepStreams(): void {
    if (!this.#synced) return;
    const reachable = this.#directory.neighbours().filter(({ liveness }) => liveness === 'alive');
    this.#streams.keep(
      this.home.hosts(),
      reachable.map(({ cluster }) => cluster),
    );
  }

  #judge(): void {
    const { time, network, cluster, others, agentOf } = this.#options;
    const changes = this.#directory.tick(time.now);
    if (changes.length > 0) this.feedHome({ kind: 'roomChanged', where: 'neighbour' });
    if (!this.#synced) return;
    const { snapshot } = this.ledger;
    const advert: Advert = {
      cluster,
      peer: cluster as string as PeerId,
      version: { epoch: this.epoch, sequence: this.#sequence++ },
      ttlMs: directoryPresets.lan.ttlMs,
      addresses: [],
      coordinate: originCoordinate,
      labels: {},
      accepting: this.host.accepting,
      guestsFree: this.host.guestsFree,
      room: roomOf(snapshot),
      totals: roomTotals(snapshot),
    };
    for (const other of others) {
      network.cast(cluster, other, () => agentOf(other)?.heard(advert, memberOf(cluster)));
    }
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
        return this.#write(
          () => api.bind(ref, node),
          (outcome) => {
            const event = kind === 'bindLocally' ? 'boundLocally' : 'boundAway';
            this.feedHome({ kind: event, uid: ref.uid, outcome: outcome ?? 'failed' });
          },
        );
      }
      case 'reserve':
      case 'commit':
      case 'release':
        return this.#callHost(effect);
      case 'writeStatus': {
        const { ref, status } = effect;
        return this.#write(
          () => api.patchStatus(ref, status),
          (outcome) => this.#written('statusWritten', ref, outcome),
        );
      }
      case 'finalize': {
        const { ref } = effect;
        return this.#write(
          () => api.delete(ref, 0),
          (outcome) => this.#written('finalized', ref, outcome),
        );
      }
      case 'checkOrphan': {
        const { ref, host } = effect;
        return this.#write(
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

  #written(
    kind: 'statusWritten' | 'finalized',
    { uid }: PodRef,
    outcome: 'ok' | 'gone' | undefined,
  ): void {
    this.feedHome({ kind, uid, outcome: outcome ?? 'failed' });
  }

  #callHost(effect: Extract<HomeEffect, { kind: 'reserve' | 'commit' | 'release' }>): void {
    const { host } = effect;
    switch (effect.kind) {
      case 'reserve': {
        const { request } = effect;
        const { requestId } = request;
        return this.#call<ReserveAnswer>(
          effect,
          (agent, answer) =>
            answer(agent.host.reserve(memberOf(this.cluster), request, this.#options.time.now)),
          (answer) => this.feedHome({ kind: 'reserved', requestId, host, answer }),
        );
      }
      case 'commit': {
        const { request } = effect;
        const uids = request.pods.map((pod) => refOf(pod).uid);
        return this.#call<readonly CommitResult[]>(
          effect,
          (agent, answer) => agent.serveCommit(memberOf(this.cluster), request, answer),
          (results) => this.feedHome({ kind: 'committed', host, uids, results }),
        );
      }
      case 'release': {
        const { reservations, guests } = effect;
        const request = { homeEpoch: this.epoch, reservations, guests };
        return this.#call<true>(
          effect,
          (agent, answer) => {
            agent.feedHost({ kind: 'release', caller: memberOf(this.cluster), request });
            answer(true);
          },
          (done) => {
            if (guests.length === 0) return;
            const outcome = done ? 'ok' : 'failed';
            this.feedHome({
              kind: 'released',
              host,
              guests: guests.map(({ uid }) => uid),
              outcome,
            });
          },
        );
      }
    }
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

  /** A host that is not synced, or refuses an old epoch, gives no answer: the call fails. */
  #call<Answer>(
    { kind, host }: { readonly kind: keyof typeof deadlineMs; readonly host: ClusterName },
    serve: (agent: ModelAgent, answer: (value: Answer) => void) => void,
    done: (answer: Answer | undefined) => void,
  ): void {
    const { network, agentOf, trace } = this.#options;
    const target = agentOf(host);
    network.call<Answer>({
      from: this,
      to: () => target,
      callee: host,
      deadlineMs: deadlineMs[kind],
      serve: (answer) => {
        if (!target?.synced) return;
        try {
          serve(target, answer);
        } catch (error) {
          trace(`${host} refuses ${kind} of ${this.cluster}: ${(error as Error).message}`);
          if ((error as { code?: string }).code === 'Internal') throw error;
        }
      },
      done,
    });
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
        return this.#write(
          () => createOutcome(api, shadow),
          (outcome) => {
            const failed: CreateOutcome = { kind: 'failed', reason: 'no answer' };
            this.feedHost({ kind: 'created', guest, outcome: outcome ?? failed });
          },
        );
      }
      case 'delete': {
        const { namespace, name, shadowUid: uid, gracePeriodSeconds = 30 } = effect;
        return this.#write(
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

  readonly feeds = new Set<{ readonly home: ClusterName; push(update: GuestUpdate): void }>();

  #push(home: ClusterName, update: GuestUpdate): void {
    for (const feed of this.feeds) if (feed.home === home) feed.push(update);
  }

  /** A write to the API server. It may fail before, after, or some time before it takes effect. */
  #write<Outcome>(write: () => Outcome, done: (outcome: Outcome | undefined) => void): void {
    const { time, network } = this.#options;
    const fails = this.#random.unit() < network.weather.writeFailure;
    const how = this.#random.below(3);
    time.after(this.#random.below(writeMsMax), () => {
      const outcome = fails && how !== 1 ? undefined : write();
      if (fails && how === 2) time.after(this.#random.below(lateWriteMsMax), () => write());
      time.after(this.#random.below(writeMsMax), () => {
        if (!this.#lifeEnded) done(fails ? undefined : outcome);
      });
    });
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

export function memberOf(cluster: ClusterName): Member {
  return { cluster, peer: cluster as string as PeerId, attributes: {} };
}

function guestNamespaceOf(home: ClusterName, namespace: string): string {
  return `${home}-${namespace}`;
}

function shadowOf(home: ClusterName, pod: Pod, node: NodeName): Pod {
  const { name = '', namespace = 'default', uid = '', annotations = {} } = pod.metadata;
  return {
    metadata: {
      name,
      namespace: guestNamespaceOf(home, namespace),
      annotations,
      labels: {
        [wellKnown.homeLabel]: home,
        [wellKnown.homeNamespaceLabel]: namespace,
        [wellKnown.homeUidLabel]: uid,
      },
    },
    spec: { ...pod.spec, nodeName: node, schedulerName: wellKnown.schedulerName },
  };
}

function createOutcome(api: ModelApiServer, shadow: Pod): CreateOutcome {
  if (api.create(shadow) !== undefined) return { kind: 'created' };
  const { namespace = '', name = '', labels } = shadow.metadata;
  const there = api.pod(namespace, name)?.metadata.labels?.[wellKnown.homeUidLabel];
  return { kind: there === labels?.[wellKnown.homeUidLabel] ? 'exists' : 'nameTaken' };
}

function summary(effect: HomeEffect | HostEffect): string {
  const uids = (pods: readonly Pod[]): readonly PodUid[] => pods.map((pod) => refOf(pod).uid);
  const { kind } = effect;
  if (kind === 'commit') return `commit to ${effect.host}: ${uids(effect.request.pods).join(' ')}`;
  if (kind === 'reserve') return `reserve ${effect.request.count} at ${effect.host}`;
  if (kind === 'create') return `create ${effect.guest.uid} on ${effect.node}`;
  return JSON.stringify(effect);
}
