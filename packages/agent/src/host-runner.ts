/**
 * Runs the host machine: answers neighbours' calls by it, performs its effects against the host's
 * API server, and keeps each home's guest stream fed.
 */
import {
  type Clock,
  type ClusterName,
  Fault,
  type NodeName,
  type Pod,
  type PodUid,
  unreachable,
  type Verdict,
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
import type { OwnPods } from './own-pods.ts';
import { WakeTimer } from './wake-timer.ts';

/** What the host needs of its own API server. */
export interface HostWrites {
  createShadow(options: {
    readonly home: ClusterName;
    readonly pod: Pod;
    readonly node: NodeName;
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
    readonly node: NodeName;
  }): Promise<TryOutcome>;
}

export interface HostRunnerOptions {
  readonly host: Host;
  readonly ownPods: OwnPods;
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
const deleteRetryMs = 2_000;
const failedCreateLineMs = 2_000;
/** How long guests wait while the host's own scheduler decides on pods of its own. */
const reservePatienceMs = 500;
const commitPatienceMs = 2_000;

const ownPodsFirst: Verdict = {
  code: 'Unschedulable',
  reason: 'is placing pods of its own',
  stage: 'OwnPods',
};

export class HostRunner implements NegotiationHandler {
  readonly #options: HostRunnerOptions;
  readonly #outbox = new Outbox({ create: createsMax, try: triesMax, delete: deletesMax });
  readonly #timer: WakeTimer;
  readonly #calls = new Map<number, (results: readonly CommitResult[]) => void>();
  readonly #updateCalls = new Map<number, (results: readonly UpdateResult[]) => void>();
  readonly #tryCalls = new Map<number, (results: readonly TryResult[]) => void>();
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
    const answer = await this.#reserve(caller, request);
    if (answer.granted === 0) {
      const { namespace, count: pods } = request;
      const reason = refusalText(answer.verdicts);
      this.#options.decisionLog.say('refusedHere', {
        home: caller.cluster,
        namespace,
        pods,
        reason,
      });
    }
    return answer;
  }

  async #reserve(caller: Member, request: ReserveRequest): Promise<ReserveAnswer> {
    this.#requireReady();
    const { host, clock, metrics } = this.#options;
    const { ownPods } = this.#options;
    if (!(await ownPods.decided(reservePatienceMs)))
      return { granted: 0, verdicts: [ownPodsFirst] };
    const answer = host.reserve(caller, request, clock.monotonicMs());
    metrics.admissions.inc({ outcome: 'granted' }, answer.granted);
    metrics.admissions.inc({ outcome: 'refused' }, request.count - answer.granted);
    this.#timer.set(host.wakeAt());
    return answer;
  }

  async tryGuests(caller: Member, request: TryRequest): Promise<readonly TryResult[]> {
    this.#requireReady();
    return await this.#served(this.#tryCalls, (call) =>
      this.feed({ kind: 'tryGuests', call, caller, request }),
    );
  }

  async commit(caller: Member, request: CommitRequest): Promise<readonly CommitResult[]> {
    this.#requireReady();
    await this.#options.ownPods.decided(commitPatienceMs);
    return await this.#served(this.#calls, (call) =>
      this.feed({ kind: 'commit', call, caller, request }),
    );
  }

  async updateGuests(caller: Member, request: UpdateRequest): Promise<readonly UpdateResult[]> {
    this.#requireReady();
    return await this.#served(this.#updateCalls, (call) =>
      this.feed({ kind: 'updateGuests', call, caller, request }),
    );
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
  async #served<Results>(
    calls: Map<number, (results: Results) => void>,
    feed: (call: number) => void,
  ): Promise<Results> {
    const call = this.#nextCall++;
    return await new Promise((resolve, reject) => {
      calls.set(call, resolve);
      try {
        feed(call);
      } catch (error) {
        calls.delete(call);
        reject(error);
      }
    });
  }

  #perform(effect: HostEffect): void {
    const { decisionLog } = this.#options;
    switch (effect.kind) {
      case 'updateReply':
        this.#updateCalls.get(effect.call)?.(effect.results);
        this.#updateCalls.delete(effect.call);
        return;
      case 'patch':
        this.#outbox.send('create', () => this.#patch(effect));
        return;
      case 'tryReply':
        this.#tryCalls.get(effect.call)?.(effect.results);
        this.#tryCalls.delete(effect.call);
        return;
      case 'try':
        this.#outbox.send('try', () => this.#try(effect));
        return;
      case 'reply':
        this.#calls.get(effect.call)?.(effect.results);
        this.#calls.delete(effect.call);
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

  async #create({ guest, pod, node }: Extract<HostEffect, { kind: 'create' }>): Promise<void> {
    const { writes, decisionLog } = this.#options;
    let outcome: CreateOutcome;
    try {
      outcome = await writes.createShadow({ home: guest.home, pod, node });
    } catch (error) {
      this.#tellOfFailedCreate(guest.home, error);
      outcome = { kind: 'failed', reason: inWords(error) };
    }
    const line = { home: guest.home, pod: guestName(pod), node };
    if (outcome.kind === 'created') decisionLog.say('guestCreated', line);
    else if (outcome.kind !== 'exists')
      decisionLog.say('guestRejected', { ...line, reason: createVerdict(outcome).reason });
    this.feed({ kind: 'created', guest, outcome });
  }

  async #try({ id, home, pod, node }: Extract<HostEffect, { kind: 'try' }>): Promise<void> {
    let outcome: TryOutcome;
    try {
      outcome = await this.#options.writes.tryShadow({ home, pod, node });
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
    const { namespace, name, shadowUid: uid, gracePeriodSeconds } = effect;
    try {
      await writes.deleteShadow({
        namespace,
        name,
        uid,
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      });
    } catch (error) {
      log.warn(
        { namespace, pod: name, err: error },
        'shadow could not be deleted; it is tried again',
      );
      setTimeout(
        () => this.#outbox.send('delete', () => this.#delete(effect)),
        deleteRetryMs,
      ).unref();
    }
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
