/**
 * Pods that the watch shows on a virtual node and that this agent has not bound. An earlier agent of the
 * home has bound them, or something else. Their state is derived from the pod alone.
 */
import type { ClusterName, Pod } from '@spillway/core';
import { hasRun, isTerminal } from '../../offload/mirrored-status.ts';
import { portabilityVerdicts } from '../../offload/portability.ts';
import type { OffloadedEntries } from './entries.ts';
import { type ForeignPods, wasGivenBack } from './foreign-pods.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import { type OffloadOptions, tell } from './options.ts';

export interface ArrivalsOptions extends Pick<OffloadOptions, 'emit' | 'seals'> {
  readonly entries: OffloadedEntries;
  readonly foreign: ForeignPods;
  readonly isRevoked: (host: ClusterName) => boolean;
  readonly hostRevoked: (entry: OffloadedPod) => void;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  arrived(pod: Pod, host: ClusterName): OffloadedPod {
    const { entries, seals, foreign, isRevoked, hostRevoked } = this.#options;
    const entry = entries.adopt(pod, host);
    entry.foreign = wasGivenBack(pod);
    if (hasRun(pod.status)) this.#running(entry);
    else if (isRevoked(host)) entry.on('arrived');
    else if (!seals.holds(pod, host)) foreign.arrived(entry);
    else this.#committed(entry);
    if (isRevoked(host) && !isTerminal(pod.status)) hostRevoked(entry);
    return entry;
  }

  /** Its host has shown its guest before the watch shows the pod, so it was committed by an agent with another key. */
  shownFirst(pod: Pod, host: ClusterName): void {
    this.#running(this.#options.entries.adopt(pod, host));
  }

  /** What its status says may be written by anyone. The host shows whether there is a guest. */
  #running(entry: OffloadedPod): void {
    entry.on('arrivedRunning');
    entry.guestOn('assumed');
    entry.wasThere = entry.pod.status?.startTime !== undefined;
    if (isTerminal(entry.pod.status)) entry.on('ended');
  }

  /** Committed again, which is idempotent. A pod that must not leave is not. */
  #committed(entry: OffloadedPod): void {
    const stays = portabilityVerdicts(entry.pod);
    if (stays.length === 0) return entry.on('arrived');
    entry.on('arrivedUnfit');
    entry.guestOn('gone');
    entry.problem = stays.map(({ reason }) => reason).join('; ');
    const told = { reason: 'GuestRefused', message: entry.problem, warning: true } as const;
    tell(entry, told, this.#options.emit);
  }
}
