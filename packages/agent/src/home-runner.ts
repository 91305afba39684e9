/**
 * Runs the home machine: performs its effects against the home's API server and the neighbours, and
 * feeds back how each ended. Effects run side by side up to named bounds; nothing is retried here,
 * since the machine decides what is tried again and when.
 */
import {
  type ClusterName,
  type Clock,
  isFault,
  type MonotonicMs,
  type Pod,
  type PodUid,
  unreachable,
  virtualNodeName,
  type NodeName,
} from '@spillway/core';
import {
  type BindOutcome,
  type Home,
  type HomeEffect,
  type HomeEvent,
  type NegotiationClient,
  type PodRef,
  type VolumeWrite,
  type WriteOutcome,
  refusalText,
} from '@spillway/federation';
import type { Decision, DecisionLog } from './decision-log.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { Outbox } from './outbox.ts';
import type { PodOwnerNews } from './pod-news.ts';
import { WakeTimer } from './wake-timer.ts';

/** What the home needs of its own API server. Each call has a deadline of its own. */
export interface HomeWrites {
  bindPod(
    ref: PodRef,
    node: NodeName,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<Exclude<BindOutcome, 'failed'>>;
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

export interface HomeRunnerOptions {
  readonly home: Home;
  readonly writes: HomeWrites;
  readonly placement: HomePlacementWrites;
  readonly negotiator: (host: ClusterName) => NegotiationClient;
  readonly news: PodOwnerNews;
  readonly clock: Clock;
  readonly log: Log;
  readonly decisionLog: DecisionLog;
  readonly metrics: Metrics;
  readonly homeEpoch: number;
}

/** Bounds of what runs at once. Binding and status writes are small; 64 keep an API server busy. */
const bindsMax = 64;
const writesMax = 32;
const callsMax = 64;
const reserveDeadlineMs = 5_000;
/** A guest namespace may have to be made first. Less than a host holds what it has granted. */
const tryDeadlineMs = 8_000;
const commitDeadlineMs = 15_000;
const releaseDeadlineMs = 10_000;

export class HomeRunner {
  readonly #options: HomeRunnerOptions;
  readonly #outbox = new Outbox({ bind: bindsMax, write: writesMax, call: callsMax });
  readonly #timer: WakeTimer;
  /** First sight of each waiting pod, for the time to its shadow. */
  readonly #firstSeen = new Map<PodUid, MonotonicMs>();

  constructor(options: HomeRunnerOptions) {
    this.#options = options;
    this.#timer = new WakeTimer(options.clock, () => this.feed({ kind: 'tick' }));
  }

  feed(event: HomeEvent): void {
    if (this.#outbox.closed) return;
    const { home, clock } = this.#options;
    const now = clock.monotonicMs();
    if (event.kind === 'pod' && !event.pod.spec.nodeName) {
      const uid = event.pod.metadata.uid as PodUid;
      if (!this.#firstSeen.has(uid)) this.#firstSeen.set(uid, now);
    } else if (event.kind === 'podDeleted') {
      this.#firstSeen.delete(event.pod.metadata.uid as PodUid);
    }
    for (const effect of home.step(event, now)) this.#perform(effect);
    this.#timer.set(home.wakeAt());
  }

  /** From now on it emits nothing. Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#timer.stop();
    this.#outbox.close();
    await this.#outbox.drained();
  }

  #perform(effect: HomeEffect): void {
    const { decisionLog } = this.#options;
    switch (effect.kind) {
      case 'bindLocally':
        this.#outbox.send('bind', () => this.#bind(effect.ref, effect.node, 'boundLocally'));
        return;
      case 'bindAway': {
        const node = virtualNodeName(effect.host) as NodeName;
        this.#outbox.send('bind', () => this.#bind(effect.ref, node, 'boundAway', effect));
        return;
      }
      case 'bindVolumes':
        this.#outbox.send('bind', () => this.#bindVolumes(effect));
        return;
      case 'preempt':
        this.#outbox.send('write', () => this.#preempt(effect));
        return;
      case 'unnominate':
        this.#outbox.send('write', () =>
          this.#written('nomination', effect.ref, () =>
            this.#options.placement.nominate(effect.ref, undefined),
          ),
        );
        return;
      case 'reserve':
        this.#outbox.send('call', () => this.#reserve(effect));
        return;
      case 'try':
        this.#outbox.send('call', () => this.#try(effect));
        return;
      case 'commit':
        this.#outbox.send('call', () => this.#commit(effect));
        return;
      case 'update':
        this.#outbox.send('call', () => this.#update(effect));
        return;
      case 'release':
        this.#outbox.send('call', () => this.#release(effect));
        return;
      case 'writeStatus':
        this.#outbox.send('write', () => this.#writeStatus(effect));
        return;
      case 'finalize':
        this.#outbox.send('write', () => this.#finalize(effect.ref));
        return;
      case 'evict':
        this.#outbox.send('write', () => this.#evict(effect.ref));
        return;
      case 'checkOrphan':
        this.#outbox.send('call', () => this.#checkOrphan(effect));
        return;
      case 'giveBack':
        this.#gaveBack(effect);
        return;
      case 'explain':
        this.#options.news.explain(effect.ref, effect.message, { condition: effect.condition });
        decisionLog.say('waits', { pod: nameOf(effect.ref), reason: effect.message });
        return;
      case 'tell':
        this.#options.news.tell(effect);
        decisionLog.say(told[effect.reason], { pod: nameOf(effect.ref), reason: effect.message });
        return;
      default:
        return unreachable(effect);
    }
  }

  async #bind(
    ref: PodRef,
    node: NodeName,
    kind: 'boundLocally' | 'boundAway',
    away?: Extract<HomeEffect, { kind: 'bindAway' }>,
  ): Promise<void> {
    const { writes, log, decisionLog, metrics, news } = this.#options;
    let outcome: BindOutcome;
    try {
      outcome = await writes.bindPod(ref, node, away?.annotations);
    } catch (error) {
      log.warn({ pod: nameOf(ref), node, err: error }, 'binding failed; it is tried again');
      outcome = 'failed';
    }
    if (outcome === 'bound') {
      metrics.placed.inc({ where: kind === 'boundLocally' ? 'home' : 'neighbour' });
      news.bound(ref, node, away?.host);
      if (away !== undefined) decisionLog.say('bound', { pod: nameOf(ref), host: away.host });
    }
    this.feed({ kind, uid: ref.uid, outcome });
  }

  async #bindVolumes(effect: Extract<HomeEffect, { kind: 'bindVolumes' }>): Promise<void> {
    const { placement, log } = this.#options;
    const { ref } = effect;
    let outcome: 'ok' | 'failed' = 'ok';
    try {
      for (const write of effect.writes) await placement.writeVolume(write);
    } catch (error) {
      log.warn(
        { pod: nameOf(ref), err: error },
        'volumes were not written; the pod is placed again',
      );
      outcome = 'failed';
    }
    this.feed({ kind: 'volumesWritten', uid: ref.uid, outcome });
  }

  async #preempt(effect: Extract<HomeEffect, { kind: 'preempt' }>): Promise<void> {
    const { placement, log, decisionLog, news } = this.#options;
    const { ref, node, victims } = effect;
    let outcome: 'ok' | 'failed' = 'ok';
    try {
      // First, so that an agent that dies in between ends no more pods than these.
      await placement.nominate(ref, node);
      for (const victim of victims) {
        if ((await placement.endPreempted(victim)) === 'ok') news.preempted(victim, ref, node);
      }
      const ended = victims.map(nameOf);
      decisionLog.say('preempted', { pod: nameOf(ref), node, victims: ended });
    } catch (error) {
      log.warn({ pod: nameOf(ref), node, err: error }, 'preemption failed; it is tried again');
      outcome = 'failed';
    }
    this.feed({ kind: 'preempted', uid: ref.uid, outcome });
  }

  async #reserve({ host, request }: Extract<HomeEffect, { kind: 'reserve' }>): Promise<void> {
    const { negotiator, log, decisionLog, metrics } = this.#options;
    const { requestId } = request;
    try {
      const answer = await negotiator(host).reserve(request, { deadlineMs: reserveDeadlineMs });
      metrics.reservations.inc({ outcome: answer.granted > 0 ? 'granted' : 'refused' });
      if (answer.granted === 0) {
        const reason = refusalText(answer.verdicts);
        const { namespace, count: pods } = request;
        decisionLog.say('refusedThere', { host, namespace, pods, reason });
      }
      this.feed({ kind: 'reserved', requestId, host, answer });
    } catch (error) {
      metrics.reservations.inc({ outcome: codeOf(error) });
      log.info({ host, err: error }, 'neighbour could not be asked');
      const problem = `could not be asked (${codeOf(error)})`;
      this.feed({ kind: 'reserved', requestId, host, answer: undefined, problem });
    }
  }

  async #try({ host, tryId, request }: Extract<HomeEffect, { kind: 'try' }>): Promise<void> {
    const { negotiator, log, decisionLog, metrics } = this.#options;
    try {
      const results = await negotiator(host).tryGuests(request, { deadlineMs: tryDeadlineMs });
      for (const result of results) {
        metrics.tries.inc({ outcome: result.outcome });
        if (result.outcome !== 'refused') continue;
        decisionLog.say('refusedThere', { host, reason: result.verdict.reason });
      }
      this.feed({ kind: 'tried', tryId, host, results });
    } catch (error) {
      const unable = isFault(error, 'Unimplemented');
      const problem = codeOf(error);
      metrics.tries.inc({ outcome: problem });
      if (!unable) log.info({ host, err: error }, 'neighbour could not try pods');
      this.feed({ kind: 'tried', tryId, host, results: undefined, unable, problem });
    }
  }

  async #commit({ host, request }: Extract<HomeEffect, { kind: 'commit' }>): Promise<void> {
    const { negotiator, log, metrics, clock } = this.#options;
    const uids = request.pods.map((pod) => pod.metadata.uid as PodUid);
    try {
      const results = await negotiator(host).commit(request, { deadlineMs: commitDeadlineMs });
      const now = clock.monotonicMs();
      for (const result of results) {
        metrics.commits.inc({ outcome: result.outcome });
        const seen = this.#firstSeen.get(result.uid);
        if (result.outcome !== 'created' || seen === undefined) continue;
        this.#firstSeen.delete(result.uid);
        metrics.createdToShadow.observe((now - seen) / 1000);
      }
      this.feed({ kind: 'committed', host, uids, results });
    } catch (error) {
      metrics.commits.inc({ outcome: codeOf(error) }, uids.length);
      log.warn({ host, pods: uids.length, err: error }, 'commit failed; it is tried again');
      this.feed({ kind: 'committed', host, uids, results: undefined, problem: codeOf(error) });
    }
  }

  async #update({ host, request }: Extract<HomeEffect, { kind: 'update' }>): Promise<void> {
    const { negotiator, log } = this.#options;
    const { pods } = request;
    try {
      const results = await negotiator(host).updateGuests(request, {
        deadlineMs: commitDeadlineMs,
      });
      this.feed({ kind: 'updated', host, pods, results });
    } catch (error) {
      const unable = isFault(error, 'Unimplemented');
      log.info({ host, pods: pods.length, err: error }, 'neighbour could not change guests');
      this.feed({ kind: 'updated', host, pods, results: undefined, unable });
    }
  }

  async #release(effect: Extract<HomeEffect, { kind: 'release' }>): Promise<void> {
    const { negotiator, log, homeEpoch } = this.#options;
    const { host, reservations, guests } = effect;
    let outcome: 'ok' | 'failed' = 'ok';
    try {
      const request = { homeEpoch, reservations, guests };
      await negotiator(host).release(request, { deadlineMs: releaseDeadlineMs });
    } catch (error) {
      outcome = 'failed';
      log.info({ host, guests: guests.length, err: error }, 'release failed');
    }
    if (guests.length > 0) {
      this.feed({ kind: 'released', host, guests: guests.map(({ uid }) => uid), outcome });
    }
  }

  async #writeStatus({ ref, status }: Extract<HomeEffect, { kind: 'writeStatus' }>): Promise<void> {
    const outcome = await this.#written('status', ref, () =>
      this.#options.writes.patchPodStatus(ref, status),
    );
    this.feed({ kind: 'statusWritten', uid: ref.uid, outcome });
  }

  async #finalize(ref: PodRef): Promise<void> {
    const outcome = await this.#written('deletion', ref, () =>
      this.#options.writes.finalizeDeletion(ref),
    );
    this.feed({ kind: 'finalized', uid: ref.uid, outcome });
  }

  async #evict(ref: PodRef): Promise<void> {
    const outcome = await this.#written('eviction', ref, () => this.#options.writes.evictPod(ref));
    this.feed({ kind: 'evicted', uid: ref.uid, outcome });
  }

  async #checkOrphan({ host, ref }: Extract<HomeEffect, { kind: 'checkOrphan' }>): Promise<void> {
    const { writes, log } = this.#options;
    try {
      const pod = await writes.getPod(ref.namespace, ref.name);
      this.feed({ kind: 'orphanChecked', host, ref, pod });
    } catch (error) {
      // The machine asks again.
      log.warn({ host, pod: nameOf(ref), err: error }, 'owner of a guest could not be read');
    }
  }

  #gaveBack({ ref, host, owner }: Extract<HomeEffect, { kind: 'giveBack' }>): void {
    const { decisionLog, metrics } = this.#options;
    metrics.givenBack.inc({ host });
    decisionLog.say('givenBack', { pod: nameOf(ref), owner, node: virtualNodeName(host) });
  }

  async #written(
    what: string,
    ref: PodRef,
    write: () => Promise<'ok' | 'gone'>,
  ): Promise<WriteOutcome> {
    try {
      return await write();
    } catch (error) {
      this.#options.log.warn(
        { pod: nameOf(ref), what, err: error },
        'write failed; it is tried again',
      );
      return 'failed';
    }
  }
}

/** What pods' owners are told, as kinds of the log's lines. */
const told = {
  Offloading: 'bound',
  Offloaded: 'offloaded',
  NoEndpoint: 'noEndpoint',
  GuestRefused: 'guestRefused',
  GuestLost: 'guestLost',
  GuestEnded: 'guestLost',
  NotPlacedBySpillway: 'foreign',
} as const satisfies Readonly<Record<Extract<HomeEffect, { kind: 'tell' }>['reason'], Decision>>;

function nameOf({ namespace, name }: PodRef): string {
  return `${namespace}/${name}`;
}

function codeOf(error: unknown): string {
  return isFault(error) ? error.code : 'Internal';
}
