/**
 * How many pods of one kind are bound to a neighbour whose answers to their commits are still out.
 *
 * A try says that the host would take one more pod, and not how many. Where a quota there lets in a few,
 * all the others would be bound, refused, and fail: a binding can't be taken back. So the first
 * `firstPodsMax` go ahead, each that is created lets two more go (so the number doubles with each round
 * trip), and a refusal lets the rest go elsewhere. kube-controller-manager creates the pods of a
 * ReplicaSet by the same rule (`slowStartBatch`).
 *
 * Kept by what a quota counts, and not by template: each pod of a StatefulSet has a template of its own.
 */
import { after, type ClusterName, earliest, type MonotonicMs, type PodUid } from '@spillway/core';
import type { Template } from '../../template.ts';
import type { Binding } from './bindings.ts';
import type { HomeConfig } from '../config.ts';
import type { SlotEnd } from './grant.ts';
import type { TriedTemplates } from './tried-templates.ts';

/** A binding that its host would take. */
export interface Candidate {
  readonly binding: Binding;
  readonly template: Template;
}

interface Held extends Candidate {
  readonly since: MonotonicMs;
}

/** Pods of one kind at one host. */
interface Window {
  readonly host: ClusterName;
  /** Maximum of pods under way. */
  size: number;
  /** Its size after a pause. */
  first: number;
  /** By when they began: pods that began before a refusal prove nothing about what came after it. */
  readonly underWay: Map<PodUid, { readonly template: Template; readonly refusals: number }>;
  /** The one that has waited longest comes first. */
  readonly held: Map<PodUid, Held>;
  /** So far. */
  refusals: number;
  readonly justRefused: Set<Template>;
  /** When one last began. */
  usedAt: MonotonicMs;
}

export interface SlowStartOptions {
  readonly config: HomeConfig;
  readonly tried: TriedTemplates;
  readonly bind: (binding: Binding, dropped: readonly string[]) => void;
  readonly refuse: (candidate: Candidate, now: MonotonicMs) => void;
}

export class SlowStart {
  readonly #options: SlowStartOptions;
  /** The one that was used longest ago comes first. Maximum `triedMax`, besides those in use. */
  readonly #windows = new Map<string, Window>();
  readonly #ofPod = new Map<PodUid, Window>();
  readonly #holding = new Set<Window>();
  /** Those in which something has ended since the last tick. */
  readonly #stirred = new Set<Window>();

  constructor(options: SlowStartOptions) {
    this.#options = options;
  }

  /** Binds it, now or later, or lets it go elsewhere. */
  offer(candidate: Candidate, host: ClusterName, now: MonotonicMs): void {
    const { uid } = candidate.binding.waiting.ref;
    const window = this.#windowOf(candidate, host, now);
    this.#ofPod.set(uid, window);
    if (window.underWay.size < window.size) return this.#begin(window, candidate, now);
    window.held.set(uid, { ...candidate, since: now });
    this.#holding.add(window);
  }

  /** Its slot is used or given up; also of pods that were never offered. */
  settled(uid: PodUid, end: SlotEnd): void {
    const window = this.#ofPod.get(uid);
    if (window === undefined) return;
    const began = window.underWay.get(uid);
    this.#ofPod.delete(uid);
    window.held.delete(uid);
    window.underWay.delete(uid);
    this.#stirred.add(window);
    if (began === undefined) return;
    if (end === 'refused') {
      window.refusals += 1;
      window.size = window.first = 1;
      window.justRefused.add(began.template);
    } else if (end === 'created' && began.refusals === window.refusals) {
      window.size += 1;
      window.first = Math.max(window.first, Math.min(window.size, this.#firstPodsMax));
    }
  }

  tick(now: MonotonicMs): void {
    const due = this.wakeAt();
    if (due !== undefined && due <= now) for (const each of this.#holding) this.#stirred.add(each);
    const stirred = [...this.#stirred];
    this.#stirred.clear();
    for (const window of stirred) this.#drain(window, now);
  }

  /** When one has been held for as long as it may. */
  wakeAt(): MonotonicMs | undefined {
    let at: MonotonicMs | undefined;
    for (const { held } of this.#holding) {
      const [longest] = held.values();
      if (longest !== undefined) at = earliest(at, this.#heldUntil(longest));
    }
    return at;
  }

  get #firstPodsMax(): number {
    return this.#options.config.firstPodsMax;
  }

  #drain(window: Window, now: MonotonicMs): void {
    const { tried } = this.#options;
    const { host, justRefused } = window;
    for (const held of [...window.held.values()]) {
      const { template } = held;
      const late = this.#heldUntil(held) <= now;
      if (tried.refusal(host, template, now) === undefined && (justRefused.has(template) || late)) {
        const reason = late
          ? 'has not created the first pods like it yet'
          : 'has just refused another pod like it';
        tried.refused({ host, template, reason, lasting: false, now });
      }
      if (tried.refusal(host, template, now) !== undefined) this.#letGo(window, held, now);
      else if (window.underWay.size < window.size) this.#begin(window, held, now);
    }
    justRefused.clear();
    if (window.held.size === 0) this.#holding.delete(window);
  }

  #begin(window: Window, { binding, template }: Candidate, now: MonotonicMs): void {
    const { tried, bind } = this.#options;
    const { host, held, underWay, refusals } = window;
    const { uid } = binding.waiting.ref;
    held.delete(uid);
    underWay.set(uid, { template, refusals });
    window.usedAt = now;
    const said = tried.said(host, template, now);
    bind(binding, said?.kind === 'ok' ? said.dropped : []);
  }

  #letGo(window: Window, held: Held, now: MonotonicMs): void {
    const { uid } = held.binding.waiting.ref;
    window.held.delete(uid);
    this.#ofPod.delete(uid);
    this.#options.refuse(held, now);
  }

  #heldUntil({ since }: Held): MonotonicMs {
    return after(since, this.#options.config.heldBackMsMax);
  }

  #windowOf({ binding }: Candidate, host: ClusterName, now: MonotonicMs): Window {
    const key = `${host}\n${countedAs(binding)}`;
    const known = this.#windows.get(key);
    const first = this.#firstPodsMax;
    const window = known ?? {
      host,
      size: first,
      first,
      underWay: new Map(),
      held: new Map(),
      refusals: 0,
      justRefused: new Set(),
      usedAt: now,
    };
    const idle = window.underWay.size === 0 && window.held.size === 0;
    if (idle && now >= after(window.usedAt, this.#options.config.firstPodsAgainMs)) {
      window.size = window.first;
    }
    this.#windows.delete(key);
    this.#windows.set(key, window);
    this.#forgetOldest();
    return window;
  }

  #forgetOldest(): void {
    for (const [key, { underWay, held }] of this.#windows) {
      if (this.#windows.size <= this.#options.config.triedMax) return;
      if (underWay.size === 0 && held.size === 0) this.#windows.delete(key);
    }
  }
}

/** Pods that a quota of their namespace counts alike. */
function countedAs({ waiting, group }: Binding): string {
  const { namespace, requests } = group.shape;
  const { extended, ...amounts } = requests;
  const priorityClass = waiting.pod.spec['priorityClassName'];
  const sorted = [...extended].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, priorityClass, amounts, sorted]);
}
