/** The offloaded pods, findable by identity, name and host, and which of them have something to do. */
import {
  assert,
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodUid,
  type Random,
} from '@spillway/core';
import { Backoff } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';
import { type PodRef, refOf } from '../events.ts';
import { PodLife, podText, type TransitionObserver } from '../pod-life.ts';
import { OffloadedPod } from './offloaded-pod.ts';

export interface OffloadedEntriesOptions {
  readonly config: HomeConfig;
  readonly random: Random;
  readonly observe: TransitionObserver | undefined;
}

const none: readonly OffloadedPod[] = [];

export class OffloadedEntries {
  readonly #options: OffloadedEntriesOptions;
  readonly #ofPods = new Map<PodUid, OffloadedPod>();
  /** Guests of no pod of ours at their host, by host and UID. A host may show any UID, even one of a pod elsewhere. */
  readonly #orphans = new Map<string, OffloadedPod>();
  /** How many entries each host has; the set of hosts is replaced when it changes. */
  readonly #countAt = new Map<ClusterName, number>();
  #hosts: ReadonlySet<ClusterName> = new Set();
  /** Entries with something to do now, or at their `retryAt`. */
  readonly #due = new Set<OffloadedPod>();

  constructor(options: OffloadedEntriesOptions) {
    this.#options = options;
  }

  /** The pod of that UID, at any host. */
  get(uid: PodUid): OffloadedPod | undefined {
    return this.#ofPods.get(uid);
  }

  /** The pod at `host` of that UID, or the orphan there. */
  at(host: ClusterName, uid: PodUid): OffloadedPod | undefined {
    const entry = this.#ofPods.get(uid);
    return entry?.host === host ? entry : this.#orphans.get(orphanKey(host, uid));
  }

  /** O(entries). */
  find(namespace: string, name: string): OffloadedPod | undefined {
    let found: OffloadedPod | undefined;
    for (const entry of this.all()) {
      const { ref, homePod } = entry;
      if (ref.namespace !== namespace || ref.name !== name) continue;
      // A guest of an earlier pod of that name may still be ending.
      if (homePod !== 'gone') return entry;
      found = entry;
    }
    return found;
  }

  pods(): Iterable<OffloadedPod> {
    return this.#ofPods.values();
  }

  *all(): Iterable<OffloadedPod> {
    yield* this.#ofPods.values();
    yield* this.#orphans.values();
  }

  allAt(host: ClusterName): readonly OffloadedPod[] {
    return [...this.all()].filter((entry) => entry.host === host);
  }

  /** Pods whose guest is known to exist at `host`, or to have existed when it was released. */
  existingAt(host: ClusterName): readonly PodUid[] {
    return this.allAt(host)
      .filter(
        ({ state, guest }) => state === 'running' || state === 'closing' || guest === 'released',
      )
      .map(({ ref }) => ref.uid);
  }

  /** How many unfinished pods of ours each neighbour has. */
  countByHost(): ReadonlyMap<ClusterName, number> {
    const counts = new Map<ClusterName, number>();
    for (const { host, state } of this.all()) {
      if (state !== 'finished' && state !== 'foreign')
        counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    return counts;
  }

  foreign(): readonly OffloadedPod[] {
    return [...this.all()].filter(({ foreign }) => foreign);
  }

  /** Another set whenever it has changed. O(1). */
  hosts(): ReadonlySet<ClusterName> {
    return this.#hosts;
  }

  /** A pod that is bound to `host`. It is due. `life`: of a pod that this agent has bound itself. */
  adopt(pod: Pod, host: ClusterName, life?: PodLife): OffloadedPod {
    const ref = refOf(pod);
    assert(!this.#ofPods.has(ref.uid), () => `${podText(ref)} is offloaded once at a time`);
    this.#forgetOrphan(host, ref.uid);
    const entry = this.#entryOf(life ?? new PodLife(ref, this.#options.observe), host, pod);
    this.#ofPods.set(ref.uid, entry);
    this.#count(host, 1);
    this.#due.add(entry);
    return entry;
  }

  /** A guest that `host` has, of no pod that is bound there. */
  adoptOrphan(ref: PodRef, host: ClusterName): OffloadedPod {
    const life = new PodLife(ref, this.#options.observe);
    const entry = this.#entryOf(life, host, { metadata: ref, spec: { containers: [] } });
    entry.on('orphanFound');
    entry.homePodOn('gone');
    this.#orphans.set(orphanKey(host, ref.uid), entry);
    this.#count(host, 1);
    this.#due.add(entry);
    return entry;
  }

  forget(entry: OffloadedPod): void {
    const { ref, host } = entry;
    entry.on('forgotten');
    if (this.#ofPods.get(ref.uid) === entry) {
      this.#ofPods.delete(ref.uid);
      this.#count(host, -1);
    } else this.#forgetOrphan(host, ref.uid);
    this.#due.delete(entry);
  }

  /** To be looked at by the next tick, or, with a `retryAt`, by the first one after that. */
  due(entry: OffloadedPod): void {
    this.#due.add(entry);
  }

  retryLater(entry: OffloadedPod, now: MonotonicMs): void {
    entry.retryAt = entry.backoff.next(now, this.#options.random);
    this.#due.add(entry);
  }

  /** The entries of `host` that are in a back-off. */
  retryNow(host: ClusterName): void {
    for (const entry of this.allAt(host)) {
      if (entry.retryAt === undefined && entry.state !== 'foreign') continue;
      entry.retryAt = undefined;
      this.#due.add(entry);
    }
  }

  /** Every entry, also those in a back-off. */
  wakeAll(): void {
    for (const entry of this.all()) {
      entry.retryAt = undefined;
      this.#due.add(entry);
    }
  }

  /** Returns the due entries and removes them from the due set. */
  takeDue(now: MonotonicMs): readonly OffloadedPod[] {
    let taken: OffloadedPod[] | undefined;
    for (const entry of this.#due) {
      if (entry.retryAt === undefined || entry.retryAt <= now) (taken ??= []).push(entry);
    }
    if (taken === undefined) return none;
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

  #forgetOrphan(host: ClusterName, uid: PodUid): void {
    const key = orphanKey(host, uid);
    const orphan = this.#orphans.get(key);
    if (orphan === undefined) return;
    this.#orphans.delete(key);
    this.#count(host, -1);
    this.#due.delete(orphan);
  }

  #count(host: ClusterName, change: 1 | -1): void {
    const count = (this.#countAt.get(host) ?? 0) + change;
    assert(count >= 0, () => `${host} has ${count} offloaded pods`);
    if (count === 0) this.#countAt.delete(host);
    else this.#countAt.set(host, count);
    if (this.#hosts.size !== this.#countAt.size) this.#hosts = new Set(this.#countAt.keys());
  }

  #entryOf(life: PodLife, host: ClusterName, pod: Pod): OffloadedPod {
    const { retryMsMin, retryMsMax } = this.#options.config;
    return new OffloadedPod({ life, host, pod, backoff: new Backoff(retryMsMin, retryMsMax) });
  }
}

function orphanKey(host: ClusterName, uid: PodUid): string {
  return `${host}/${uid}`;
}
