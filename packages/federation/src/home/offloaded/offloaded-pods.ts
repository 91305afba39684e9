/**
 * The home's offloaded pods: bound to a neighbour's virtual node, from the binding to the end of both sides.
 * The home is to each of them what a kubelet is to the pods of its node. It makes sure that the guest
 * exists, and mirrors its status. It lets the pod go only when the guest is gone. A pod without the seal of
 * our own binding is never committed; see foreign-pods.ts. states.ts has the states of a pod.
 *
 * All of this can be rebuilt from the API server and the hosts' guest streams. A pod that we bound to a
 * virtual node is committed again, which is idempotent, unless its status shows that its guest has already
 * run. A guest is lost if it was known before a stream was opened, and the stream has not shown it by
 * `synced`. A release is repeated until the guest is known to be gone, since a host that crashes forgets
 * what it was told.
 *
 * Cost: O(1) for each step and pod. Batches are formed for each host when they are sent.
 */
import {
  type ClusterName,
  earliest,
  type MonotonicMs,
  type Pod,
  type PodUid,
} from '@spillway/core';
import { isTerminal } from '../../offload/mirrored-status.ts';
import type { GuestUpdate } from '../../negotiation.ts';
import { isRevoked, type RevokedClusters } from '../../membership/revoked.ts';
import { type HomeEvent, type PodRef, refOf } from '../events.ts';
import type { Grant } from '../pending/grant.ts';
import type { PodLife } from '../pod-life.ts';
import { Arrivals } from './arrivals.ts';
import { OffloadCalls } from './calls.ts';
import { Commits } from './commits.ts';
import { Departure } from './departure.ts';
import { Endings } from './endings.ts';
import { OffloadedEntries } from './entries.ts';
import { ForeignPods } from './foreign-pods.ts';
import { GuestNews } from './guest-news.ts';
import { GuestStreams } from './guest-streams.ts';
import {
  assertConsistent,
  nextCall,
  type OffloadedPod,
  type OffloadedState,
  type PodAway,
  offloadedState,
} from './offloaded-pod.ts';
import { type OffloadOptions, tell } from './options.ts';
import { StatusMirror } from './status-mirror.ts';
import { OffloadUpdates } from './updates.ts';

export class OffloadedPods {
  readonly #options: OffloadOptions;
  readonly #entries: OffloadedEntries;
  readonly #calls: OffloadCalls;
  readonly #commits: Commits;
  readonly #updates: OffloadUpdates;
  readonly #mirror: StatusMirror;
  readonly #endings: Endings;
  readonly #arrivals: Arrivals;
  readonly #news: GuestNews;
  readonly #departure: Departure;
  readonly foreign: ForeignPods;
  #revoked: RevokedClusters = new Set();
  /** What `hosts` said last, and by what. */
  #hosts:
    | {
        readonly of: ReadonlySet<ClusterName>;
        readonly revoked: RevokedClusters;
        readonly open: ReadonlySet<ClusterName>;
      }
    | undefined;

  constructor(options: OffloadOptions) {
    this.#options = options;
    const entries = new OffloadedEntries(options);
    const streams = new GuestStreams();
    const calls = new OffloadCalls(options);
    const mirror = new StatusMirror({
      ...options,
      entries,
      finished: (entry) => this.#endings.finished(entry),
    });
    this.#entries = entries;
    this.#calls = calls;
    this.#mirror = mirror;
    this.#updates = new OffloadUpdates(options);
    this.#endings = new Endings({ ...options, entries, calls, mirror, streams });
    this.#commits = new Commits({ ...options, entries, calls, endings: this.#endings });
    this.#departure = new Departure(options.emit);
    this.foreign = new ForeignPods({ ...options, entries, streams });
    this.#arrivals = new Arrivals({
      ...options,
      entries,
      foreign: this.foreign,
      isRevoked: (host) => isRevoked(this.#revoked, host),
      hostRevoked: (entry) => this.#endings.hostRevoked(entry),
    });
    this.#news = new GuestNews({
      ...options,
      entries,
      streams,
      calls,
      mirror,
      endings: this.#endings,
      arrivals: this.#arrivals,
      updates: this.#updates,
    });
  }

  has(uid: PodUid): boolean {
    return this.#entries.get(uid) !== undefined;
  }

  /** Guests of no pod of ours, which are being released, are left out. */
  pods(): Iterable<OffloadedPod> {
    return this.#entries.pods();
  }

  countByHost(): ReadonlyMap<ClusterName, number> {
    return this.#entries.countByHost();
  }

  /** Neighbours whose guest stream must be open; another set whenever it has changed. */
  hosts(): ReadonlySet<ClusterName> {
    const all = this.#entries.hosts();
    if (this.#hosts?.of !== all || this.#hosts.revoked !== this.#revoked) {
      const open = new Set([...all].filter((host) => !isRevoked(this.#revoked, host)));
      this.#hosts = { of: all, revoked: this.#revoked, open };
    }
    return this.#hosts.open;
  }

  /** What is known of a pod, by name. */
  explain(namespace: string, name: string): OffloadedState | undefined {
    const entry = this.#entries.find(namespace, name);
    return entry && { ...offloadedState(entry), joined: this.#options.joined(entry.host) ?? false };
  }

  /** The pod of that name that a host runs for us, has run, or is about to run. O(offloaded pods). */
  away(namespace: string, name: string): PodAway | undefined {
    const entry = this.#entries.find(namespace, name);
    if (entry === undefined || entry.foreign || entry.homePod === 'gone') return undefined;
    return { uid: entry.ref.uid, host: entry.host };
  }

  /** A pod just bound, with the slot that is held for it. */
  bound(pod: Pod, grant: Grant, life: PodLife): void {
    const entry = this.#entries.adopt(pod, grant.host, life);
    entry.grant = grant;
    if (isRevoked(this.#revoked, grant.host)) this.#endings.hostRevoked(entry);
  }

  /** The API server's view of a pod that is bound to `host`'s virtual node. */
  seen(pod: Pod, host: ClusterName): void {
    const entry = this.#entries.get(refOf(pod).uid) ?? this.#arrivals.arrived(pod, host);
    const ahead = this.#mirror.isAhead(entry);
    entry.pod = ahead && entry.pod.status ? { ...pod, status: entry.pod.status } : pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#endings.end(entry);
    else if (isTerminal(pod.status) && entry.state !== 'ending') {
      entry.on('ended');
      this.#endings.finished(entry);
    } else this.#mirror.correct(entry);
    if (this.#updates.isStale(entry)) this.#entries.due(entry);
  }

  /** The home's pod no longer exists: its guest must not either. */
  deleted(uid: PodUid): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.homePodOn('gone');
    entry.unwritten = undefined;
    this.#endings.end(entry);
    if (isRevoked(this.#revoked, entry.host)) this.#endings.hostRevoked(entry);
  }

  /** These hosts are no longer members, so they will never say what happens to their guests. */
  revoked(clusters: RevokedClusters): void {
    this.#revoked = clusters;
    for (const host of this.#entries.hosts()) {
      if (!isRevoked(clusters, host)) continue;
      for (const entry of this.#entries.allAt(host)) this.#endings.hostRevoked(entry);
    }
  }

  /** This cluster leaves: all that is offloaded ends, as if its owner deleted it. */
  leave(): void {
    this.#departure.begin(this.#entries);
  }

  /** The watch shows the deletion, and with it the pod ends. */
  evicted(event: Extract<HomeEvent, { kind: 'evicted' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (entry === undefined || event.outcome === 'ok') return;
    if (event.outcome === 'gone') return this.deleted(event.uid);
    entry.homePodOn('evictFailed');
    this.#entries.retryLater(entry, now);
  }

  committed(event: Extract<HomeEvent, { kind: 'committed' }>, now: MonotonicMs): void {
    this.#commits.answered(event, now);
  }

  updated(event: Extract<HomeEvent, { kind: 'updated' }>, now: MonotonicMs): void {
    for (const [entry, { again, refusal }] of this.#updates.ended(event, this.#entries)) {
      if (again) this.#entries.retryLater(entry, now);
      else this.#entries.due(entry);
      if (refusal === undefined) continue;
      const told = { reason: 'GuestRefused', message: refusal, warning: true } as const;
      tell(entry, told, this.#options.emit);
    }
  }

  released(event: Extract<HomeEvent, { kind: 'released' }>, now: MonotonicMs): void {
    for (const uid of event.guests) {
      const entry = this.#entries.at(event.host, uid);
      if (!entry?.ended('release')) continue;
      if (event.outcome === 'ok') entry.guestOn('released');
      if (entry.guest === 'gone') this.#entries.due(entry);
      else this.#entries.retryLater(entry, now);
    }
  }

  stream(host: ClusterName, state: 'opening' | 'closed'): void {
    this.#news.stream(host, state);
  }

  guest(host: ClusterName, update: GuestUpdate): void {
    this.#news.guest(host, update);
  }

  /** The home's API server has answered whether the owner of an unknown guest exists. */
  orphanChecked(host: ClusterName, ref: PodRef, pod: Pod | undefined): void {
    this.#news.orphanChecked(host, ref, pod);
  }

  statusWritten(event: Extract<HomeEvent, { kind: 'statusWritten' }>, now: MonotonicMs): void {
    this.#mirror.written(event, now);
  }

  finalized(event: Extract<HomeEvent, { kind: 'finalized' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (!entry?.ended('finalize')) return;
    this.#entries.due(entry);
    if (event.outcome === 'failed') return this.#entries.retryLater(entry, now);
    entry.homePodOn('finalized');
    if (event.outcome === 'gone') this.deleted(event.uid);
  }

  /** Starts what is due: status writes, commits and releases in batches per host, final deletes. */
  tick(now: MonotonicMs): void {
    this.#news.tick(now);
    const due = this.#entries.takeDue(now);
    if (due.length === 0) return;
    const commits: OffloadedPod[] = [];
    const releases: OffloadedPod[] = [];
    const others: OffloadedPod[] = [];
    for (const entry of due) {
      if (entry.state === 'foreign' && this.foreign.mayGiveBack(entry, now)) {
        this.#endings.giveBack(entry, this.foreign.giveBack(entry));
      }
      this.#mirror.write(entry);
      assertConsistent(entry);
      if (this.#departure.evicts(entry) || entry.call !== undefined) continue;
      const call = nextCall(entry);
      if (call === 'commit') commits.push(entry);
      else if (call === 'release') releases.push(entry);
      else if (call === 'finalize') this.#calls.finalize(entry);
      else if (call === 'forget') this.#entries.forget(entry);
      else if (!isRevoked(this.#revoked, entry.host)) others.push(entry);
    }
    // A commit that ends makes the next tick take up the rest.
    for (const entry of this.#calls.commit(commits)) this.#entries.due(entry);
    for (const entry of this.#updates.send(others)) this.#entries.due(entry);
    this.#calls.release(releases);
  }

  /** When `tick` has something to do without any event before. */
  wakeAt(): MonotonicMs | undefined {
    return earliest(this.#entries.wakeAt(), this.#news.wakeAt());
  }
}
