/**
 * What the hosts' guest streams show. A guest that was known to exist before a stream was opened, and that
 * the stream has not shown by `synced`, is lost. A guest of no pod that is known is an orphan, once the API
 * server of the home has said so.
 */
import {
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodStatus,
  virtualNodeName,
} from '@spillway/core';
import { contradicts, endedByHost } from '../../offload/mirrored-status.ts';
import type { GuestUpdate } from '../../negotiation.ts';
import { type PodRef, refOf } from '../events.ts';
import type { Arrivals } from './arrivals.ts';
import type { OffloadCalls } from './calls.ts';
import { type Endings, guestLost } from './endings.ts';
import type { OffloadedEntries } from './entries.ts';
import type { GuestStreams } from './guest-streams.ts';
import { isProbing, type OffloadedPod } from './offloaded-pod.ts';
import type { OffloadOptions } from './options.ts';
import { OrphanChecks } from './orphan-checks.ts';
import type { StatusMirror } from './status-mirror.ts';
import { tellOffloaded } from './tell-offloaded.ts';
import type { OffloadUpdates } from './updates.ts';

export interface GuestNewsOptions
  extends Pick<OffloadOptions, 'emit' | 'joined' | 'random' | 'seals'> {
  readonly entries: OffloadedEntries;
  readonly streams: GuestStreams;
  readonly calls: OffloadCalls;
  readonly mirror: StatusMirror;
  readonly endings: Endings;
  readonly arrivals: Arrivals;
  readonly updates: OffloadUpdates;
}

export class GuestNews {
  readonly #options: GuestNewsOptions;
  readonly #orphans: OrphanChecks;

  constructor(options: GuestNewsOptions) {
    this.#options = options;
    this.#orphans = new OrphanChecks(options.random, options.emit);
  }

  stream(host: ClusterName, state: 'opening' | 'closed'): void {
    const { streams, entries } = this.#options;
    if (state === 'closed') streams.closed(host);
    else streams.opening(host, entries.existingAt(host));
  }

  guest(host: ClusterName, update: GuestUpdate): void {
    const { streams, entries, endings } = this.#options;
    if (update.kind === 'synced') return this.#synced(host);
    streams.seen(host, update.uid);
    const entry = entries.at(host, update.uid);
    if (update.kind === 'gone') {
      if (entry !== undefined) endings.guestGone(entry, update);
    } else if (entry === undefined) {
      const { namespace, name, uid } = update;
      this.#orphans.ask(host, { namespace, name, uid });
    } else this.#shown(entry, update.terminating ? endedByHost(update.status) : update.status);
  }

  /** The home's API server has answered whether the owner of an unknown guest exists. */
  orphanChecked(host: ClusterName, ref: PodRef, pod: Pod | undefined): void {
    const { entries, arrivals, seals } = this.#options;
    this.#orphans.answered(ref.uid);
    if (entries.at(host, ref.uid) !== undefined) return;
    const owned = pod !== undefined && refOf(pod).uid === ref.uid;
    if (!owned || pod.spec.nodeName !== virtualNodeName(host)) {
      entries.adoptOrphan(ref, host);
    } else if (entries.get(ref.uid) === undefined && !seals.holds(pod, host)) {
      arrivals.shownFirst(pod, host);
    }
    // A pod with our seal comes, or has come, by the watch.
  }

  tick(now: MonotonicMs): void {
    this.#orphans.tick(now);
  }

  wakeAt(): MonotonicMs | undefined {
    return this.#orphans.wakeAt();
  }

  /** The host has shown all its guests, so it answers. What waits for a back-off is tried now. */
  #synced(host: ClusterName): void {
    const { streams, entries } = this.#options;
    for (const uid of streams.synced(host)) {
      const entry = entries.at(host, uid);
      if (entry !== undefined) this.#missing(entry);
    }
    entries.retryNow(host);
  }

  /**
   * The host had no guest of the pod when it listed its guests. A commit may still make one. If a commit is
   * under way, the next one tells. If the answer to one was lost, the pod is given up.
   */
  #missing(entry: OffloadedPod): void {
    const { endings } = this.#options;
    if (entry.state === 'running' && entry.call === 'commit') return entry.guestOn('missing');
    const why = guestLost(entry.host);
    if (isProbing(entry)) endings.giveUp(entry, why);
    else endings.guestGone(entry, why);
  }

  /** The guest exists. If its pod has ended here, or was given up, it must go. */
  #shown(entry: OffloadedPod, status: PodStatus): void {
    const { entries, calls, mirror, updates } = this.#options;
    const isNew = entry.state === 'committing' || entry.state === 'foreign';
    // The stream is faster than the answer to the commit.
    if (entry.state === 'committing') tellOffloaded(entry, this.#options);
    entry.guestOn('shown');
    entry.on('guestShown');
    entry.foreign = false;
    entry.shown = status;
    entry.wasThere = true;
    entry.problem = undefined;
    if (isNew) {
      entry.retryAt = undefined;
      // The slot of a commit under way is settled when that ends.
      if (entry.call === undefined) calls.settle(entry, true);
    }
    if (contradicts(entry.pod.status, status) && entry.state !== 'ending') {
      entry.guestOn('unwanted');
      entries.due(entry);
    } else {
      mirror.tellIfEndedThere(entry, status);
      mirror.mirror(entry, status);
    }
    // It may have been changed since it was committed.
    if (updates.isStale(entry)) entries.due(entry);
  }
}
