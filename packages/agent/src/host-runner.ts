/**
 * Runs the host machine: answers neighbours' calls by it, performs its effects against the host's
 * API server, and keeps each home's guest stream fed.
 */
import {
  type Clock,
  type ClusterName,
  Fault,
  type Pod,
  type PodUid,
  unreachable,
} from '@spillway/core';
import {
  type CancelSignal,
  type CommitRequest,
  type CommitResult,
  type CreateOutcome,
  type GuestUpdate,
  type Host,
  type HostEffect,
  type HostEvent,
  type Member,
  type NegotiationHandler,
  createVerdict,
  type ReleaseRequest,
  type ReserveAnswer,
  type ReserveRequest,
  type ShadowPlace,
  type TryOutcome,
  type TryRequest,
  type TryResult,
  refusalText,
  type GuestPatch,
  type PatchOutcome,
  type UpdateRequest,
  type UpdateResult,
  type WatchGuestsRequest,
} from '@spillway/federation';
import { inWords } from '@spillway/kubernetes';
import { GuestFeed } from './guest-feed.ts';
import type { DecisionLog } from './decision-log.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { Outbox } from './outbox.ts';
import { WakeTimer } from './wake-timer.ts';

/** What the host needs of its own API server. */
export interface HostWrites {
  createShadow(options: {
    readonly home: ClusterName;
    readonly pod: Pod;
    readonly place: ShadowPlace;
  }): Promise<CreateOutcome>;
  patchShadow(options: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: PodUid;
    readonly patch: GuestPatch;
  }): Promise<PatchOutcome>;
  deleteShadow(options: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: PodUid;
    readonly gracePeriodSeconds?: number;
  }): Promise<void>;
  /** As `createShadow`, but so that nothing is made. */
  tryShadow(options: {
    readonly home: ClusterName;
    readonly pod: Pod;
    readonly place: ShadowPlace;
  }): Promise<TryOutcome>;
}

export interface HostRunnerOptions {
  readonly host: Host;
  readonly writes: HostWrites;
  readonly clock: Clock;
  readonly log: Log;
  readonly decisionLog: DecisionLog;
  readonly metrics: Metrics;
  /** False until the caches are whole: until then nobody is answered. */
  readonly ready: () => boolean;
}

const createsMax = 64;
/** Fewer than creations: whoever tries has bound nothing yet. */
const triesMax = 16;
const deletesMax = 32;
const failedCreateLineMs = 2_000;
/** A call under way. What it resolves with is known to whoever made it. */
interface Call {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

type WithoutCall<Event> = Event extends unknown ? Omit<Event, 'call'> : never;
type CallEvent = WithoutCall<Extract<HostEvent, { readonly call: number }>>;

export class HostRunner implements NegotiationHandler {
  readonly #options: HostRunnerOptions;
  readonly #outbox = new Outbox({ create: createsMax, try: triesMax, delete: deletesMax });
  readonly #timer: WakeTimer;
  readonly #calls = new Map<number, Call>();
  readonly #feeds = new Map<ClusterName, Set<GuestFeed>>();
  #nextCall = 0;
  #failedCreates = { count: 0, nextLine: 0 };

  constructor(options: HostRunnerOptions) {
    this.#options = options;
    this.#timer = new WakeTimer(options.clock, () => this.feed({ kind: 'tick' }));
  }

  feed(event: HostEvent): void {
    if (this.#outbox.closed) return;
    const { host, clock } = this.#options;
    for (const effect of host.step(event, clock.monotonicMs())) this.#perform(effect);
    this.#timer.set(host.wakeAt());
  }

  /** From now on it emits nothing, and answers nobody. Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#timer.stop();
    this.#outbox.close();
    for (const feeds of this.#feeds.values()) for (const feed of feeds) feed.close();
    await this.#outbox.drained();
  }

  async reserve(caller: Member, request: ReserveRequest): Promise<ReserveAnswer> {
    this.#requireReady();
    const answer = await this.#served<ReserveAnswer>({ kind: 'reserve', caller, request });
    const { metrics, decisionLog } = this.#options;
    metrics.admissions.inc({ outcome: 'granted' }, answer.granted);
    metrics.admissions.inc({ outcome: 'refused' }, request.count - answer.granted);
    if (answer.granted === 0) {
      const { namespace, count: pods } = request;
      const reason = refusalText(answer.verdicts);
      decisionLog.say('refusedHere', { home: caller.cluster, namespace, pods, reason });
    }
    return answer;
  }

  async tryGuests(caller: Member, request: TryRequest): Promise<readonly TryResult[]> {
    this.#requireReady();
    return await this.#served({ kind: 'tryGuests', caller, request });
  }

  async commit(caller: Member, request: CommitRequest): Promise<readonly CommitResult[]> {
    this.#requireReady();
    return await this.#served({ kind: 'commit', caller, request });
  }

  async updateGuests(caller: Member, request: UpdateRequest): Promise<readonly UpdateResult[]> {
    this.#requireReady();
    return await this.#served({ kind: 'updateGuests', caller, request });
  }

  async release(caller: Member, request: ReleaseRequest): Promise<void> {
    this.#requireReady();
    this.feed({ kind: 'release', caller, request });
  }

  async *watchGuests(
    caller: Member,
    request: WatchGuestsRequest,
    signal: CancelSignal,
  ): AsyncIterable<GuestUpdate> {
    this.#requireReady();
    const feed = new GuestFeed(this.#options.host.picture(caller, request.homeEpoch));
    const feeds = this.#feeds.get(caller.cluster) ?? new Set();
    this.#feeds.set(caller.cluster, feeds.add(feed));
    const close = (): void => feed.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      yield* feed;
    } finally {
      signal.removeEventListener('abort', close);
      feeds.delete(feed);
    }
  }

  /** Feeds a call to the machine, which answers it when it can. */
  async #served<Result>(request: CallEvent): Promise<Result> {
    const call = this.#nextCall++;
    return await new Promise<Result>((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      try {
        this.feed({ ...request, call });
      } catch (error) {
        this.#calls.delete(call);
        reject(error);
      }
    });
  }

  #answer(call: number, result: unknown): void {
    this.#calls.get(call)?.resolve(result as never);
    this.#calls.delete(call);
  }

  #perform(effect: HostEffect): void {
    const { decisionLog } = this.#options;
    switch (effect.kind) {
      case 'reserveReply':
        return this.#answer(effect.call, effect.answer);
      case 'reply':
      case 'tryReply':
      case 'updateReply':
        return this.#answer(effect.call, effect.results);
      case 'refuseCall':
        this.#calls.get(effect.call)?.reject(effect.fault);
        this.#calls.delete(effect.call);
        return;
      case 'patch':
        this.#outbox.send('create', () => this.#patch(effect));
        return;
      case 'try':
        this.#outbox.send('try', () => this.#try(effect));
        return;
      case 'create':
        this.#outbox.send('create', () => this.#create(effect));
        return;
      case 'delete':
        decisionLog.say('guestEnds', {
          home: effect.guest.home,
          guest: `${effect.namespace}/${effect.name}`,
        });
        this.#outbox.send('delete', () => this.#delete(effect));
        return;
      case 'push':
        for (const feed of this.#feeds.get(effect.home) ?? []) feed.push(effect.update);
        if (effect.update.kind === 'gone') {
          const { uid, reason, message } = effect.update;
          decisionLog.say('guestGone', { home: effect.home, uid, reason, message });
        }
        return;
      default:
        return unreachable(effect);
    }
  }

  async #create({ guest, pod, place }: Extract<HostEffect, { kind: 'create' }>): Promise<void> {
    const { writes, decisionLog } = this.#options;
    let outcome: CreateOutcome;
    try {
      outcome = await writes.createShadow({ home: guest.home, pod, place });
    } catch (error) {
      this.#tellOfFailedCreate(guest.home, error);
      outcome = { kind: 'failed', reason: inWords(error) };
    }
    const line = { home: guest.home, pod: guestName(pod), node: place.node };
    if (outcome.kind === 'created') decisionLog.say('guestCreated', line);
    else if (outcome.kind !== 'exists')
      decisionLog.say('guestRejected', { ...line, reason: createVerdict(outcome).reason });
    this.feed({ kind: 'created', guest, outcome });
  }

  async #try({ id, home, pod, place }: Extract<HostEffect, { kind: 'try' }>): Promise<void> {
    let outcome: TryOutcome;
    try {
      outcome = await this.#options.writes.tryShadow({ home, pod, place });
    } catch (error) {
      const { log } = this.#options;
      log.info({ home, namespace: pod.metadata.namespace, err: error }, 'guest could not be tried');
      outcome = { kind: 'failed', reason: 'its API server could not be asked' };
    }
    this.feed({ kind: 'tried', id, outcome });
  }

  async #patch(effect: Extract<HostEffect, { kind: 'patch' }>): Promise<void> {
    const { guest, namespace, name, shadowUid: uid, patch } = effect;
    let outcome: PatchOutcome;
    try {
      outcome = await this.#options.writes.patchShadow({ namespace, name, uid, patch });
    } catch (error) {
      this.#options.log.info({ namespace, pod: name, err: error }, 'shadow could not be changed');
      outcome = { kind: 'failed', reason: 'its API server could not be asked' };
    }
    this.feed({ kind: 'patched', guest, outcome });
  }

  /** One line for many: what fails for one pod, such as an API server that is down, fails for all. */
  #tellOfFailedCreate(home: ClusterName, error: unknown): void {
    const { log, clock } = this.#options;
    const now = clock.monotonicMs();
    this.#failedCreates.count += 1;
    if (now < this.#failedCreates.nextLine) return;
    log.warn(
      { home, shadows: this.#failedCreates.count, err: error },
      'shadows could not be created',
    );
    this.#failedCreates = { count: 0, nextLine: now + failedCreateLineMs };
  }

  async #delete(effect: Extract<HostEffect, { kind: 'delete' }>): Promise<void> {
    const { writes, log } = this.#options;
    const { guest, namespace, name, shadowUid: uid, gracePeriodSeconds } = effect;
    const grace = gracePeriodSeconds !== undefined && { gracePeriodSeconds };
    let outcome: 'ok' | 'failed' = 'ok';
    try {
      await writes.deleteShadow({ namespace, name, uid, ...grace });
    } catch (error) {
      log.warn({ namespace, pod: name, err: error }, 'shadow could not be deleted; it is retried');
      outcome = 'failed';
    }
    this.feed({ kind: 'deleted', guest, shadowUid: uid, outcome });
  }

  #requireReady(): void {
    if (this.#outbox.closed) throw new Fault('Unavailable', 'this agent is stopping');
    if (!this.#options.ready()) {
      throw new Fault('Unavailable', 'this host is starting: its caches are not whole yet');
    }
  }
}

/** As its home knows it. */
function guestName({ metadata: { namespace = 'default', name = '' } }: Pod): string {
  return `${namespace}/${name}`;
}
