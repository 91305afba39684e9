/**
 * Which of the pods that a neighbour would take are bound to it now.
 *
 * A try says that the host would take one more pod, and not how many. If a quota there accepts only a few,
 * all the others would be bound, refused, and fail: a binding cannot be undone. Quota counts per namespace.
 * So the first few pods of one template, and of one namespace, are bound first. The others wait for the
 * answers to their commits. If an answer is a refusal, they go elsewhere.
 *
 * kube-controller-manager creates the pods of a ReplicaSet by the same rule (`slowStartBatch`).
 */
import { after, type ClusterName, type MonotonicMs, type PodUid } from '@spillway/core';
import type { Template } from '../../advert/template.ts';
import type { HomeConfig } from '../config.ts';
import type { Binding } from './bindings.ts';
import type { SlotEnd } from './grant.ts';
import { SlowStartWindow } from './slow-start-window.ts';
import type { TriedTemplates } from './tried-templates.ts';

/** A binding that its host would take, as far as is known. */
export interface Candidate {
  readonly binding: Binding;
  readonly template: Template;
}

interface Offered extends Candidate {
  readonly host: ClusterName;
  readonly since: MonotonicMs;
  readonly ofTemplate: SlowStartWindow;
  readonly ofNamespace: SlowStartWindow;
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
  readonly #windows = new Map<string, SlowStartWindow>();
  readonly #underWay = new Map<PodUid, Offered>();
  /** The one that has waited longest comes first. */
  readonly #held = new Map<PodUid, Offered>();
  /** Of namespaces in which one has just been refused. */
  readonly #refused = new Set<SlowStartWindow>();
  /** Something has ended since the last tick. */
  #stirred = false;

  constructor(options: SlowStartOptions) {
    this.#options = options;
  }

  /** Pods whose first commit is not answered yet. */
  get underWay(): number {
    return this.#underWay.size;
  }

  holds(uid: PodUid): boolean {
    return this.#held.has(uid);
  }

  /** Binds it, now or later, or lets it go elsewhere. */
  offer(candidate: Candidate, host: ClusterName, now: MonotonicMs): void {
    const { uid, namespace } = candidate.binding.waiting.ref;
    const ofTemplate = this.#window(`${host}\ntemplate ${candidate.template}`);
    const ofNamespace = this.#window(`${host}\nnamespace ${namespace}`);
    this.#held.set(uid, { ...candidate, host, since: now, ofTemplate, ofNamespace });
    this.#stirred = true;
  }

  /** Its slot is used or given up; also of pods that were never offered. */
  settled(uid: PodUid, end: SlotEnd): void {
    this.#held.delete(uid);
    const offered = this.#underWay.get(uid);
    if (offered === undefined) return;
    this.#underWay.delete(uid);
    offered.ofTemplate.ended(uid, end);
    offered.ofNamespace.ended(uid, end);
    if (end === 'refused') this.#refused.add(offered.ofNamespace);
    this.#stirred = true;
  }

  tick(now: MonotonicMs): void {
    const due = this.wakeAt();
    this.#stirred = false;
    if (due !== undefined && due <= now) {
      for (const offered of this.#held.values()) this.#decide(offered, now);
    }
    this.#refused.clear();
  }

  /** At once when others may begin; else when one has been held for as long as it may. */
  wakeAt(): MonotonicMs | undefined {
    for (const longest of this.#held.values()) {
      return this.#stirred ? longest.since : this.#heldUntil(longest);
    }
    return undefined;
  }

  #decide(offered: Offered, now: MonotonicMs): void {
    const { tried, refuse } = this.#options;
    const { host, template, binding, ofTemplate, ofNamespace } = offered;
    const isRefused = (): boolean => tried.refusal(host, template, now) !== undefined;
    const turnedAway = this.#refused.has(ofNamespace);
    if ((turnedAway || this.#heldUntil(offered) <= now) && !isRefused()) {
      const reason = turnedAway
        ? 'has just refused another pod like it'
        : 'has not created the first pods like it yet';
      tried.refused({ host, template, reason, lasting: false, now });
    }
    if (isRefused()) {
      this.#held.delete(binding.waiting.ref.uid);
      refuse(offered, now);
    } else if (ofTemplate.mayBegin(now) && ofNamespace.mayBegin(now)) this.#begin(offered, now);
  }

  #begin(offered: Offered, now: MonotonicMs): void {
    const { host, template, binding, ofTemplate, ofNamespace } = offered;
    const { uid } = binding.waiting.ref;
    this.#held.delete(uid);
    this.#underWay.set(uid, offered);
    ofTemplate.begin(uid, now);
    ofNamespace.begin(uid, now);
    const said = this.#options.tried.said(host, template, now);
    this.#options.bind(binding, said?.kind === 'ok' ? said.dropped : []);
  }

  #heldUntil({ since }: Offered): MonotonicMs {
    return after(since, this.#options.config.heldBackMsMax);
  }

  #window(key: string): SlowStartWindow {
    const { config } = this.#options;
    const window = this.#windows.get(key) ?? new SlowStartWindow(config);
    this.#windows.delete(key);
    this.#windows.set(key, window);
    for (const [oldest, { underWay }] of this.#windows) {
      if (this.#windows.size <= config.triedMax) break;
      if (underWay === 0) this.#windows.delete(oldest);
    }
    return window;
  }
}
