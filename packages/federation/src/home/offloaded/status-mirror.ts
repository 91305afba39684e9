/**
 * The status of a guest, written on its pod at home. At most one write of a pod is under way; newer
 * statuses wait for its end, and only the newest of them is written.
 */
import type { MonotonicMs, PodStatus } from '@spillway/core';
import { drifted, isTerminal, mirroredStatus } from '../../offload/mirrored-status.ts';
import type { HomeEvent } from '../events.ts';
import type { OffloadedEntries } from './entries.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import { type OffloadOptions, tell } from './options.ts';

export interface StatusMirrorOptions extends Pick<OffloadOptions, 'emit' | 'joined'> {
  readonly entries: OffloadedEntries;
  /** The pod's last status is written. */
  readonly finished: (entry: OffloadedPod) => void;
}

export class StatusMirror {
  readonly #options: StatusMirrorOptions;

  constructor(options: StatusMirrorOptions) {
    this.#options = options;
  }

  /** Whether what we write is newer than what the watch shows. */
  isAhead({ writing, unwritten }: OffloadedPod): boolean {
    return writing !== undefined || unwritten !== undefined;
  }

  /** The pod is to have the status of its guest, as far as that is a kubelet's to say. */
  mirror(entry: OffloadedPod, status: PodStatus): void {
    if (entry.state === 'finished' || entry.homePod === 'gone') return;
    // A status without a phase says only that the guest exists.
    const joined = this.#options.joined(entry.host);
    const mirrored = status.phase && mirroredStatus(entry.pod, status, joined);
    if (!mirrored) return;
    // News goes out at once, even during a back-off.
    entry.retryAt = undefined;
    entry.unwritten = mirrored;
    entry.pod = { ...entry.pod, status: { ...entry.pod.status, ...mirrored } };
    if (isTerminal(mirrored) && entry.state !== 'closing' && entry.state !== 'ending') {
      entry.on('guestEnded');
    }
    this.#options.entries.due(entry);
  }

  /** Writes again what the watch shows otherwise: an older write came late, or something else wrote over it. */
  correct(entry: OffloadedPod): void {
    if (this.isAhead(entry)) return;
    if (entry.final !== undefined) {
      entry.unwritten = entry.final;
      this.#options.entries.due(entry);
    } else if (entry.shown && drifted(entry.pod, entry.shown)) {
      this.mirror(entry, entry.shown);
    }
  }

  /** Sends the newest status, if none is on its way. */
  write(entry: OffloadedPod): void {
    const { ref, unwritten: status } = entry;
    if (status === undefined || entry.writing !== undefined) return;
    entry.writing = status;
    entry.unwritten = undefined;
    this.#options.emit({ kind: 'writeStatus', ref, status });
  }

  written(event: Extract<HomeEvent, { kind: 'statusWritten' }>, now: MonotonicMs): void {
    const { entries, finished } = this.#options;
    const entry = entries.get(event.uid);
    const written = entry?.writing;
    if (entry === undefined || written === undefined) return;
    entry.writing = undefined;
    entries.due(entry);
    if (entry.homePod === 'gone') return;
    if (event.outcome === 'failed') {
      entry.unwritten ??= written;
      entries.retryLater(entry, now);
    } else if (isTerminal(written)) {
      entry.final = written;
      if (entry.state === 'closing') {
        entry.on('statusWritten');
        finished(entry);
      }
    }
  }

  /** A status has a reason if the node or the host ended the pod, and none if its containers failed. */
  tellIfEndedThere(entry: OffloadedPod, status: PodStatus): void {
    const { phase, reason, message = reason } = status;
    if (phase !== 'Failed' || reason === undefined || isTerminal(entry.pod.status)) return;
    if (entry.state === 'ending' || entry.state === 'finished') return;
    const text = `${entry.host} has ended it: ${message} (${reason})`;
    tell(entry, { reason: 'GuestEnded', message: text, warning: true }, this.#options.emit);
  }
}
