/**
 * How an offloaded pod ends: its guest is gone, its host refuses it for good, its host is revoked, or the
 * pod itself is deleted.
 */
import type { ClusterName, PodStatus } from '@spillway/core';
import { isFenced } from '../../offload/fence.ts';
import { endedByHost, isTerminal } from '../../offload/mirrored-status.ts';
import type { OffloadCalls } from './calls.ts';
import type { OffloadedEntries } from './entries.ts';
import type { GuestStreams } from './guest-streams.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import { type OffloadOptions, tell } from './options.ts';
import type { StatusMirror } from './status-mirror.ts';

/** With what a pod fails whose guest is gone. */
export interface EndReason {
  readonly reason: string;
  readonly message: string;
  readonly lastStatus?: PodStatus;
}

export interface EndingsOptions {
  readonly emit: OffloadOptions['emit'];
  readonly entries: OffloadedEntries;
  readonly calls: OffloadCalls;
  readonly mirror: StatusMirror;
  readonly streams: GuestStreams;
}

export class Endings {
  readonly #options: EndingsOptions;

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** There is no guest, and there will be none. Unless it has ended already, the pod fails. */
  guestGone(entry: OffloadedPod, why: EndReason): void {
    const { calls, entries, mirror } = this.#options;
    entry.guestOn('gone');
    entry.retryAt = undefined;
    entry.shown = undefined;
    entries.due(entry);
    if (entry.state === 'committing' && entry.call === undefined) calls.settle(entry, true);
    const { lastStatus } = why;
    if (lastStatus !== undefined && isTerminal(lastStatus)) {
      mirror.tellIfEndedThere(entry, lastStatus);
      mirror.mirror(entry, lastStatus);
    }
    const hasEnded = isTerminal(entry.pod.status) || entry.state === 'finished';
    entry.on('guestGone');
    if (!hasEnded && entry.state !== 'ending') this.#fail(entry, why);
  }

  /**
   * The host has refused a commit. It may have asked its API server for the guest and had no answer. So the
   * guest may still be created, whether the commit was the first or a probe. It is released until it is
   * known to be gone. A fenced pod fails only then.
   */
  giveUp(entry: OffloadedPod, why: EndReason): void {
    if (isFenced(entry.pod)) return this.#withdraw(entry, why);
    entry.retryAt = undefined;
    entry.on('gaveUp');
    this.#unwanted(entry);
    this.#fail(entry, why);
  }

  /** A foreign pod fails. If it is fenced, an agent with another key may have committed it: as in `giveUp`. */
  giveBack(entry: OffloadedPod, why: EndReason): void {
    if (isFenced(entry.pod)) return this.#withdraw(entry, why);
    entry.guestOn('gone');
    entry.on('givenBack');
    this.#fail(entry, why);
  }

  /**
   * The pod fails with the reason, so that its controller replaces it. A pod that is being deleted goes at
   * once. A fenced pod stays, because its guest may still run and its host can't be asked. An operator who
   * knows that the guest does not run deletes the pod by force (docs/adr/0021).
   */
  hostRevoked(entry: OffloadedPod): void {
    const { emit, calls } = this.#options;
    if (isFenced(entry.pod) && entry.homePod !== 'gone') {
      const why = 'fence lets nothing replace it before somebody deletes it by force';
      const message = `${entry.host} was revoked, and can't be asked: ${why}`;
      return tell(entry, { reason: 'GuestLost', message, warning: true }, emit);
    }
    calls.settle(entry, true);
    const message = `${entry.host} was revoked: it is no member of the federation any more`;
    this.guestGone(entry, { reason: 'HostRevoked', message });
  }

  /** The pod is being deleted, or is gone: its guest must go. */
  end(entry: OffloadedPod): void {
    const { calls, entries, streams } = this.#options;
    if (entry.state !== 'ending') entry.backoff.reset();
    if (entry.state === 'foreign' && streams.isWhole(entry.host)) entry.guestOn('gone');
    entry.on('deleted');
    entry.retryAt = undefined;
    entries.due(entry);
    // The slot of a commit under way is settled when that ends.
    if (entry.call === undefined) calls.settle(entry, false);
  }

  /** Its last status is written. */
  finished(entry: OffloadedPod): void {
    if (entry.call === undefined) this.#options.calls.settle(entry, false);
  }

  #withdraw(entry: OffloadedPod, why: EndReason): void {
    entry.backoff.reset();
    entry.on('withdrawn');
    entry.withdrawn = why;
    this.#unwanted(entry);
    this.#options.calls.settle(entry, false);
  }

  #unwanted(entry: OffloadedPod): void {
    entry.guestOn('unwanted');
    this.#options.entries.due(entry);
  }

  #fail(entry: OffloadedPod, why: EndReason): void {
    const { emit, mirror } = this.#options;
    const { reason, message } = entry.withdrawn ?? why;
    entry.problem = message;
    if (reason === 'GuestRefused') {
      tell(entry, { reason, message: `${message}. The pod fails.`, warning: true }, emit);
    } else if (!entry.foreign) {
      const lost = `no longer at ${entry.host}: ${message} (${reason})`;
      tell(entry, { reason: 'GuestLost', message: lost, warning: true }, emit);
    }
    const failed: PodStatus = { ...why.lastStatus, phase: 'Failed', reason, message };
    // A pod that its host refused has never run. It fails as a pod does that a kubelet rejects.
    const ran = reason !== 'GuestRefused' && !entry.foreign;
    mirror.mirror(entry, ran ? endedByHost(failed) : failed);
  }
}

/** The host was asked, and has no guest of the pod. */
export function guestLost(host: ClusterName): EndReason {
  return { reason: 'GuestLost', message: `${host} no longer has it` };
}
