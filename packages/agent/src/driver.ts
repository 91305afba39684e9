/**
 * Runs the agent's machine (packages/agent-core) on real API servers and neighbours: performs what it asks
 * for, and tells it how that ended. It decides nothing: its constants are deadlines, its state is handles.
 */
import {
  type Clock,
  type ClusterName,
  Fault,
  isFault,
  type NodeName,
  type Pod,
  type PodUid,
  unreachable,
  virtualNodeName,
} from '@spillway/core';
import {
  type Agent,
  type AgentEffect,
  type AgentEvent,
  type Answer,
  type Answers,
  type Call,
  callDeadlineMs,
  type Ended,
  type GuestFeed,
  type Work,
  type WorkOf,
} from '@spillway/agent-core';
import type {
  Advert,
  BindOutcome,
  CancelSignal,
  CommitRequest,
  CommitResult,
  CreateOutcome,
  GuestPatch,
  GuestUpdate,
  Member,
  NegotiationClient,
  NegotiationHandler,
  PatchOutcome,
  PodRef,
  Receipt,
  ReleaseRequest,
  ReserveAnswer,
  ReserveRequest,
  ShadowPlace,
  TryOutcome,
  TryRequest,
  TryResult,
  UpdateRequest,
  UpdateResult,
  VirtualNodeState,
  VolumeWrite,
  WatchGuestsRequest,
} from '@spillway/federation';
import { inWords } from '@spillway/kubernetes';
import type { Reporter } from './reporting/reporter.ts';
import { WakeTimer } from './wake-timer.ts';

/** What a home needs of its own API server. Each call has a deadline of its own. */
export interface HomeWrites {
  bindPod(
    ref: PodRef,
    node: NodeName,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<Exclude<BindOutcome, 'refused' | 'failed'>>;
  patchPodStatus(ref: PodRef, status: NonNullable<Pod['status']>): Promise<'ok' | 'gone'>;
  /** Deletes without grace, by UID. */
  finalizeDeletion(ref: PodRef): Promise<'ok' | 'gone'>;
  /** Deletes with the pod's own grace, by UID. */
  evictPod(ref: PodRef): Promise<'ok' | 'gone'>;
  /** A consistent read; undefined when there is none. */
  getPod(namespace: string, name: string): Promise<Pod | undefined>;
}

/** What pods that stay at home need besides. */
export interface HomePlacementWrites {
  /** Fails when the object has changed since it was read. */
  writeVolume(write: VolumeWrite): Promise<void>;
  nominate(ref: PodRef, node: NodeName | undefined): Promise<'ok' | 'gone'>;
  endPreempted(victim: PodRef): Promise<'ok' | 'gone'>;
}

interface NewShadow {
  readonly home: ClusterName;
  readonly pod: Pod;
  readonly place: ShadowPlace;
}

interface ShadowRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: PodUid;
}

/** What a host needs of its own API server. */
export interface HostWrites {
  createShadow(options: NewShadow): Promise<CreateOutcome>;
  /** As `createShadow`, but so that nothing is made. */
  tryShadow(options: NewShadow): Promise<TryOutcome>;
  patchShadow(options: ShadowRef & { readonly patch: GuestPatch }): Promise<PatchOutcome>;
  deleteShadow(options: ShadowRef & { readonly gracePeriodSeconds?: number }): Promise<void>;
}

/** Virtual nodes, in the own API server. */
export interface NodeWrites {
  keep(state: VirtualNodeState, now: Date): Promise<void>;
  remove(cluster: ClusterName): Promise<void>;
}

/** What is there only once the mesh runs. */
export interface Connection {
  negotiator(host: ClusterName): NegotiationClient;
  /** Returns how many bytes it took. */
  publish(advert: Advert): Promise<number>;
}

export interface DriverOptions {
  readonly agent: Pick<
    Agent,
    'step' | 'wakeAt' | 'receive' | 'openFeed' | 'closeFeed' | 'stop' | 'drained' | 'clusters'
  >;
  readonly epoch: number;
  readonly writes: HomeWrites & HostWrites;
  readonly placement: HomePlacementWrites;
  readonly nodes: NodeWrites;
  readonly reporter: Pick<
    Reporter,
    | 'begins'
    | 'ended'
    | 'failed'
    | 'reservedHere'
    | 'preempted'
    | 'published'
    | 'streamEnded'
    | 'notice'
  >;
  readonly clock: Clock;
  /** The machine broke an invariant and may be half changed: the process must end, and start again. */
  readonly onBroken: (error: unknown) => void;
}

interface OpenCall {
  answered(answer: Answer): void;
}

export class Driver implements NegotiationHandler {
  readonly #options: DriverOptions;
  readonly #timer: WakeTimer;
  readonly #calls = new Map<number, OpenCall>();
  readonly #watches = new Map<number, AbortController>();
  readonly #feedsEnd = new AbortController();
  #connection: Connection | undefined;
  #nextCall = 0;
  #drained: (() => void) | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#timer = new WakeTimer(options.clock, () => this.feed({ kind: 'tick' }));
  }

  /** Call before the first `feed` of `synced`. */
  connect(connection: Connection): void {
    this.#connection = connection;
  }

  feed(event: AgentEvent): void {
    const { agent, clock, onBroken } = this.#options;
    try {
      for (const effect of agent.step(event, clock.monotonicMs())) this.#perform(effect);
      this.#timer.set(agent.wakeAt(clock.monotonicMs()));
    } catch (error) {
      // Callers may catch it, as gRPC does.
      onBroken(error);
      throw error;
    }
    if (agent.drained) this.#drained?.();
  }

  /** An advert that the mesh has verified. */
  advert(advert: Advert, from: Member): Receipt {
    const { agent, clock } = this.#options;
    const receipt = agent.receive(advert, from, clock.monotonicMs());
    if (receipt === 'accepted') this.feed({ kind: 'tick' });
    return receipt;
  }

  /** From now on it emits nothing, and answers nobody. Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    const { agent } = this.#options;
    this.#timer.stop();
    agent.stop();
    this.#feedsEnd.abort();
    for (const watch of this.#watches.values()) watch.abort();
    const stopping = { fault: new Fault('Unavailable', 'this agent is stopping') };
    for (const call of this.#calls.values()) call.answered(stopping);
    this.#calls.clear();
    if (agent.drained) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  async reserve(caller: Member, request: ReserveRequest): Promise<ReserveAnswer> {
    const answer = await this.#answer('reserve', caller, request);
    this.#options.reporter.reservedHere(caller.cluster, request, answer);
    return answer;
  }

  async tryGuests(caller: Member, request: TryRequest): Promise<readonly TryResult[]> {
    return await this.#answer('tryGuests', caller, request);
  }

  async commit(caller: Member, request: CommitRequest): Promise<readonly CommitResult[]> {
    return await this.#answer('commit', caller, request);
  }

  async updateGuests(caller: Member, request: UpdateRequest): Promise<readonly UpdateResult[]> {
    return await this.#answer('updateGuests', caller, request);
  }

  async release(caller: Member, request: ReleaseRequest): Promise<void> {
    await this.#answer('release', caller, request);
  }

  async *watchGuests(
    caller: Member,
    request: WatchGuestsRequest,
    signal: CancelSignal,
  ): AsyncIterable<GuestUpdate> {
    const { agent } = this.#options;
    const feed = agent.openFeed(caller, request.homeEpoch);
    try {
      yield* readUntil(feed, [signal, this.#feedsEnd.signal]);
    } finally {
      agent.closeFeed(feed);
    }
  }

  async #answer<Kind extends Call['kind']>(
    kind: Kind,
    caller: Member,
    request: Extract<Call, { kind: Kind }>['request'],
  ): Promise<Answers[Kind]> {
    const call = this.#nextCall++;
    return await new Promise((resolve, reject) => {
      this.#calls.set(call, {
        answered: (answer) => {
          if ('fault' in answer) reject(answer.fault);
          else resolve(answer.value as Answers[Kind]);
        },
      });
      this.feed({ kind: 'call', call, caller, of: { kind, request } as Call });
    });
  }

  #perform(effect: AgentEffect): void {
    const { reporter } = this.#options;
    switch (effect.kind) {
      case 'perform':
        return void this.#work(effect.id, effect.work);
      case 'publish':
        return void this.#publish(effect.advert);
      case 'answer':
        this.#calls.get(effect.call)?.answered(effect.answer);
        this.#calls.delete(effect.call);
        return;
      case 'openGuests':
        return void this.#readGuests(effect.watch, effect.host);
      case 'closeGuests':
        this.#watches.get(effect.watch)?.abort();
        this.#watches.delete(effect.watch);
        return;
      case 'notice':
        return reporter.notice(effect.notice);
      default:
        return unreachable(effect);
    }
  }

  async #work(id: number, work: Work): Promise<void> {
    const { reporter } = this.#options;
    reporter.begins(work);
    let ended: Ended;
    try {
      ended = await this.#ended(work);
    } catch (error) {
      reporter.failed(work, error);
      ended = { kind: 'failed', fault: asFault(error) };
    }
    reporter.ended(work, ended);
    this.feed({ kind: 'ended', id, ended });
  }

  async #ended(work: Work): Promise<Ended> {
    const { writes, placement, nodes, clock } = this.#options;
    const { kind } = work;
    switch (kind) {
      case 'bindLocally':
        return { kind, value: await writes.bindPod(work.ref, work.node) };
      case 'bindAway': {
        const node = virtualNodeName(work.host) as NodeName;
        return { kind, value: await writes.bindPod(work.ref, node, work.annotations) };
      }
      case 'bindVolumes':
        for (const write of work.writes) await placement.writeVolume(write);
        return { kind, value: 'ok' };
      case 'preempt':
        await this.#preempt(work);
        return { kind, value: 'ok' };
      case 'unnominate':
        return { kind, value: await placement.nominate(work.ref, undefined) };
      case 'writeStatus':
        return { kind, value: await writes.patchPodStatus(work.ref, work.status) };
      case 'finalize':
        return { kind, value: await writes.finalizeDeletion(work.ref) };
      case 'evict':
        return { kind, value: await writes.evictPod(work.ref) };
      case 'checkOrphan':
        return { kind, value: await writes.getPod(work.ref.namespace, work.ref.name) };
      case 'reserve':
      case 'try':
      case 'commit':
      case 'update':
      case 'release':
        return await this.#called(work);
      case 'createShadow': {
        const { guest, pod, place } = work;
        return { kind, value: await writes.createShadow({ home: guest.home, pod, place }) };
      }
      case 'tryShadow':
        return { kind, value: await writes.tryShadow(work) };
      case 'patchShadow': {
        const { namespace, name, shadowUid: uid, patch } = work;
        return { kind, value: await writes.patchShadow({ namespace, name, uid, patch }) };
      }
      case 'deleteShadow': {
        const { namespace, name, shadowUid: uid, gracePeriodSeconds } = work;
        const grace = gracePeriodSeconds !== undefined && { gracePeriodSeconds };
        await writes.deleteShadow({ namespace, name, uid, ...grace });
        return { kind, value: 'ok' };
      }
      case 'keepNode':
        await nodes.keep(work.state, new Date(clock.wallMs()));
        return { kind, value: 'ok' };
      case 'removeNode':
        await nodes.remove(work.cluster);
        return { kind, value: 'ok' };
      default:
        return unreachable(work);
    }
  }

  async #preempt({ ref, node, victims }: WorkOf<'preempt'>): Promise<void> {
    const { placement, reporter } = this.#options;
    // First, so that an agent that dies in between ends no more pods than these.
    await placement.nominate(ref, node);
    for (const victim of victims) {
      if ((await placement.endPreempted(victim)) === 'ok') reporter.preempted(victim, ref, node);
    }
  }

  async #called(work: WorkOf<'reserve' | 'try' | 'commit' | 'update' | 'release'>): Promise<Ended> {
    const negotiator = this.#connected().negotiator(work.host);
    const { kind } = work;
    const deadline = { deadlineMs: callDeadlineMs[kind] };
    switch (kind) {
      case 'reserve':
        return { kind, value: await negotiator.reserve(work.request, deadline) };
      case 'try':
        return { kind, value: await negotiator.tryGuests(work.request, deadline) };
      case 'commit':
        return { kind, value: await negotiator.commit(work.request, deadline) };
      case 'update':
        return { kind, value: await negotiator.updateGuests(work.request, deadline) };
      case 'release': {
        const { reservations, guests } = work;
        const request = { homeEpoch: this.#options.epoch, reservations, guests };
        await negotiator.release(request, deadline);
        return { kind, value: 'ok' };
      }
      default:
        return unreachable(work);
    }
  }

  async #publish(advert: Advert): Promise<void> {
    const { agent, reporter } = this.#options;
    const connection = this.#connected();
    try {
      const payloadBytes = await connection.publish(advert);
      reporter.published(undefined);
      this.feed({ kind: 'published', payloadBytes, clusters: agent.clusters });
    } catch (error) {
      reporter.published(error);
    }
  }

  async #readGuests(watch: number, host: ClusterName): Promise<void> {
    const { epoch: homeEpoch, reporter } = this.#options;
    const controller = new AbortController();
    this.#watches.set(watch, controller);
    const { signal } = controller;
    try {
      const updates = this.#connected().negotiator(host).watchGuests({ homeEpoch }, { signal });
      for await (const update of updates) {
        if (signal.aborted) return;
        this.feed({ kind: 'guest', watch, update });
      }
    } catch (error) {
      if (!signal.aborted) reporter.streamEnded(host, error);
    } finally {
      this.#watches.delete(watch);
      if (!signal.aborted) this.feed({ kind: 'guestsClosed', watch });
    }
  }

  #connected(): Connection {
    if (this.#connection === undefined) throw new Fault('Internal', 'the mesh is not started yet');
    return this.#connection;
  }
}

async function* readUntil(
  feed: GuestFeed,
  ends: readonly CancelSignal[],
): AsyncIterable<GuestUpdate> {
  let wake: () => void = () => {};
  feed.onReady = () => wake();
  const end = (): void => wake();
  for (const signal of ends) signal.addEventListener('abort', end, { once: true });
  try {
    while (!ends.some(({ aborted }) => aborted)) {
      const update = feed.next();
      if (update !== undefined) {
        yield update;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    feed.onReady = () => {};
    for (const signal of ends) signal.removeEventListener('abort', end);
  }
}

function asFault(error: unknown): Fault {
  return new Fault(isFault(error) ? error.code : 'Internal', inWords(error), { cause: error });
}
