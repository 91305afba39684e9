/** The pods away, findable by identity, name and host, and which of them have something to do. */
import type { ClusterName, MonotonicMs, Pod, PodStatus, PodUid } from '@spillway/core';
import type { OffloadedPod } from './offloaded-pod.ts';
import { Backoff } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';
import { refOf } from '../events.ts';

export class OffloadedEntries {
  readonly #config: HomeConfig;
  readonly #entries = new Map<PodUid, OffloadedPod>();
  /** Entries with something to do now, or at their `retryAt`. */
  readonly #due = new Set<OffloadedPod>();

  constructor(config: HomeConfig) {
    this.#config = config;
  }

  get(uid: PodUid): OffloadedPod | undefined {
    return this.#entries.get(uid);
  }

  /** O(entries). */
  find(namespace: string, name: string): OffloadedPod | undefined {
    let found: OffloadedPod | undefined;
    for (const entry of this.#entries.values()) {
      const { ref, homeGone } = entry;
      if (ref.namespace !== namespace || ref.name !== name) continue;
      // A guest of an earlier pod of that name may be ending still, or be found as late as now.
      if (!homeGone) return entry;
      found = entry;
    }
    return found;
  }

  at(host: ClusterName): readonly OffloadedPod[] {
    return [...this.#entries.values()].filter((entry) => entry.host === host);
  }

  /** Pods whose guest is known to exist at `host`, or to have existed when it was released. */
  existingAt(host: ClusterName): readonly PodUid[] {
    return this.at(host)
      .filter(({ phase, released }) => phase === 'away' || released)
      .map(({ ref }) => ref.uid);
  }

  /** How many unfinished pods of ours each neighbour has. */
  countByHost(): ReadonlyMap<ClusterName, number> {
    const counts = new Map<ClusterName, number>();
    for (const { host, phase } of this.#entries.values()) {
      if (phase !== 'finished' && phase !== 'foreign')
        counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    return counts;
  }

  foreign(): readonly OffloadedPod[] {
    return [...this.#entries.values()].filter(({ foreign }) => foreign);
  }

  hosts(): ReadonlySet<ClusterName> {
    return new Set([...this.#entries.values()].map(({ host }) => host));
  }

  /** The entry of `pod`, made if there is none; a new one is due. */
  adopt(pod: Pod, host: ClusterName): OffloadedPod {
    const ref = refOf(pod);
    const known = this.#entries.get(ref.uid);
    if (known !== undefined) return known;
    const { retryMsMin, retryMsMax } = this.#config;
    const entry: OffloadedPod = {
      ref,
      host,
      backoff: new Backoff(retryMsMin, retryMsMax),
      pod,
      foreign: false,
      giveBackAt: undefined,
      phase: 'committing',
      guest: undefined,
      sent: undefined,
      grant: undefined,
      calling: false,
      retryAt: undefined,
      probing: false,
      stray: false,
      released: false,
      guestGone: false,
      homeGone: false,
      evicting: false,
      finalized: false,
      refusedSince: undefined,
      wasThere: false,
      problem: undefined,
      withdrawn: undefined,
      writing: undefined,
      final: undefined,
      unwritten: undefined,
    };
    this.#entries.set(ref.uid, entry);
    this.#due.add(entry);
    return entry;
  }

  forget(entry: OffloadedPod): void {
    this.#entries.delete(entry.ref.uid);
    this.#due.delete(entry);
  }

  /** Its host shows the guest. */
  guestSeen(entry: OffloadedPod, status: PodStatus): void {
    entry.guestGone = false;
    entry.foreign = false;
    entry.probing = false;
    entry.guest = status;
    entry.wasThere = true;
    entry.problem = undefined;
  }

  /** There is no guest, and there will be none. */
  guestGone(entry: OffloadedPod): void {
    entry.guestGone = true;
    entry.retryAt = undefined;
    entry.stray = false;
    entry.probing = false;
    entry.guest = undefined;
    this.due(entry);
  }

  /** To be looked at by the next tick, or, with a `retryAt`, by the first one after that. */
  due(entry: OffloadedPod): void {
    this.#due.add(entry);
  }

  /** Those of `host` that are in a back-off. */
  retryNow(host: ClusterName): void {
    for (const entry of this.at(host)) {
      if (entry.retryAt === undefined && entry.phase !== 'foreign') continue;
      entry.retryAt = undefined;
      this.#due.add(entry);
    }
  }

  /** All of them, whatever back-off they are in. */
  wakeAll(): void {
    for (const entry of this.#entries.values()) {
      entry.retryAt = undefined;
      this.#due.add(entry);
    }
  }

  /** Those that are due; they are not due any longer. */
  takeDue(now: MonotonicMs): readonly OffloadedPod[] {
    const taken = [...this.#due].filter(({ retryAt }) => retryAt === undefined || retryAt <= now);
    for (const entry of taken) {
      entry.retryAt = undefined;
      this.#due.delete(entry);
    }
    return taken;
  }

  /** The first `retryAt`. */
  wakeAt(): MonotonicMs | undefined {
    let at: MonotonicMs | undefined;
    for (const { retryAt } of this.#due) {
      if (retryAt !== undefined && (at === undefined || retryAt < at)) at = retryAt;
    }
    return at;
  }
}
