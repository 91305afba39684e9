/**
 * Changes of offloaded pods. The home sends each change to the host until the host has answered. This agent
 * knows what the host was sent last if it has committed the pod itself. For other pods it sends one update.
 */
import type { ClusterName, Pod } from '@spillway/core';
import { changeableOf } from '../../offload/changeable.ts';
import type { UpdateResult } from '../../negotiation.ts';
import { portablePod } from '../../offload/portability.ts';
import type { OffloadedEntries } from './entries.ts';
import { isProbing, type OffloadedPod } from './offloaded-pod.ts';
import { byHost } from './calls.ts';
import type { HomeConfig } from '../config.ts';
import { type HomeEffect, type HomeEvent, refOf } from '../events.ts';
import type { Seals } from '../ports.ts';

export interface OffloadUpdatesOptions {
  readonly config: HomeConfig;
  readonly homeEpoch: number;
  readonly seals: Seals;
  readonly emit: (effect: HomeEffect) => void;
}

/** How an update ended for one pod. `again`: after a back-off. */
export type Updated = { readonly again: boolean; readonly refusal?: string };

export class OffloadUpdates {
  readonly #options: OffloadUpdatesOptions;
  /** At most one call at a host: later changes wait and go together. */
  readonly #calling = new Map<ClusterName, ReadonlySet<OffloadedPod>>();
  #sequence = 0;

  constructor(options: OffloadUpdatesOptions) {
    this.#options = options;
  }

  /** Whether the guest may differ from the pod. */
  isStale(entry: OffloadedPod): boolean {
    const { state, shown, sent, pod, host } = entry;
    if (state !== 'running' || isProbing(entry)) return false;
    // Anyone may have written a status that says it has run: nothing leaves before its host has shown it.
    if (shown === undefined && !this.#options.seals.holds(pod, host)) return false;
    return !this.#calling.get(entry.host)?.has(entry) && sent !== entry.changeable;
  }

  /** Sends the stale pods, maximum one call for each host. Returns the stale pods that must wait. */
  send(entries: readonly OffloadedPod[]): readonly OffloadedPod[] {
    const { config, homeEpoch, emit } = this.#options;
    const stale = entries.filter((entry) => this.isStale(entry));
    if (stale.length === 0) return stale;
    const left: OffloadedPod[] = [];
    for (const [host, mine] of byHost(stale)) {
      const batch = this.#calling.has(host) ? [] : mine.slice(0, config.commitPodsMax);
      left.push(...mine.slice(batch.length));
      if (batch.length === 0) continue;
      this.#calling.set(host, new Set(batch));
      const pods = batch.map(({ pod }) => portablePod(pod));
      const sequence = this.#sequence++;
      emit({ kind: 'update', host, request: { homeEpoch, sequence, pods } });
    }
    return left;
  }

  /** How it ended for each pod that still runs there. */
  *ended(
    event: Extract<HomeEvent, { kind: 'updated' }>,
    entries: OffloadedEntries,
  ): Iterable<readonly [OffloadedPod, Updated]> {
    this.#calling.delete(event.host);
    const results = new Map(event.results?.map((result) => [result.uid, result]));
    for (const sent of event.pods) {
      const { uid } = refOf(sent);
      const entry = entries.at(event.host, uid);
      if (entry?.state === 'running') yield [entry, settled(entry, sent, event, results.get(uid))];
    }
  }
}

/** `sent`: the pod as it was in the call. */
function settled(
  entry: OffloadedPod,
  sent: Pod,
  { host, unable }: Pick<Extract<HomeEvent, { kind: 'updated' }>, 'host' | 'unable'>,
  result: UpdateResult | undefined,
): Updated {
  if (result === undefined && !unable) return { again: true };
  const refused = result?.refused;
  if (refused !== undefined && refused.code !== 'UnschedulableAndUnresolvable') {
    return { again: true };
  }
  entry.sent = changeableOf(sent);
  if (unable) {
    return { again: false, refusal: `the agent of ${host} is older: it takes no changes of pods` };
  }
  if (refused === undefined) return { again: false };
  return { again: false, refusal: `${host} refuses the change: ${refused.reason}` };
}
