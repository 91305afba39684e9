/** What people see of an agent's work: log lines, metrics, and events on pods. Nothing follows from it. */
import {
  type ClusterEvent,
  type Clock,
  type ClusterName,
  isFault,
  type MonotonicMs,
  type NodeName,
  type Pod,
  type PodUid,
  virtualNodeName,
} from '@spillway/core';
import type { Ended, Notice, Work, WorkOf } from '@spillway/agent-core';
import {
  type CreateOutcome,
  createVerdict,
  type HomeEffect,
  type PodRef,
  type Receipt,
  refusalText,
  type ReserveAnswer,
  type ReserveRequest,
  type TryResult,
} from '@spillway/federation';
import { inWords } from '@spillway/kubernetes';
import type { Decision, DecisionLog } from './decision-log.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { PodEventRecorder } from './pod-event-recorder.ts';

export interface ReporterOptions {
  readonly news: Pick<PodEventRecorder, 'bound' | 'preempted' | 'explain' | 'tell'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly decisionLog: DecisionLog;
  readonly metrics: Metrics;
}

/** How long one line stands for all creations that fail (ms). */
const failedCreateLineMs = 2_000;

export class Reporter {
  readonly #options: ReporterOptions;
  /** First sight of each pod without a node, for the time to its shadow. */
  readonly #firstSeen = new Map<PodUid, MonotonicMs>();
  #failedCreates = { count: 0, nextLine: 0 };

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  watched({ kind, type, object }: ClusterEvent): void {
    if (kind !== 'Pod') return;
    const uid = object.metadata.uid as PodUid;
    if (type === 'deleted') this.#firstSeen.delete(uid);
    else if (!object.spec.nodeName && !this.#firstSeen.has(uid)) {
      this.#firstSeen.set(uid, this.#options.clock.monotonicMs());
    }
  }

  begins(work: Work): void {
    if (work.kind !== 'deleteShadow') return;
    const { guest, namespace, name } = work;
    const line = { home: guest.home, guest: `${namespace}/${name}` };
    this.#options.decisionLog.say('guestEnds', line);
  }

  ended(work: Work, ended: Ended): void {
    const { kind } = ended;
    if (kind === 'bindLocally' || kind === 'bindAway') {
      if (ended.value === 'bound') this.#bound(work as WorkOf<'bindLocally' | 'bindAway'>);
    } else if (kind === 'reserve') {
      this.#reservedThere(work as WorkOf<'reserve'>, ended.value);
    } else if (kind === 'try') {
      this.#triedThere(work as WorkOf<'try'>, ended.value);
    } else if (kind === 'commit') {
      for (const result of ended.value) {
        this.#options.metrics.commits.inc({ outcome: result.outcome });
        if (result.outcome === 'created') this.#shadowCreated(result.uid);
      }
    } else if (kind === 'removeNode') {
      const { cluster: neighbour } = work as WorkOf<'removeNode'>;
      this.#options.log.info({ neighbour }, 'neighbour gone for one day; removed its virtual node');
    } else if (kind === 'createShadow') {
      this.#createEnded(work as WorkOf<'createShadow'>, ended.value);
    }
  }

  failed(work: Work, error: unknown): void {
    const { log } = this.#options;
    switch (work.kind) {
      case 'reserve':
      case 'try':
      case 'commit':
      case 'update':
      case 'release':
        return this.#callFailed(work, error);
      case 'createShadow':
        return this.#createFailed(work, error);
      case 'tryShadow': {
        const { home, pod } = work;
        const { namespace } = pod.metadata;
        return log.info({ home, namespace, err: error }, 'guest could not be tried');
      }
      case 'keepNode':
      case 'removeNode': {
        const neighbour = work.kind === 'keepNode' ? work.state.cluster : work.cluster;
        return log.warn({ neighbour, err: error }, virtualNodeFailed[work.kind]);
      }
      case 'patchShadow':
      case 'deleteShadow': {
        const pod = `${work.namespace}/${work.name}`;
        return log.warn({ pod, what: work.kind, err: error }, 'write failed; retrying');
      }
      case 'bindLocally':
      case 'bindAway':
      case 'bindVolumes':
      case 'preempt':
      case 'unnominate':
      case 'writeStatus':
      case 'finalize':
      case 'evict':
      case 'checkOrphan': {
        const pod = nameOf(work.ref);
        return log.warn({ pod, what: work.kind, err: error }, 'write failed; retrying');
      }
    }
  }

  /** An advert of `neighbour` has come. */
  received(receipt: Receipt): void {
    this.#options.metrics.adverts.inc({ outcome: receipt });
  }

  connection(neighbour: ClusterName, state: 'connected' | 'disconnected'): void {
    this.#options.log.info({ neighbour, state }, 'connection');
  }

  rtt(neighbour: ClusterName, rttMs: number): void {
    this.#options.metrics.rttSeconds.set({ neighbour }, rttMs / 1_000);
  }

  moved(neighbour: ClusterName, path: string): void {
    this.#options.log.info({ neighbour, path }, 'connection path changed');
  }

  /** What a home that asked us for room was answered. */
  reservedHere(home: ClusterName, request: ReserveRequest, answer: ReserveAnswer): void {
    const { metrics, decisionLog } = this.#options;
    const { namespace, count: pods } = request;
    metrics.admissions.inc({ outcome: 'granted' }, answer.granted);
    metrics.admissions.inc({ outcome: 'refused' }, pods - answer.granted);
    if (answer.granted > 0) return;
    const reason = refusalText(answer.verdicts);
    decisionLog.say('refusedHere', { home, namespace, pods, reason });
  }

  preempted(victim: PodRef, by: PodRef, node: NodeName): void {
    this.#options.news.preempted(victim, by, node);
    const line = { pod: nameOf(by), node, victims: [nameOf(victim)] };
    this.#options.decisionLog.say('preempted', line);
  }

  /** `error`: undefined when it went out. */
  published(error: unknown): void {
    const { metrics, log } = this.#options;
    metrics.adverts.inc({ outcome: error === undefined ? 'sent' : 'failed' });
    if (error !== undefined) log.warn({ err: error }, 'advert could not be published');
  }

  streamEnded(host: ClusterName, error: unknown): void {
    this.#options.log.info({ host, err: error }, 'guest stream ended');
  }

  notice(notice: Notice): void {
    const { news, decisionLog, metrics, log } = this.#options;
    switch (notice.kind) {
      case 'explain': {
        const { ref, message: reason, condition } = notice;
        news.explain(ref, reason, { condition });
        return decisionLog.say('waits', { pod: nameOf(ref), reason });
      }
      case 'tell':
        news.tell(notice);
        return decisionLog.say(told[notice.reason], {
          pod: nameOf(notice.ref),
          reason: notice.message,
        });
      case 'giveBack': {
        const { ref, host, owner } = notice;
        metrics.givenBack.inc({ host });
        const node = virtualNodeName(host);
        return decisionLog.say('givenBack', { pod: nameOf(ref), owner, node });
      }
      case 'push': {
        if (notice.update.kind !== 'gone') return;
        const { uid, reason, message } = notice.update;
        return decisionLog.say('guestGone', { home: notice.home, uid, reason, message });
      }
      case 'livenessChanged': {
        const { cluster: neighbour, from, to } = notice;
        return log.info({ neighbour, from, to }, 'liveness of neighbour changed');
      }
      case 'forgotten':
        metrics.rttSeconds.remove({ neighbour: notice.cluster });
        return;
      case 'nodeDeleted':
        return decisionLog.say('nodeDeleted', { neighbour: notice.cluster });
    }
  }

  #bound(work: WorkOf<'bindLocally' | 'bindAway'>): void {
    const { metrics, news, decisionLog } = this.#options;
    const { ref } = work;
    if (work.kind === 'bindLocally') {
      metrics.placed.inc({ where: 'home' });
      return news.bound(ref, work.node, undefined);
    }
    metrics.placed.inc({ where: 'neighbour' });
    news.bound(ref, virtualNodeName(work.host) as NodeName, work.host);
    decisionLog.say('bound', { pod: nameOf(ref), host: work.host });
  }

  #reservedThere({ host, request }: WorkOf<'reserve'>, answer: ReserveAnswer): void {
    const { metrics, decisionLog } = this.#options;
    metrics.reservations.inc({ outcome: answer.granted > 0 ? 'granted' : 'refused' });
    if (answer.granted > 0) return;
    const { namespace, count: pods } = request;
    const reason = refusalText(answer.verdicts);
    decisionLog.say('refusedThere', { host, namespace, pods, reason });
  }

  #triedThere({ host }: WorkOf<'try'>, results: readonly TryResult[]): void {
    const { metrics, decisionLog } = this.#options;
    for (const result of results) {
      metrics.tries.inc({ outcome: result.outcome });
      if (result.outcome !== 'refused') continue;
      decisionLog.say('refusedThere', { host, reason: result.verdict.reason });
    }
  }

  #callFailed(
    work: WorkOf<'reserve' | 'try' | 'commit' | 'update' | 'release'>,
    error: unknown,
  ): void {
    const { log, metrics } = this.#options;
    const outcome = isFault(error) ? error.code : 'Internal';
    const line = { host: work.host, err: error };
    switch (work.kind) {
      case 'reserve':
        metrics.reservations.inc({ outcome });
        return log.info(line, 'neighbour could not be asked');
      case 'try':
        metrics.tries.inc({ outcome });
        if (outcome !== 'Unimplemented') log.info(line, 'neighbour could not try pods');
        return;
      case 'commit': {
        const pods = work.request.pods.length;
        metrics.commits.inc({ outcome }, pods);
        return log.warn({ ...line, pods }, 'commit failed; retrying');
      }
      case 'update': {
        const pods = work.request.pods.length;
        return log.info({ ...line, pods }, 'neighbour could not change guests');
      }
      case 'release':
        return log.info({ ...line, guests: work.guests.length }, 'release failed');
    }
  }

  #createEnded({ guest, pod, place }: WorkOf<'createShadow'>, outcome: CreateOutcome): void {
    const { decisionLog } = this.#options;
    const line = { home: guest.home, pod: guestName(pod), node: place.node };
    if (outcome.kind === 'created') decisionLog.say('guestCreated', line);
    else if (outcome.kind !== 'exists') {
      decisionLog.say('guestRejected', { ...line, reason: createVerdict(outcome).reason });
    }
  }

  #shadowCreated(uid: PodUid): void {
    const { metrics, clock } = this.#options;
    const seen = this.#firstSeen.get(uid);
    if (seen === undefined) return;
    this.#firstSeen.delete(uid);
    metrics.createdToShadow.observe((clock.monotonicMs() - seen) / 1_000);
  }

  /** One line for many: what fails for one pod, such as an API server that is down, fails for all. */
  #createFailed({ guest, pod, place }: WorkOf<'createShadow'>, error: unknown): void {
    const { log, clock, decisionLog } = this.#options;
    const { home } = guest;
    decisionLog.say('guestRejected', {
      home,
      pod: guestName(pod),
      node: place.node,
      reason: inWords(error),
    });
    const now = clock.monotonicMs();
    this.#failedCreates.count += 1;
    if (now < this.#failedCreates.nextLine) return;
    const { count: shadows } = this.#failedCreates;
    log.warn({ home, shadows, err: error }, 'shadows could not be created');
    this.#failedCreates = { count: 0, nextLine: now + failedCreateLineMs };
  }
}

const virtualNodeFailed = {
  keepNode: 'virtual node could not be written; retrying',
  removeNode: 'virtual node could not be removed',
} as const;

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

/** As its home knows it. */
function guestName({ metadata: { namespace = 'default', name = '' } }: Pod): string {
  return `${namespace}/${name}`;
}

function nameOf({ namespace, name }: PodRef): string {
  return `${namespace}/${name}`;
}
