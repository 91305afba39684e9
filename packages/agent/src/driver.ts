/**
 * Runs the agent's machine (packages/agent-core) on real API servers and neighbours: performs what it asks
 * for, and tells it how that ended. It decides nothing: its constants are deadlines, its state is handles.
 */
import type {
  Agent,
  AgentEffect,
  AgentEvent,
  Answer,
  Answers,
  Call,
  Ended,
  Work,
} from '@spillway/agent-core';
import { type Clock, type ClusterName, Fault, isFault, unreachable } from '@spillway/core';
import type {
  Advert,
  CancelSignal,
  CommitRequest,
  CommitResult,
  GuestUpdate,
  Member,
  NegotiationHandler,
  Receipt,
  ReleaseRequest,
  ReserveAnswer,
  ReserveRequest,
  TryRequest,
  TryResult,
  UpdateRequest,
  UpdateResult,
  WatchGuestsRequest,
} from '@spillway/federation';
import { inWords } from '@spillway/kubernetes';
import type {
  Connection,
  HomePlacementWrites,
  HomeWrites,
  HostWrites,
  NodeWrites,
} from './driver-ports.ts';
import { readUntil } from './guest-feed-reader.ts';
import { perform } from './perform.ts';
import type { Reporter } from './reporting/reporter.ts';
import { WakeTimer } from './wake-timer.ts';

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

  /** From now on it emits nothing, and answers no call. Resolves when the work under way has ended. */
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
      ended = await perform(work, { ...this.#options, connected: () => this.#connected() });
    } catch (error) {
      reporter.failed(work, error);
      ended = { kind: 'failed', fault: asFault(error) };
    }
    reporter.ended(work, ended);
    this.feed({ kind: 'ended', id, ended });
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

function asFault(error: unknown): Fault {
  return new Fault(isFault(error) ? error.code : 'Internal', inWords(error), { cause: error });
}
