/** What becomes of a pod when its host has answered a commit. */
import type { MonotonicMs, Verdict } from '@spillway/core';
import type { CommitResult } from '../../negotiation.ts';
import type { HomeEvent } from '../events.ts';
import type { OffloadCalls } from './calls.ts';
import { type Endings, guestLost } from './endings.ts';
import type { OffloadedEntries } from './entries.ts';
import { isProbing, type OffloadedPod } from './offloaded-pod.ts';
import { type OffloadOptions, tell } from './options.ts';
import { tellOffloaded } from './tell-offloaded.ts';

export interface CommitsOptions
  extends Pick<OffloadOptions, 'config' | 'emit' | 'joined' | 'tried'> {
  readonly entries: OffloadedEntries;
  readonly calls: OffloadCalls;
  readonly endings: Endings;
}

export class Commits {
  readonly #options: CommitsOptions;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  answered(event: Extract<HomeEvent, { kind: 'committed' }>, now: MonotonicMs): void {
    const { calls, entries } = this.#options;
    calls.committed(event.host);
    const results = new Map(event.results?.map((result) => [result.uid, result]));
    for (const uid of event.uids) {
      const entry = entries.at(event.host, uid);
      if (!entry?.ended('commit')) continue;
      entries.due(entry);
      const result = results.get(uid);
      // Without an answer it is committed again, unless its guest was shown meanwhile, or it ends.
      if (result !== undefined) calls.settle(entry, result.outcome === 'created');
      else if (entry.state !== 'committing') calls.settle(entry, entry.wasThere);
      if (entry.state !== 'committing' && !isProbing(entry)) continue;
      if (result === undefined) entries.retryLater(entry, now);
      else this.#ended(entry, result, now);
    }
  }

  #ended(entry: OffloadedPod, result: CommitResult, now: MonotonicMs): void {
    const { endings } = this.#options;
    if (result.outcome === 'created') return this.#created(entry, now);
    if (result.outcome === 'ended') {
      const message = `ended at ${entry.host}: ${result.reason}`;
      return endings.guestGone(entry, { reason: 'GuestEnded', message });
    }
    if (isProbing(entry)) return endings.giveUp(entry, guestLost(entry.host));
    this.#refused(entry, result.verdict, now);
  }

  #created(entry: OffloadedPod, now: MonotonicMs): void {
    if (entry.state === 'committing') {
      entry.backoff.reset();
      tellOffloaded(entry, this.#options);
    }
    entry.on('created');
    entry.wasThere = true;
    entry.problem = undefined;
    // The guest may end before the stream that is being opened lists the guests. Then no update would say so.
    entry.guestOn('created');
    this.#options.entries.retryLater(entry, now);
  }

  /**
   * The host does not take it after all. A binding can't be taken back. So the pod fails, as a pod does that
   * a kubelet rejects. It fails after `refusedPatienceMs`, or at once if waiting does not help and a
   * controller replaces it. Its template is not sent there again for some time (tried-templates.ts).
   */
  #refused(entry: OffloadedPod, { code, reason }: Verdict, now: MonotonicMs): void {
    const { config, emit, endings, entries, tried } = this.#options;
    const { host, pod } = entry;
    const lasting = code === 'UnschedulableAndUnresolvable';
    const replaced = pod.metadata.ownerReferences?.some(({ controller }) => controller);
    const patienceMs = lasting && replaced ? 0 : config.refusedPatienceMs;
    entry.problem = reason;
    if (entry.refusedSince === undefined) {
      entry.refusedSince = now;
      const message = `${host} refuses it for now: ${reason}`;
      if (patienceMs > 0) tell(entry, { reason: 'GuestRefused', message, warning: true }, emit);
      if (lasting) tried.refusedBound(entry, reason, now);
    }
    if (now - entry.refusedSince >= patienceMs) {
      const message = `${host} refused it: ${reason}`;
      return endings.giveUp(entry, { reason: 'GuestRefused', message });
    }
    entry.on('refused');
    entries.retryLater(entry, now);
  }
}
