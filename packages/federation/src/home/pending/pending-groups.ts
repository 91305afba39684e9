/** The groups of pending pods, by key and by pod. An empty group is removed. */
import { after, type MonotonicMs, type Pod, type PodUid, shapeOf } from '@spillway/core';
import { type Template, templateOf } from '../../advert/template.ts';
import type { HomeConfig } from '../config.ts';
import type { Eligibility } from '../eligibility.ts';
import type { PolicyForPod } from '../ports.ts';
import {
  groupBase,
  keyWith,
  newGroup,
  type Outlook,
  outlookOf,
  type PendingGroup,
  staysOf,
} from './pending-group.ts';
import type { PendingPod } from './pending-pod.ts';
import type { TriedTemplates } from './tried-templates.ts';

/** What a new group is made of. */
type Like = Pick<PendingGroup, 'base' | 'template' | 'eligibility' | 'policyFor' | 'stays'> & {
  readonly pod: Pod;
};

export class PendingGroups {
  readonly #config: HomeConfig;
  readonly #tried: TriedTemplates;
  readonly #groups = new Map<string, PendingGroup>();
  readonly #ofPod = new Map<PodUid, PendingGroup>();

  constructor(config: HomeConfig, tried: TriedTemplates) {
    this.#config = config;
    this.#tried = tried;
  }

  /** Pods in all groups. */
  get size(): number {
    return this.#ofPod.size;
  }

  all(): Iterable<PendingGroup> {
    return this.#groups.values();
  }

  get(key: string): PendingGroup | undefined {
    return this.#groups.get(key);
  }

  of(uid: PodUid): PendingGroup | undefined {
    return this.#ofPod.get(uid);
  }

  /** The group of pods like this one. It is created if there is none. */
  for(pod: Pod, eligibility: Eligibility, policyFor: PolicyForPod, now: MonotonicMs): PendingGroup {
    const stays = staysOf(pod, policyFor);
    const base = groupBase({ eligibility, shape: shapeOf(pod), pod, policyFor, stays });
    const template = this.#refusedTemplate(pod);
    return this.#like({ base, template, eligibility, pod, policyFor, stays }, now);
  }

  /** The group beside `group` for pods whose template was refused. */
  apart(group: PendingGroup, template: Template, pod: Pod, now: MonotonicMs): PendingGroup {
    return this.#like({ ...group, template, pod }, now);
  }

  add(group: PendingGroup, waiting: PendingPod): void {
    group.pods.set(waiting.ref.uid, waiting);
    this.#ofPod.set(waiting.ref.uid, group);
  }

  /** Adds to the group that has the key of `group` now. `group` itself may have been removed. */
  putBack(group: PendingGroup, waiting: PendingPod): PendingGroup {
    const live = this.#groups.get(group.key) ?? group;
    this.#groups.set(live.key, live);
    this.add(live, waiting);
    return live;
  }

  remove(uid: PodUid): void {
    const group = this.#ofPod.get(uid);
    if (group === undefined) return;
    this.#ofPod.delete(uid);
    group.pods.delete(uid);
    this.endIfEmpty(group);
  }

  /** A newer group may have its key. */
  endIfEmpty(group: PendingGroup): void {
    if (group.pods.size > 0 || group.round !== undefined) return;
    if (this.#groups.get(group.key) === group) this.#groups.delete(group.key);
  }

  /** What decides about pods like this one: the outlook of its group, if such pods wait. */
  outlook(pod: Pod, eligibility: Eligibility | undefined, policyFor: PolicyForPod): Outlook {
    const template = this.#refusedTemplate(pod);
    const stays = staysOf(pod, policyFor);
    const base =
      eligibility && groupBase({ eligibility, shape: shapeOf(pod), pod, policyFor, stays });
    const known = base && this.#groups.get(keyWith(base, template));
    const templateRefusal = this.#refusalsOf(template);
    return known || { ...outlookOf(pod, policyFor, stays), templateRefusal };
  }

  #like(like: Like, now: MonotonicMs): PendingGroup {
    const key = keyWith(like.base, like.template);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const templateRefusal = this.#refusalsOf(like.template);
    const nextTry = after(now, this.#config.batchMs);
    const group = newGroup({ ...like, templateRefusal, config: this.#config, nextTry });
    this.#groups.set(key, group);
    return group;
  }

  /** The pod's template, if a neighbour has refused it. */
  #refusedTemplate(pod: Pod): Template | undefined {
    if (this.#tried.refusesNothing) return undefined;
    const template = templateOf(pod);
    return this.#tried.isRefused(template) ? template : undefined;
  }

  #refusalsOf(template: Template | undefined): Outlook['templateRefusal'] {
    if (template === undefined) return () => undefined;
    return (host, now) => this.#tried.refusal(host, template, now);
  }
}
