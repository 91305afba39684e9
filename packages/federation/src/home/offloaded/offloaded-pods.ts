/**
 * The home's pods away: bound to a neighbour's virtual node, from the binding to the end of both
 * sides. For each, the home is what a kubelet is to a node: it makes sure that the guest exists,
 * mirrors its status, and lets the pod go only when the guest is gone. A pod without the seal of our own
 * binding is never committed; see foreign-pods.ts.
 *
 * All of this can be rebuilt from the API server and the hosts' guest streams: a pod that we bound to a
 * virtual node is committed again (which is idempotent) unless its status shows that its guest has
 * already run, and a guest that was known to exist before a stream was opened, and that the stream
 * has not shown by `synced`, is lost. A release is repeated until the guest is known to be gone,
 * since a host that crashes forgets what it was told.
 *
 * Cost: O(1) a step and pod; batches are formed per host when they are sent.
 */
import {
  type ClusterName,
  earliest,
  type MonotonicMs,
  type Pod,
  type PodStatus,
  type PodUid,
  type Verdict,
  virtualNodeName,
} from '@spillway/core';
import { isFenced } from '../../fence.ts';
import { opensPorts } from '../../pod-network.ts';
import {
  contradicts,
  drifted,
  endedByHost,
  hasRun,
  isTerminal,
  mirroredStatus,
} from '../../mirrored-status.ts';
import type { CommitResult, GuestUpdate } from '../../negotiation.ts';
import { isRevoked, type RevokedClusters } from '../../revoked.ts';
import { travelVerdicts } from '../../travel.ts';
import { OffloadCalls } from './calls.ts';
import { OffloadedEntries } from './entries.ts';
import { OffloadUpdates } from './updates.ts';
import { type OffloadedPod, type OffloadedState, offloadedState, callOf } from './offloaded-pod.ts';
import type { OffloadOptions } from './options.ts';
import { Departure } from './departure.ts';
import { type HomeEffect, type HomeEvent, type PodRef, refOf } from '../events.ts';
import { ForeignPods, wasGivenBack } from './foreign-pods.ts';
import { GuestStreams } from './guest-streams.ts';
import { OrphanChecks } from './orphan-checks.ts';
import type { Grant } from '../pending/grant.ts';

type Tell = Extract<HomeEffect, { kind: 'tell' }>;

export class OffloadedPods {
  readonly #options: OffloadOptions;
  readonly #entries: OffloadedEntries;
  readonly #calls: OffloadCalls;
  readonly #updates: OffloadUpdates;
  readonly #streams = new GuestStreams();
  readonly #orphans: OrphanChecks;
  readonly foreign: ForeignPods;
  #revoked: RevokedClusters = new Set();
  readonly #departure: Departure;

  constructor(options: OffloadOptions) {
    this.#options = options;
    this.#entries = new OffloadedEntries(options.config);
    this.#calls = new OffloadCalls(options);
    this.#updates = new OffloadUpdates(options);
    this.#orphans = new OrphanChecks(options.random, options.emit);
    this.#departure = new Departure(options.emit);
    this.foreign = new ForeignPods({ ...options, entries: this.#entries, streams: this.#streams });
  }

  countByHost(): ReadonlyMap<ClusterName, number> {
    return this.#entries.countByHost();
  }

  /** Neighbours whose guest stream must be open. */
  hosts(): ReadonlySet<ClusterName> {
    return new Set([...this.#entries.hosts()].filter((host) => !isRevoked(this.#revoked, host)));
  }

  /** What there is to say of a pod by name. */
  explain(namespace: string, name: string): OffloadedState | undefined {
    const entry = this.#entries.find(namespace, name);
    return entry && { ...offloadedState(entry), joined: this.#options.joined(entry.host) ?? false };
  }

  /** A pod just bound, with the slot that is held for it. */
  bound(pod: Pod, grant: Grant): void {
    const entry = this.#entries.adopt(pod, grant.host);
    entry.grant = grant;
    if (isRevoked(this.#revoked, grant.host)) this.#hostRevoked(entry);
  }

  /** The API server's view of a pod that is bound to `host`'s virtual node. */
  seen(pod: Pod, host: ClusterName): void {
    const entry = this.#entries.get(refOf(pod).uid) ?? this.#arrived(pod, host);
    const ahead = entry.writing !== undefined || entry.unwritten !== undefined;
    entry.pod = ahead && entry.pod.status ? { ...pod, status: entry.pod.status } : pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#end(entry);
    else if (isTerminal(pod.status) && entry.phase !== 'ending') this.#finish(entry);
    // An older write that failed came through after the last one: the end is final.
    else if (entry.final !== undefined && !ahead) {
      entry.unwritten = entry.final;
      this.#entries.due(entry);
    }
    // What somebody else wrote over it, or an older write that the watch shows late.
    else if (!ahead && entry.guest && drifted(pod, entry.guest)) {
      this.#mirror(entry, entry.guest);
    }
    if (this.#updates.isStale(entry)) this.#entries.due(entry);
  }

  /** The home's pod no longer exists: its guest must not either. */
  deleted(uid: PodUid): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.homeGone = true;
    entry.unwritten = undefined;
    this.#end(entry);
    if (isRevoked(this.#revoked, entry.host)) this.#hostRevoked(entry);
  }

  /** Hosts that are no members any more: nobody will ever tell what becomes of their guests. */
  revoked(clusters: RevokedClusters): void {
    this.#revoked = clusters;
    for (const host of this.#entries.hosts()) {
      if (!isRevoked(clusters, host)) continue;
      for (const entry of this.#entries.at(host)) this.#hostRevoked(entry);
    }
  }

  /** This cluster leaves: all that is away ends, as if its owner deleted it. */
  leave(): void {
    this.#departure.begin(this.#entries);
  }

  /** The watch shows the deletion, and with it the pod ends. */
  evicted(event: Extract<HomeEvent, { kind: 'evicted' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (entry === undefined || event.outcome === 'ok') return;
    if (event.outcome === 'gone') return this.deleted(event.uid);
    entry.evicting = false;
    this.#retryLater(entry, now);
  }

  committed(event: Extract<HomeEvent, { kind: 'committed' }>, now: MonotonicMs): void {
    this.#calls.committed(event.host);
    const results = new Map(event.results?.map((result) => [result.uid, result]));
    for (const uid of event.uids) {
      const entry = this.#entries.get(uid);
      if (entry === undefined) continue;
      entry.calling = false;
      this.#entries.due(entry);
      const result = results.get(uid);
      // Without an answer it is committed again, unless its guest was shown meanwhile, or it ends.
      if (result !== undefined) this.#calls.settle(entry, result.outcome === 'created');
      else if (entry.phase !== 'committing') this.#calls.settle(entry, entry.wasThere);
      if (entry.phase !== 'committing' && !entry.probing) continue;
      if (result === undefined) this.#retryLater(entry, now);
      else this.#commitEnded(entry, result, now);
    }
  }

  updated(event: Extract<HomeEvent, { kind: 'updated' }>, now: MonotonicMs): void {
    for (const [entry, { again, refusal }] of this.#updates.ended(event, this.#entries)) {
      if (again) this.#retryLater(entry, now);
      else this.#entries.due(entry);
      if (refusal !== undefined) this.#tell(entry, 'GuestRefused', refusal, true);
    }
  }

  released(event: Extract<HomeEvent, { kind: 'released' }>, now: MonotonicMs): void {
    for (const uid of event.guests) {
      const entry = this.#entries.get(uid);
      if (entry === undefined) continue;
      entry.calling = false;
      if (event.outcome === 'ok') entry.released = true;
      if (entry.guestGone) this.#entries.due(entry);
      else this.#retryLater(entry, now);
    }
  }

  stream(host: ClusterName, state: 'opening' | 'closed'): void {
    if (state === 'closed') return this.#streams.closed(host);
    this.#streams.opening(host, this.#entries.existingAt(host));
  }

  guest(host: ClusterName, update: GuestUpdate): void {
    if (update.kind === 'synced') return this.#synced(host);
    this.#streams.seen(host, update.uid);
    const entry = this.#entries.get(update.uid);
    if (entry?.host !== host) {
      if (update.kind === 'status') {
        const { namespace, name, uid } = update;
        this.#orphans.ask(host, { namespace, name, uid });
      }
    } else if (update.kind === 'status') {
      this.#shown(entry, update.terminating ? endedByHost(update.status) : update.status);
    } else this.#guestGone(entry, update);
  }

  /** The home's API server has answered whether the owner of an unknown guest exists. */
  orphanChecked(host: ClusterName, ref: PodRef, pod: Pod | undefined): void {
    this.#orphans.answered(ref.uid);
    if (this.#entries.get(ref.uid) !== undefined) return;
    // A pod that is bound there comes, or has come, by the watch; any other has no guest there.
    const owned = pod !== undefined && refOf(pod).uid === ref.uid;
    if (owned && pod.spec.nodeName === virtualNodeName(host)) {
      // Its guest has been shown before the watch shows it.
      if (!this.#options.seals.holds(pod, host)) this.#entries.adopt(pod, host).phase = 'away';
      return;
    }
    this.#entries.adopt({ metadata: ref, spec: { containers: [] } }, host);
    this.deleted(ref.uid);
  }

  statusWritten(event: Extract<HomeEvent, { kind: 'statusWritten' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (entry === undefined) return;
    const written = entry.writing;
    entry.writing = undefined;
    this.#entries.due(entry);
    if (event.outcome === 'failed') {
      entry.unwritten ??= written;
      this.#retryLater(entry, now);
    } else if (isTerminal(written)) {
      entry.final = written;
      if (entry.phase !== 'ending') this.#finish(entry);
    }
  }

  finalized(event: Extract<HomeEvent, { kind: 'finalized' }>, now: MonotonicMs): void {
    const entry = this.#entries.get(event.uid);
    if (entry === undefined) return;
    entry.calling = false;
    this.#entries.due(entry);
    if (event.outcome === 'failed') return this.#retryLater(entry, now);
    entry.finalized = true;
    if (event.outcome === 'gone') this.deleted(event.uid);
  }

  /** Starts what is due: status writes, commits and releases in batches per host, final deletes. */
  tick(now: MonotonicMs): void {
    this.#orphans.tick(now);
    const commits: OffloadedPod[] = [];
    const releases: OffloadedPod[] = [];
    const others: OffloadedPod[] = [];
    for (const entry of this.#entries.takeDue(now)) {
      if (entry.phase === 'foreign' && this.foreign.mayGiveBack(entry, now)) this.#giveBack(entry);
      if (entry.unwritten !== undefined && entry.writing === undefined) this.#calls.write(entry);
      if (this.#departure.evicts(entry)) continue;
      if (entry.calling) continue;
      const call = callOf(entry);
      if (call === 'commit') commits.push(entry);
      else if (call === 'release') releases.push(entry);
      else if (call === 'letGo') this.#letGo(entry);
      else if (!isRevoked(this.#revoked, entry.host)) others.push(entry);
    }
    // A commit that ends makes the next tick take up the rest.
    for (const entry of this.#calls.commit(commits)) this.#entries.due(entry);
    for (const entry of this.#updates.send(others)) this.#entries.due(entry);
    this.#calls.release(releases);
  }

  /** When `tick` has something to do without any event before. */
  wakeAt(): MonotonicMs | undefined {
    return earliest(this.#entries.wakeAt(), this.#orphans.wakeAt());
  }

  /** Bound by an earlier agent of the home, or by somebody else. */
  #arrived(pod: Pod, host: ClusterName): OffloadedPod {
    const entry = this.#entries.adopt(pod, host);
    const stays = travelVerdicts(pod);
    entry.foreign = wasGivenBack(pod);
    if (isRevoked(this.#revoked, host)) this.#hostRevoked(entry);
    else if (hasRun(pod.status)) {
      entry.phase = 'away';
      entry.wasThere = pod.status?.startTime !== undefined;
    } else if (!this.#options.seals.holds(pod, host)) this.foreign.arrived(entry);
    else if (stays.length > 0) {
      entry.phase = 'finished';
      entry.guestGone = true;
      entry.problem = stays.map(({ reason }) => reason).join('; ');
      this.#tell(entry, 'GuestRefused', entry.problem, true);
    }
    return entry;
  }

  /** The host has shown all its guests, so it answers: whatever waits for a back-off is tried now. */
  #synced(host: ClusterName): void {
    for (const uid of this.#streams.synced(host)) {
      const entry = this.#entries.get(uid);
      const message = `${host} no longer has it`;
      if (entry !== undefined) this.#guestGone(entry, { reason: 'GuestLost', message });
    }
    this.#entries.retryNow(host);
  }

  /**
   * The pod fails with the reason, so that its controller replaces it; one that is being deleted goes
   * at once. A fenced one stays, for its guest may run on and its host can't be asked: a person who knows
   * that it does not says so by force (docs/adr/0021).
   */
  #hostRevoked(entry: OffloadedPod): void {
    if (isFenced(entry.pod) && !entry.homeGone) {
      const why = 'fence lets nothing replace it before somebody deletes it by force';
      const message = `${entry.host} was revoked, and can't be asked: ${why}`;
      this.#tell(entry, 'GuestLost', message, true);
      return;
    }
    this.#calls.settle(entry, true);
    const message = `${entry.host} was revoked: it is no member of the federation any more`;
    this.#guestGone(entry, { reason: 'HostRevoked', message });
  }

  #commitEnded(entry: OffloadedPod, result: CommitResult, now: MonotonicMs): void {
    if (result.outcome === 'created') {
      if (!entry.probing) {
        entry.backoff.reset();
        this.#tell(entry, 'Offloaded', `runs at ${entry.host}`, false);
        if (opensPorts(entry.pod) && this.#options.joined(entry.host) === false) {
          const why = `the pod network of ${entry.host} is not joined with this cluster's`;
          this.#tell(entry, 'NoEndpoint', `Services of this cluster do not list it: ${why}`, false);
        }
      }
      entry.phase = 'away';
      entry.wasThere = true;
      entry.problem = undefined;
      // Should it end before the stream that is being opened takes its picture, nobody would say so.
      entry.probing = entry.guest === undefined;
      if (entry.probing) this.#retryLater(entry, now);
    } else if (result.outcome === 'ended') {
      const message = `ended at ${entry.host}: ${result.reason}`;
      this.#guestGone(entry, { reason: 'GuestEnded', message });
    } else if (entry.probing) {
      const message = `${entry.host} no longer has it`;
      this.#giveUp(entry, { reason: 'GuestLost', message });
    } else {
      this.#refused(entry, result.verdict, now);
    }
  }

  /**
   * The host does not take it after all. The binding can't be taken back, so the pod fails, as one does
   * that a kubelet rejects: after some patience, or at once where waiting helps nobody and a controller
   * replaces it. Its template is not sent there again for a damped time.
   */
  #refused(entry: OffloadedPod, { code, reason }: Verdict, now: MonotonicMs): void {
    const lasting = code === 'UnschedulableAndUnresolvable';
    entry.problem = reason;
    const replaced = entry.pod.metadata.ownerReferences?.some(({ controller }) => controller);
    const patienceMs = lasting && replaced ? 0 : this.#options.config.refusedPatienceMs;
    if (entry.refusedSince === undefined) {
      entry.refusedSince = now;
      const text = `${entry.host} refuses it for now: ${reason}`;
      if (patienceMs > 0) this.#tell(entry, 'GuestRefused', text, true);
      if (lasting) this.#options.tried.refusedBound(entry, reason, now);
    }
    if (now - entry.refusedSince >= patienceMs) {
      const message = `${entry.host} refused it: ${reason}`;
      this.#giveUp(entry, { reason: 'GuestRefused', message });
    } else this.#retryLater(entry, now);
  }

  /** A fenced one may have been committed by an agent with another key, and its guest be on its way. */
  #giveBack(entry: OffloadedPod): void {
    const why = this.foreign.giveBack(entry);
    if (isFenced(entry.pod)) this.#withdraw(entry, why);
    else this.#guestGone(entry, why);
  }

  /** The guest exists. One whose pod has ended here, or was given up, may not. */
  #shown(entry: OffloadedPod, status: PodStatus): void {
    this.#entries.guestSeen(entry, status);
    if (contradicts(entry.pod.status, status) && entry.phase !== 'ending') {
      entry.stray = true;
      this.#entries.due(entry);
    } else {
      this.#tellIfEndedThere(entry, status);
      this.#mirror(entry, status);
    }
    // It may have been changed since it was committed.
    if (this.#updates.isStale(entry)) this.#entries.due(entry);
  }

  /** A pod whose containers fail has no reason of its own; one that its node or its host has ended has. */
  #tellIfEndedThere(entry: OffloadedPod, { phase, reason, message = reason }: PodStatus): void {
    if (phase !== 'Failed' || reason === undefined || isTerminal(entry.pod.status)) return;
    if (entry.phase === 'ending' || entry.phase === 'finished') return;
    this.#tell(entry, 'GuestEnded', `${entry.host} has ended it: ${message} (${reason})`, true);
  }

  #mirror(entry: OffloadedPod, status: PodStatus): void {
    if (entry.phase === 'finished' || entry.homeGone) return;
    if (entry.phase === 'committing' || entry.phase === 'foreign') {
      entry.phase = 'away';
      entry.retryAt = undefined;
      if (!entry.calling) this.#calls.settle(entry, true);
    }
    // Without a phase it says no more than that the guest exists.
    const joined = this.#options.joined(entry.host);
    const mirrored = status.phase && mirroredStatus(entry.pod, status, joined);
    if (!mirrored) return;
    // News goes out at once, whatever else is waiting for its next try.
    entry.retryAt = undefined;
    entry.unwritten = mirrored;
    entry.pod = { ...entry.pod, status: { ...entry.pod.status, ...mirrored } };
    this.#entries.due(entry);
  }

  #guestGone(
    entry: OffloadedPod,
    why: { readonly reason: string; readonly message: string; readonly lastStatus?: PodStatus },
  ): void {
    const { lastStatus } = why;
    const { reason, message } = entry.withdrawn ?? why;
    this.#entries.guestGone(entry);
    if (lastStatus !== undefined && isTerminal(lastStatus)) {
      this.#tellIfEndedThere(entry, lastStatus);
      this.#mirror(entry, lastStatus);
    }
    if (entry.phase === 'ending' || entry.phase === 'finished') return;
    if (isTerminal(entry.pod.status)) return;
    entry.problem = message;
    const lost = `no longer at ${entry.host}: ${message} (${reason})`;
    if (reason === 'GuestRefused') this.#tell(entry, reason, `${message}. The pod fails.`, true);
    else if (!entry.foreign) this.#tell(entry, 'GuestLost', lost, true);
    entry.phase = 'away';
    const failed = { ...lastStatus, phase: 'Failed', reason, message };
    // One that its host refused has never run: it failed as one does that a kubelet rejects.
    this.#mirror(entry, reason === 'GuestRefused' || entry.foreign ? failed : endedByHost(failed));
  }

  /**
   * The host has refused a commit of it. It may have asked its API server for the guest all the same, and
   * had no answer. So the guest may still be created, whether the commit was the first or a probe: it is
   * released until it is known to be gone.
   */
  #giveUp(entry: OffloadedPod, why: NonNullable<OffloadedPod['withdrawn']>): void {
    if (isFenced(entry.pod)) return this.#withdraw(entry, why);
    this.#guestGone(entry, why);
    entry.guestGone = false;
    entry.stray = true;
  }

  /** Its guest is released, and so long as that is not confirmed nothing replaces the pod. */
  #withdraw(entry: OffloadedPod, why: NonNullable<OffloadedPod['withdrawn']>): void {
    entry.backoff.reset();
    entry.phase = 'withdrawing';
    entry.probing = false;
    entry.withdrawn = why;
    this.#calls.settle(entry, false);
    this.#entries.due(entry);
  }

  #end(entry: OffloadedPod): void {
    if (entry.phase !== 'ending') entry.backoff.reset();
    if (entry.phase === 'foreign' && this.#streams.isWhole(entry.host)) entry.guestGone = true;
    entry.phase = 'ending';
    entry.probing = false;
    entry.retryAt = undefined;
    this.#entries.due(entry);
    // The slot of a commit under way is settled when that ends.
    if (!entry.calling) this.#calls.settle(entry, false);
  }

  #finish(entry: OffloadedPod): void {
    entry.phase = 'finished';
    entry.probing = false;
    if (!entry.calling) this.#calls.settle(entry, false);
  }

  #letGo(entry: OffloadedPod): void {
    if (entry.homeGone) {
      this.#entries.forget(entry);
    } else if (!entry.finalized && entry.writing === undefined) {
      entry.calling = true;
      this.#options.emit({ kind: 'finalize', ref: entry.ref });
    }
  }

  #retryLater(entry: OffloadedPod, now: MonotonicMs): void {
    entry.retryAt = entry.backoff.next(now, this.#options.random);
    this.#entries.due(entry);
  }

  #tell(entry: OffloadedPod, reason: Tell['reason'], message: string, warning: boolean): void {
    if (!entry.homeGone) {
      this.#options.emit({ kind: 'tell', ref: entry.ref, reason, message, warning });
    }
  }
}
