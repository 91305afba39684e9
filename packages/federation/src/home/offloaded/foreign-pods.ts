/**
 * Pods that something other than Spillway has bound to a virtual node: a scheduler that tolerates the taint,
 * a user who set `nodeName`, a controller. Only what this home has bound itself, by eligibility and policy,
 * is ever committed.
 *
 * If the host shows a guest of such a pod, an agent with another key committed it, and the home adopts it.
 * So each pod waits until its host has shown all its guests. The others are given back: they fail, as when a
 * kubelet rejects a pod. A controller then creates a replacement, which may be bound there again at once. So
 * the home gives back the pods of one controller in rounds, with growing time between them.
 */
import {
  after,
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type Random,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import type { OffloadedEntries } from './entries.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import { Backoff } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';
import { type HomeEffect, notPlacedBySpillway, type PodRef } from '../events.ts';
import type { GuestStreams } from './guest-streams.ts';

export interface ForeignPodsOptions {
  readonly config: HomeConfig;
  readonly random: Random;
  readonly emit: (effect: HomeEffect) => void;
  readonly entries: OffloadedEntries;
  readonly streams: GuestStreams;
}

/** Of more controllers than these, the one that was quiet for longest is forgotten. */
const controllersMax = 4_096;

interface Rounds {
  readonly backoff: Backoff;
  at: MonotonicMs;
}

/** A foreign pod, for the operator. */
export interface ForeignPod {
  readonly ref: PodRef;
  readonly host: ClusterName;
  /** Its controller, as `ReplicaSet web`. */
  readonly owner: string | undefined;
  /** Why it has no guest. */
  readonly message: string;
}

export class ForeignPods {
  readonly #options: ForeignPodsOptions;
  readonly #byController = new Map<string, Rounds>();

  constructor(options: ForeignPodsOptions) {
    this.#options = options;
  }

  arrived(entry: OffloadedPod): void {
    entry.foreign = true;
    entry.on('arrivedForeign');
  }

  /** Whether it is time; if not, its owner has been told why, and `retryAt` says when it may be. */
  mayGiveBack(entry: OffloadedPod, now: MonotonicMs): boolean {
    const first = entry.giveBackAt === undefined;
    if (this.#options.streams.isWhole(entry.host)) entry.giveBackAt ??= this.#next(entry.pod, now);
    if (entry.giveBackAt !== undefined && entry.giveBackAt <= now) return true;
    entry.retryAt = entry.giveBackAt;
    if (entry.retryAt !== undefined) this.#options.entries.due(entry);
    if (first) this.#tell(entry, this.#explain(entry));
    return false;
  }

  /** What it fails with. */
  giveBack(entry: OffloadedPod): { readonly reason: string; readonly message: string } {
    const { ref, host, pod } = entry;
    const message = givenBackText(host);
    this.#options.emit({ kind: 'giveBack', ref, host, owner: ownerText(pod) });
    this.#tell(entry, message);
    return { reason: notPlacedBySpillway, message };
  }

  /** Those given back are in it while they exist. */
  list(): readonly ForeignPod[] {
    return this.#options.entries.foreign().map((entry) => this.#shown(entry));
  }

  find(namespace: string, name: string): ForeignPod | undefined {
    const entry = this.#options.entries.find(namespace, name);
    return entry?.foreign ? this.#shown(entry) : undefined;
  }

  #shown(entry: OffloadedPod): ForeignPod {
    const { ref, host, pod } = entry;
    return { ref, host, owner: ownerText(pod), message: this.#explain(entry) };
  }

  #explain({ host, state, giveBackAt }: OffloadedPod): string {
    const node = virtualNodeName(host);
    const told = `Spillway did not bind this pod to node ${node}. Nothing of it is sent to ${host}.`;
    if (state !== 'foreign') return givenBackText(host);
    if (giveBackAt === undefined) {
      return `${told} Spillway waits until ${host} has said whether it runs the pod already.`;
    }
    const seconds = this.#options.config.giveBackMsMax / 1_000;
    return `${told} Its controller's pods have been bound there before. The pod fails after a wait of maximum ${seconds} s.`;
  }

  /** At once for a bare pod, else with the next round of its controller. */
  #next(pod: Pod, now: MonotonicMs): MonotonicMs {
    const uid = controllerOf(pod)?.uid;
    if (uid === undefined) return now;
    const rounds = this.#byController.get(uid);
    if (rounds !== undefined && now < rounds.at) return rounds.at;
    this.#byController.delete(uid);
    const { giveBackMsMin, giveBackMsMax } = this.#options.config;
    if (rounds === undefined || after(rounds.at, giveBackMsMax) <= now) {
      this.#forgetQuietest();
      this.#byController.set(uid, { backoff: new Backoff(giveBackMsMin, giveBackMsMax), at: now });
      return now;
    }
    rounds.at = rounds.backoff.next(now, this.#options.random);
    this.#byController.set(uid, rounds);
    return rounds.at;
  }

  #forgetQuietest(): void {
    const [quietest] = this.#byController.keys();
    if (quietest !== undefined && this.#byController.size >= controllersMax) {
      this.#byController.delete(quietest);
    }
  }

  #tell({ ref }: OffloadedPod, message: string): void {
    this.#options.emit({ kind: 'tell', ref, reason: notPlacedBySpillway, message, warning: true });
  }
}

/** As `ReplicaSet web`; undefined for a bare pod. */
function ownerText(pod: Pod): string | undefined {
  const owner = controllerOf(pod);
  return owner && `${owner.kind} ${owner.name}`;
}

/** Whether it has been given back already, perhaps by an earlier agent. */
export function wasGivenBack({ status }: Pod): boolean {
  return status?.phase === 'Failed' && status.reason === notPlacedBySpillway;
}

function givenBackText(host: ClusterName): string {
  return (
    `Spillway did not bind this pod to node ${virtualNodeName(host)}. Nothing of it was sent to ${host}. ` +
    'Only Spillway may bind pods to its virtual nodes. Remove spec.nodeName, a toleration of ' +
    `${wellKnown.virtualNodeTaint}, or whatever binds pods there. ` +
    `To let pods leave, label their namespace ${wellKnown.offloadLabel}=enabled.`
  );
}

function controllerOf({
  metadata,
}: Pod): { readonly uid: string; readonly kind: string; readonly name: string } | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return owner && { uid: owner.uid, kind: owner.kind, name: owner.name };
}
