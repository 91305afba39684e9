/**
 * The home's pods away: bound to a neighbour's virtual node, from the binding to the end of both
 * sides. For each, the home is what a kubelet is to a node: it makes sure that the guest exists,
 * mirrors its status, and lets the pod go only when the guest is gone.
 *
 * All of this can be rebuilt from the API server and the hosts' guest streams: a pod bound to a
 * virtual node is committed again (which is idempotent), and a guest that was known to exist before
 * a stream was opened, and that the stream has not shown by `synced`, is lost.
 *
 * Cost: O(1) a step and pod; batches are formed per host when they are sent.
 */
import type { ClusterName, MonotonicMs, Pod, PodStatus, PodUid, Random } from '@spillway/core';
import { isTerminal, mirroredStatus } from '../mirrored-status.ts';
import type { CommitResult, GuestUpdate } from '../negotiation.ts';
import { cutToTravel, travelVerdicts } from '../travel.ts';
import type { AwayEntry, AwayPhase } from './away-entry.ts';
import { Backoff } from './backoff.ts';
import type { HomeConfig } from './config.ts';
import type { HomeEffect, HomeEvent, PodRef } from './events.ts';
import { refOf } from './events.ts';
import { GuestStreams } from './guest-streams.ts';
import type { Slots } from './slots.ts';

export interface AwayOptions {
  readonly config: HomeConfig;
  readonly random: Random;
  readonly homeEpoch: number;
  readonly emit: (effect: HomeEffect) => void;
}

type Tell = Extract<HomeEffect, { kind: 'tell' }>;

export class Away {
  readonly #options: AwayOptions;
  readonly #entries = new Map<PodUid, AwayEntry>();
  readonly #byName = new Map<string, AwayEntry>();
  /** Entries with something to do now, or at their `retryAt`. */
  readonly #due = new Set<AwayEntry>();
  readonly #streams = new GuestStreams();
  readonly #commitsInFlight = new Map<ClusterName, number>();

  constructor(options: AwayOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(uid: PodUid): boolean {
    return this.#entries.has(uid);
  }

  /** How many unfinished pods of ours each neighbour has. */
  countByHost(): ReadonlyMap<ClusterName, number> {
    const counts = new Map<ClusterName, number>();
    for (const { host, phase } of this.#entries.values()) {
      if (phase !== 'finished') counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    return counts;
  }

  /** Neighbours whose guest stream must be open. */
  hosts(): ReadonlySet<ClusterName> {
    return new Set([...this.#entries.values()].map(({ host }) => host));
  }

  find(namespace: string, name: string): { host: ClusterName; phase: AwayPhase } | undefined {
    return this.#byName.get(`${namespace}/${name}`);
  }

  /** A pod just bound, with the slot that is held for it. */
  bound(pod: Pod, slots: Slots): void {
    this.#adopt(pod, slots.host).slots = slots;
  }

  /** The API server's view of a pod that is bound to `host`'s virtual node. */
  seen(pod: Pod, host: ClusterName): void {
    const entry = this.#entries.get(refOf(pod).uid) ?? this.#arrived(pod, host);
    const ahead = entry.writing !== undefined || entry.unwritten !== undefined;
    entry.pod = ahead && entry.pod.status ? { ...pod, status: entry.pod.status } : pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#end(entry);
    else if (isTerminal(pod.status) && entry.phase !== 'ending') this.#finish(entry);
  }

  /** The home's pod no longer exists: its guest must not either. */
  deleted(uid: PodUid): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.homeGone = true;
    entry.unwritten = undefined;
    this.#end(entry);
  }

  committed(event: Extract<HomeEvent, { kind: 'committed' }>, now: MonotonicMs): void {
    this.#commitsInFlight.set(event.host, (this.#commitsInFlight.get(event.host) ?? 1) - 1);
    const results = new Map(event.results?.map((result) => [result.uid, result]));
    for (const uid of event.uids) {
      const entry = this.#entries.get(uid);
      if (entry === undefined) continue;
      entry.calling = false;
      this.#due.add(entry);
      const result = results.get(uid);
      if (result !== undefined) this.#settle(entry, result.outcome === 'created');
      if (entry.phase !== 'committing') continue;
      if (result === undefined) this.#retryLater(entry, now);
      else this.#commitEnded(entry, result, now);
    }
  }

  released(event: Extract<HomeEvent, { kind: 'released' }>, now: MonotonicMs): void {
    for (const uid of event.guests) {
      const entry = this.#entries.get(uid);
      if (entry === undefined) continue;
      entry.calling = false;
      if (event.outcome === 'ok') entry.released = true;
      else this.#retryLater(entry, now);
      this.#due.add(entry);
    }
  }

  stream(host: ClusterName, state: 'opening' | 'closed'): void {
    if (state === 'closed') return this.#streams.closed(host);
    const here = [...this.#entries.values()].filter((entry) => entry.host === host);
    const existing = here.filter(({ phase, released }) => phase === 'away' || released);
    this.#streams.opening(
      host,
      existing.map(({ ref }) => ref.uid),
    );
    // The host answers again: whatever waits for a back-off is tried now.
    for (const entry of here) {
      if (entry.retryAt === undefined) continue;
      entry.retryAt = undefined;
      this.#due.add(entry);
    }
  }

  guest(host: ClusterName, update: GuestUpdate): void {
    if (update.kind === 'synced') {
      for (const uid of this.#streams.synced(host)) {
        const entry = this.#entries.get(uid);
        if (entry !== undefined) {
          this.#guestGone(entry, 'GuestLost', `${host} no longer has it`, undefined);
        }
      }
      return;
    }
    this.#streams.seen(host, update.uid);
    const entry = this.#entries.get(update.uid);
    if (entry?.host !== host) {
      if (update.kind === 'status') {
        const { namespace, name, uid } = update;
        this.#options.emit({ kind: 'checkOrphan', host, ref: { namespace, name, uid } });
      }
    } else if (update.kind === 'status') this.#mirror(entry, update.status);
    else this.#guestGone(entry, update.reason, update.message, update.lastStatus);
  }

  /** The home's API server has answered whether the owner of an unknown guest exists. */
  orphanChecked(host: ClusterName, ref: PodRef, pod: Pod | undefined): void {
    // A pod that exists comes, or has come, by the watch.
    if (this.#entries.has(ref.uid) || (pod !== undefined && refOf(pod).uid === ref.uid)) return;
    this.#adopt({ metadata: ref, spec: { containers: [] } }, host);
    this.deleted(ref.uid);
  }

  statusWritten(event: Extract<HomeEvent, { kind: 'statusWritten' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (entry === undefined) return;
    const written = entry.writing;
    entry.writing = undefined;
    if (event.outcome === 'failed') {
      entry.unwritten ??= written;
      this.#retryLater(entry, now);
    } else if (isTerminal(written) && entry.phase !== 'ending') this.#finish(entry);
    this.#due.add(entry);
  }

  finalized(event: Extract<HomeEvent, { kind: 'finalized' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (entry === undefined) return;
    entry.calling = false;
    if (event.outcome === 'failed') {
      this.#retryLater(entry, now);
      this.#due.add(entry);
      return;
    }
    entry.finalized = true;
    if (event.outcome === 'gone') this.deleted(event.uid);
  }

  /** Starts what is due: status writes, commits and releases in batches per host, final deletes. */
  tick(now: MonotonicMs): void {
    const commits = new Map<ClusterName, AwayEntry[]>();
    const releases = new Map<ClusterName, AwayEntry[]>();
    for (const entry of this.#due) {
      if (entry.retryAt !== undefined && entry.retryAt > now) continue;
      entry.retryAt = undefined;
      this.#due.delete(entry);
      if (entry.unwritten !== undefined && entry.writing === undefined) this.#write(entry);
      if (entry.calling) continue;
      if (entry.phase === 'committing') batch(commits, entry);
      else if (entry.phase === 'ending') {
        if (entry.guestGone) this.#letGo(entry);
        else if (!entry.released) batch(releases, entry);
      }
    }
    for (const [host, entries] of commits) this.#commit(host, entries);
    for (const [host, entries] of releases) this.#release(host, entries);
  }

  /** When `tick` has something to do without any event before. */
  wakeAt(): MonotonicMs | undefined {
    let at: MonotonicMs | undefined;
    for (const { retryAt } of this.#due) {
      if (retryAt !== undefined && (at === undefined || retryAt < at)) at = retryAt;
    }
    return at;
  }

  /** Bound by an earlier agent of the home, or by somebody else who ignored the taint. */
  #arrived(pod: Pod, host: ClusterName): AwayEntry {
    const entry = this.#adopt(pod, host);
    const stays = travelVerdicts(pod);
    if (stays.length > 0) {
      entry.phase = 'finished';
      entry.guestGone = true;
      this.#tell(entry, 'GuestRefused', stays.map(({ reason }) => reason).join('; '), true);
    }
    return entry;
  }

  #adopt(pod: Pod, host: ClusterName): AwayEntry {
    const ref = refOf(pod);
    const known = this.#entries.get(ref.uid);
    if (known !== undefined) return known;
    const { retryMsMin, retryMsMax } = this.#options.config;
    const entry: AwayEntry = {
      ref,
      host,
      backoff: new Backoff(retryMsMin, retryMsMax),
      pod,
      phase: 'committing',
      slots: undefined,
      calling: false,
      retryAt: undefined,
      released: false,
      guestGone: false,
      homeGone: false,
      finalized: false,
      refusedSince: undefined,
      writing: undefined,
      unwritten: undefined,
    };
    this.#entries.set(ref.uid, entry);
    this.#byName.set(`${ref.namespace}/${ref.name}`, entry);
    this.#due.add(entry);
    return entry;
  }

  #commit(host: ClusterName, entries: readonly AwayEntry[]): void {
    const { commitPodsMax, commitsInFlightPerHostMax } = this.#options.config;
    const waiting = [...entries];
    while (waiting.length > 0) {
      const inFlight = this.#commitsInFlight.get(host) ?? 0;
      if (inFlight >= commitsInFlightPerHostMax) {
        // A commit that ends makes the next tick take them up.
        for (const entry of waiting) this.#due.add(entry);
        return;
      }
      const reservation = waiting[0]?.slots?.reservation;
      const sharing = waiting.filter((entry) => entry.slots?.reservation === reservation);
      const pods = sharing.slice(0, commitPodsMax);
      for (const entry of pods) {
        entry.calling = true;
        waiting.splice(waiting.indexOf(entry), 1);
      }
      this.#commitsInFlight.set(host, inFlight + 1);
      this.#options.emit({
        kind: 'commit',
        host,
        request: {
          homeEpoch: this.#options.homeEpoch,
          ...(reservation !== undefined && { reservationId: reservation }),
          pods: pods.map(({ pod }) => cutToTravel(pod)),
        },
      });
    }
  }

  #commitEnded(entry: AwayEntry, result: CommitResult, now: MonotonicMs): void {
    if (result.outcome === 'created') {
      entry.phase = 'away';
      entry.backoff.reset();
      this.#tell(entry, 'Offloaded', `runs at ${entry.host}`, false);
    } else if (result.outcome === 'ended') {
      const reason = 'GuestEnded';
      this.#guestGone(entry, reason, `ended at ${entry.host}: ${result.reason}`, undefined);
    } else {
      this.#refused(entry, result.verdict.reason, now);
    }
  }

  /**
   * The host has no room after all. A pod that a controller would replace fails after some patience,
   * so that its replacement can go elsewhere; a bare pod waits, since nobody would make it again.
   */
  #refused(entry: AwayEntry, reason: string, now: MonotonicMs): void {
    if (entry.refusedSince === undefined) {
      entry.refusedSince = now;
      this.#tell(entry, 'GuestRefused', `${entry.host} refuses it for now: ${reason}`, true);
    }
    const replaced = entry.pod.metadata.ownerReferences?.some(({ controller }) => controller);
    if (replaced && now - entry.refusedSince >= this.#options.config.refusedPatienceMs) {
      this.#guestGone(entry, 'GuestRefused', `${entry.host} refused it: ${reason}`, undefined);
    } else this.#retryLater(entry, now);
  }

  #mirror(entry: AwayEntry, status: PodStatus): void {
    if (entry.phase === 'finished' || entry.homeGone) return;
    if (entry.phase === 'committing') {
      entry.phase = 'away';
      entry.retryAt = undefined;
    }
    const mirrored = mirroredStatus(entry.pod, status);
    if (mirrored === undefined) return;
    entry.unwritten = mirrored;
    entry.pod = { ...entry.pod, status: { ...entry.pod.status, ...mirrored } };
    this.#due.add(entry);
  }

  #guestGone(
    entry: AwayEntry,
    reason: string,
    message: string,
    lastStatus: PodStatus | undefined,
  ): void {
    entry.guestGone = true;
    this.#due.add(entry);
    if (lastStatus !== undefined && isTerminal(lastStatus)) this.#mirror(entry, lastStatus);
    if (entry.phase === 'ending' || entry.phase === 'finished') return;
    if (isTerminal(entry.pod.status)) return;
    this.#tell(entry, 'GuestLost', `${reason}: ${message}`, true);
    entry.phase = 'away';
    this.#mirror(entry, { ...lastStatus, phase: 'Failed', reason, message });
  }

  #end(entry: AwayEntry): void {
    entry.phase = 'ending';
    entry.retryAt = undefined;
    this.#due.add(entry);
    // The slot of a commit under way is settled when that ends.
    if (!entry.calling) this.#settle(entry, false);
  }

  #finish(entry: AwayEntry): void {
    entry.phase = 'finished';
    if (!entry.calling) this.#settle(entry, false);
  }

  #letGo(entry: AwayEntry): void {
    if (entry.homeGone) {
      this.#forget(entry);
    } else if (!entry.finalized && entry.writing === undefined) {
      entry.calling = true;
      this.#options.emit({ kind: 'finalize', ref: entry.ref });
    }
  }

  #release(host: ClusterName, entries: readonly AwayEntry[]): void {
    const { releaseGuestsMax } = this.#options.config;
    for (let i = 0; i < entries.length; i += releaseGuestsMax) {
      const guests = entries.slice(i, i + releaseGuestsMax).map((entry) => {
        entry.calling = true;
        const gracePeriodSeconds = entry.pod.metadata.deletionGracePeriodSeconds;
        return {
          uid: entry.ref.uid,
          ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
        };
      });
      this.#options.emit({ kind: 'release', host, reservations: [], guests });
    }
  }

  #write(entry: AwayEntry): void {
    const status = entry.unwritten;
    if (status === undefined) return;
    entry.writing = status;
    entry.unwritten = undefined;
    this.#options.emit({ kind: 'writeStatus', ref: entry.ref, status });
  }

  #settle(entry: AwayEntry, committed: boolean): void {
    const { slots } = entry;
    if (slots === undefined) return;
    entry.slots = undefined;
    if (slots.settle(committed)) {
      const { host, reservation } = slots;
      this.#options.emit({ kind: 'release', host, reservations: [reservation], guests: [] });
    }
  }

  #retryLater(entry: AwayEntry, now: MonotonicMs): void {
    entry.retryAt = entry.backoff.next(now, this.#options.random);
    this.#due.add(entry);
  }

  #forget(entry: AwayEntry): void {
    const { uid, namespace, name } = entry.ref;
    this.#entries.delete(uid);
    this.#due.delete(entry);
    const key = `${namespace}/${name}`;
    if (this.#byName.get(key) === entry) this.#byName.delete(key);
  }

  #tell(entry: AwayEntry, reason: Tell['reason'], message: string, warning: boolean): void {
    if (!entry.homeGone) {
      this.#options.emit({ kind: 'tell', ref: entry.ref, reason, message, warning });
    }
  }
}

function batch(into: Map<ClusterName, AwayEntry[]>, entry: AwayEntry): void {
  const entries = into.get(entry.host);
  if (entries === undefined) into.set(entry.host, [entry]);
  else entries.push(entry);
}
