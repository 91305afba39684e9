/** What is sent about offloaded pods: commits and releases to their hosts, in batches, and last deletes at home. */
import type { ClusterName } from '@spillway/core';
import { portablePod } from '../../offload/portability.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect } from '../events.ts';

export interface OffloadCallsOptions {
  readonly config: HomeConfig;
  readonly homeEpoch: number;
  readonly emit: (effect: HomeEffect) => void;
}

export class OffloadCalls {
  readonly #options: OffloadCallsOptions;
  readonly #commitsInFlight = new Map<ClusterName, number>();

  constructor(options: OffloadCallsOptions) {
    this.#options = options;
  }

  committed(host: ClusterName): void {
    this.#commitsInFlight.set(host, (this.#commitsInFlight.get(host) ?? 1) - 1);
  }

  /** Sends what the bound of commits in flight lets through; returns the others. */
  commit(entries: readonly OffloadedPod[]): readonly OffloadedPod[] {
    const left: OffloadedPod[] = [];
    for (const [host, mine] of byHost(entries)) left.push(...this.#commitTo(host, mine));
    return left;
  }

  release(entries: readonly OffloadedPod[]): void {
    const { config, emit } = this.#options;
    for (const [host, mine] of byHost(entries)) {
      for (let i = 0; i < mine.length; i += config.releaseGuestsMax) {
        const guests = mine.slice(i, i + config.releaseGuestsMax).map(releasedGuest);
        emit({ kind: 'release', host, reservations: [], guests });
      }
    }
  }

  /** The guest is gone: deletes the pod at home without grace. */
  finalize(entry: OffloadedPod): void {
    entry.begin('finalize');
    this.#options.emit({ kind: 'finalize', ref: entry.ref });
  }

  /** Its slot is used or given up; the last one of a reservation gives back what is left of it. */
  settle(entry: OffloadedPod, committed: boolean): void {
    const { grant } = entry;
    if (grant === undefined) return;
    entry.grant = undefined;
    const refused = entry.state === 'committing' ? 'refused' : 'unused';
    if (grant.settle(entry.ref.uid, committed ? 'created' : refused)) {
      const { host, reservation } = grant;
      this.#options.emit({ kind: 'release', host, reservations: [reservation], guests: [] });
    }
  }

  #commitTo(host: ClusterName, entries: readonly OffloadedPod[]): readonly OffloadedPod[] {
    const { config, homeEpoch, emit } = this.#options;
    let waiting = entries;
    while (waiting.length > 0) {
      const inFlight = this.#commitsInFlight.get(host) ?? 0;
      if (inFlight >= config.commitsInFlightPerHostMax) break;
      const reservation = waiting[0]?.grant?.reservation;
      const sharing = waiting.filter((entry) => entry.grant?.reservation === reservation);
      const batch = new Set(sharing.slice(0, config.commitPodsMax));
      waiting = waiting.filter((entry) => !batch.has(entry));
      for (const entry of batch) {
        entry.begin('commit');
        // Bound by this agent, so that no earlier one has made its guest: this is what it is made from.
        if (entry.grant !== undefined) entry.sent ??= entry.changeable;
      }
      this.#commitsInFlight.set(host, inFlight + 1);
      emit({
        kind: 'commit',
        host,
        request: {
          homeEpoch,
          ...(reservation !== undefined && { reservationId: reservation }),
          pods: [...batch].map(({ pod }) => portablePod(pod)),
        },
      });
    }
    return waiting;
  }
}

function releasedGuest(entry: OffloadedPod): {
  uid: OffloadedPod['ref']['uid'];
  gracePeriodSeconds?: number;
} {
  entry.begin('release');
  const { deletionGracePeriodSeconds } = entry.pod.metadata;
  return {
    uid: entry.ref.uid,
    ...(deletionGracePeriodSeconds !== undefined && {
      gracePeriodSeconds: deletionGracePeriodSeconds,
    }),
  };
}

export function byHost(
  entries: readonly OffloadedPod[],
): ReadonlyMap<ClusterName, readonly OffloadedPod[]> {
  const batches = new Map<ClusterName, OffloadedPod[]>();
  for (const entry of entries) {
    const batch = batches.get(entry.host);
    if (batch === undefined) batches.set(entry.host, [entry]);
    else batch.push(entry);
  }
  return batches;
}
