/**
 * What every agent does, and nothing of how. It is a machine without I/O, timers or promises around the
 * home, the host and what they share. It is told events and returns effects.
 *
 * The daemon and the simulator each run it by a driver (docs/adr/0035). A driver performs effects and
 * decides nothing. It has no constants but deadlines, and no state but handles.
 */
import {
  after,
  type ClusterEvent,
  type ClusterName,
  earliest,
  Fault,
  isFault,
  type MonotonicMs,
  unreachable,
} from '@spillway/core';
import {
  type Advert,
  Home,
  type HomeEvent,
  Host,
  type HostEvent,
  type Member,
  type Neighbourhood,
  type Receipt,
} from '@spillway/federation';
import { Ledger } from '@spillway/scheduling';
import { Advertiser } from './advertiser.ts';
import type { AgentOptions } from './agent-options.ts';
import type { AgentEffect, AgentEvent, Answer, Notice } from './events.ts';
import { type GuestFeed, GuestFeeds } from './guest-feeds.ts';
import { GuestWatches } from './guest-watches.ts';
import { isDue, Machines } from './machines.ts';
import { Neighbours } from './neighbours.ts';
import { Outbox } from './outbox.ts';
import { WatchRouting } from './watch-routing.ts';
import { type Ended, homeEventOf, hostEventOf, isHostWork, laneOf, type Work } from './work.ts';

/** How often it looks which neighbours can be looked through (ms). */
const lookMs = 1_000;

const none: readonly AgentEffect[] = [];

export class Agent {
  readonly ledger = new Ledger();
  readonly home: Home;
  readonly host: Host;
  readonly neighbours: Neighbours;
  readonly #options: AgentOptions;
  readonly #advertiser: Advertiser;
  readonly #watches: GuestWatches;
  readonly #routing: WatchRouting;
  readonly #machines: Machines;
  readonly #outbox = new Outbox();
  readonly #feeds = new GuestFeeds();
  #effects: AgentEffect[] = [];
  #synced = false;
  #stopped = false;
  /** Work that placed a pod has failed after the stop. */
  #failedLate = false;
  #lookAt: MonotonicMs | undefined;
  /** Those whose guest streams were last seen to. */
  #hosts: ReadonlySet<ClusterName> = new Set();
  #neighboursChanged = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { cluster, epoch, guestNamespace } = options;
    const { ledger } = this;
    this.host = new Host({
      ledger,
      config: options.hostConfig,
      incarnation: `${epoch}`,
      guestNamespace,
      cluster,
      terms: options.terms,
    });
    const notice = (notice: Notice): void => void this.#effects.push({ kind: 'notice', notice });
    this.neighbours = new Neighbours({
      ...options,
      hostsOurs: (neighbour) => this.home.hosts().has(neighbour),
      keepNode: (state) => this.#send({ kind: 'keepNode', state }),
      removeNode: (neighbour) => this.#send({ kind: 'removeNode', cluster: neighbour }),
      changed: () => (this.#neighboursChanged = true),
      livenessChanged: (change) => notice({ kind: 'livenessChanged', ...change }),
    });
    const home = (event: HomeEvent): void => this.#machines.tellHome(event);
    this.#routing = new WatchRouting({
      ledger,
      guestNamespace,
      home,
      host: (event) => this.#machines.tellHost(event),
      virtualNode: (neighbour, node) => {
        if (!this.neighbours.nodeSeen(neighbour, node)) return;
        notice({ kind: 'nodeDeleted', cluster: neighbour });
      },
    });
    this.home = new Home({
      ledger,
      neighbourhood: this.#neighbourhood,
      attributes: options.attributes,
      policies: options.policies,
      seals: options.seals,
      config: options.homeConfig,
      random: options.random('home'),
      homeEpoch: epoch,
      observe: options.observePods,
      clusterOfNode: options.clusterOfNode ?? ((node) => this.#routing.clusterOf(node)),
    });
    this.#machines = new Machines({
      home: this.home,
      host: this.host,
      feeds: this.#feeds,
      emit: (effect) => this.#effects.push(effect),
      send: (work) => this.#send(work),
    });
    this.#watches = new GuestWatches({
      random: options.random('streams'),
      home,
      open: (host, watch) => this.#effects.push({ kind: 'openGuests', host, watch }),
      close: (watch) => this.#effects.push({ kind: 'closeGuests', watch }),
    });
    this.#advertiser = new Advertiser({
      ...options,
      ledger,
      host: this.host,
      keepFree: options.hostConfig.keepFree,
      whereabouts: () => ({
        ...options.whereabouts(),
        coordinate: options.coordinates.coordinate,
      }),
      pacing: { ...options.directory, bytesPerSecond: options.advertBytesPerSecond },
    });
  }

  get #neighbourhood(): Neighbourhood {
    return this.#options.neighbourhood ?? this.neighbours;
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** How many clusters it knows, its own included. */
  get clusters(): number {
    return this.neighbours.directory.size + 1;
  }

  /** Neighbours that have or had a virtual node here. */
  virtualNodes(): Iterable<ClusterName> {
    return this.#routing.virtualNodes();
  }

  /** Whether news of neighbours may change what it does now. */
  awaitsNews(now: MonotonicMs): boolean {
    return !this.#stopped && this.home.awaitsNews(now);
  }

  /** An advert is here. Whatever follows from it comes with the next `step`. */
  receive(advert: Advert, from: Member, now: MonotonicMs): Receipt {
    const receipt = this.neighbours.receive(advert, from, now);
    // They come all the time, and are looked at when the next decision is made.
    if (!this.awaitsNews(now)) this.#neighboursChanged = false;
    return receipt;
  }

  step(event: AgentEvent, now: MonotonicMs): readonly AgentEffect[] {
    if (this.#stopped) {
      if (event.kind === 'ended') this.#endedLate(event.id, event.ended);
      return [];
    }
    this.#take(event, now);
    this.#machines.run(now);
    this.#due(now);
    for (const { id, work } of this.#outbox.takeStarted()) {
      this.#effects.push({ kind: 'perform', id, work });
    }
    const effects = this.#effects;
    if (effects.length === 0) return none;
    this.#effects = [];
    return effects;
  }

  /** When to call `step` with `tick`. */
  wakeAt(now: MonotonicMs): MonotonicMs | undefined {
    if (this.#stopped) return undefined;
    const machines = this.#machines.wakeAt();
    const liveness =
      this.#options.neighbourhood === undefined ? this.neighbours.wakeAt() : undefined;
    if (!this.#synced) return earliest(machines, liveness);
    const around = earliest(this.#advertiser.wakeAt(now), this.#watches.wakeAt());
    return earliest(earliest(machines, around), earliest(this.#lookAt, liveness));
  }

  /** From now on it emits nothing and answers no call. Work that has not started is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#outbox.close();
  }

  /** Whether no work is under way. */
  get drained(): boolean {
    return this.#outbox.underWay === 0;
  }

  /**
   * Whether the Lease may be given back: no work is under way, and none that placed a pod has failed and may
   * still take effect. An agent that took over at once would not know of it.
   */
  isSettled(now: MonotonicMs): boolean {
    if (!this.drained || this.#failedLate) return false;
    return !this.home.hasDoubtfulBindings && !this.host.isUnanswered(now);
  }

  /**
   * A home's guest stream: all its guests first, then what changes.
   *
   * @throws Fault `Unavailable` while this agent cannot answer, `PermissionDenied` as `Host.picture`.
   */
  openFeed(caller: Member, homeEpoch: number): GuestFeed {
    this.#requireReady();
    return this.#feeds.open(caller.cluster, this.host.picture(caller, homeEpoch));
  }

  closeFeed(feed: GuestFeed): void {
    this.#feeds.close(feed);
  }

  #take(event: AgentEvent, now: MonotonicMs): void {
    switch (event.kind) {
      case 'cluster':
        return this.#watched(event.event, now);
      case 'synced':
        this.#synced = true;
        if (this.#options.looksThrough) this.#lookAt = now;
        this.#machines.tellHome({ kind: 'synced' });
        return;
      case 'policiesChanged':
        this.#machines.tellHome(event);
        return;
      case 'neighboursChanged':
        this.#neighboursChanged = true;
        return;
      case 'rtt':
        return this.neighbours.rtt(event.cluster, event.rttMs, now);
      case 'moved':
        return this.neighbours.directory.rttVoid(event.cluster);
      case 'connected':
        this.neighbours.directory.heardFrom(event.cluster, now);
        if (!this.#synced) return;
        this.#advertiser.greet(now);
        return this.#watches.nudge(event.cluster, now);
      case 'addressesChanged':
        if (this.#synced) this.#advertiser.greet(now);
        return;
      case 'published':
        return this.#advertiser.published(event);
      case 'ended':
        return this.#ended(event.id, event.ended);
      case 'call':
        return this.#called(event, now);
      case 'guest':
        return this.#watches.update(event.watch, event.update, now);
      case 'guestsClosed':
        return this.#watches.closed(event.watch, now);
      case 'revoked':
        return this.#revoked(event);
      case 'leaving':
        this.#machines.tellHome(event);
        this.#machines.tellHost(event);
        this.neighbours.leave();
        return this.#advertiser.changed(now);
      case 'tick':
        return;
      default:
        return unreachable(event);
    }
  }

  #watched(event: ClusterEvent, now: MonotonicMs): void {
    const changed = this.#routing.take(event);
    if (changed && this.#synced) this.#advertiser.changed(now);
  }

  #ended(id: number, ended: Ended): void {
    const work = this.#outbox.ended(id);
    if (work.kind === 'keepNode')
      return this.neighbours.nodeKept(work.state, ended.kind !== 'failed');
    if (work.kind === 'removeNode') return this.neighbours.nodeRemoved(work.cluster);
    if (isHostWork(work)) {
      this.#machines.tellHost(hostEventOf(work, ended));
      return;
    }
    const event = homeEventOf(work, ended);
    if (event !== undefined) this.#machines.tellHome(event);
  }

  #revoked({ clusters, why, nodes }: Extract<AgentEvent, { kind: 'revoked' }>): void {
    this.#machines.tellHome({ kind: 'revoked', clusters });
    this.#machines.tellHost({ kind: 'revoked', clusters });
    for (const cluster of this.neighbours.revoke(clusters, nodes, why)) {
      this.#effects.push({ kind: 'notice', notice: { kind: 'forgotten', cluster } });
    }
  }

  #called({ call, caller, of }: Extract<AgentEvent, { kind: 'call' }>, now: MonotonicMs): void {
    try {
      this.#requireReady();
      const { kind, request } = of;
      this.#machines.stepHost({ kind, call, caller, request } as HostEvent, now);
      if (kind === 'release') this.#answer(call, { value: undefined });
    } catch (error) {
      if (!isFault(error) || error.code === 'Internal') throw error;
      this.#answer(call, { fault: error });
    }
  }

  /** The machines are told nothing more. */
  #endedLate(id: number, ended: Ended): void {
    const { kind } = this.#outbox.ended(id);
    const places = kind === 'createShadow' || kind === 'bindLocally';
    if (places && ended.kind === 'failed') this.#failedLate = true;
  }

  #requireReady(): void {
    if (this.#stopped) throw new Fault('Unavailable', 'this agent is stopping');
    if (this.#synced) return;
    throw new Fault('Unavailable', 'this host is starting: its caches are not synced yet');
  }

  #due(now: MonotonicMs): void {
    if (this.#options.neighbourhood === undefined) this.neighbours.tick(now);
    this.#tellNews(now);
    this.#machines.tick(now);
    if (!this.#synced) return;
    const hosts = this.home.hosts();
    const looks = isDue(this.#lookAt, now);
    if (looks) this.#lookAt = after(now, lookMs);
    if (looks || hosts !== this.#hosts) {
      this.#hosts = hosts;
      this.#watches.keep(hosts, this.#reachable(), now);
    }
    if (isDue(this.#watches.wakeAt(), now)) this.#watches.tick(now);
    this.#machines.run(now);
    const publication = this.#advertiser.due(now);
    if (publication !== undefined) this.#effects.push({ kind: 'publish', ...publication });
  }

  /** Only while a decision waits for them: they come with every advert. */
  #tellNews(now: MonotonicMs): void {
    if (!this.#neighboursChanged) return;
    this.#neighboursChanged = false;
    if (this.awaitsNews(now))
      this.#machines.stepHome({ kind: 'capacityChanged', where: 'neighbour' }, now);
  }

  /** With the epochs of their agents. */
  #reachable(): ReadonlyMap<ClusterName, number> {
    const alive = this.#options.looksThrough
      ? this.#neighbourhood.neighbours().filter(({ liveness }) => liveness === 'alive')
      : [];
    return new Map(alive.map(({ cluster, advert }) => [cluster, advert.version.epoch]));
  }

  #send(work: Work): void {
    this.#outbox.send(laneOf(work), work);
  }

  #answer(call: number, answer: Answer): void {
    this.#effects.push({ kind: 'answer', call, answer });
  }
}
