/** The groups of waiting pods, findable by what they are and by their pods. An empty one ends. */
import { after, type MonotonicMs, type Pod, type PodUid, shapeOf } from '@spillway/core';
import { type Template, templateOf } from '../template.ts';
import type { Claim } from './claim.ts';
import type { HomeConfig } from './config.ts';
import {
  type Group,
  groupBase,
  keyWith,
  newGroup,
  type Outlook,
  outlookOf,
  type WaitingPod,
} from './group.ts';
import type { PolicyForPod } from './ports.ts';
import type { TriedTemplates } from './tried-templates.ts';

/** What a group is made of that has no pods yet. */
type Like = Pick<Group, 'base' | 'template' | 'claim' | 'policyFor'> & { readonly pod: Pod };

export class Groups {
  readonly #config: HomeConfig;
  readonly #tried: TriedTemplates;
  readonly #groups = new Map<string, Group>();
  readonly #ofPod = new Map<PodUid, Group>();

  constructor(config: HomeConfig, tried: TriedTemplates) {
    this.#config = config;
    this.#tried = tried;
  }

  /** Pods in all of them. */
  get size(): number {
    return this.#ofPod.size;
  }

  all(): Iterable<Group> {
    return this.#groups.values();
  }

  get(key: string): Group | undefined {
    return this.#groups.get(key);
  }

  of(uid: PodUid): Group | undefined {
    return this.#ofPod.get(uid);
  }

  /** The group that pods like this one belong in, made if there is none. */
  for(pod: Pod, claim: Claim, policyFor: PolicyForPod, now: MonotonicMs): Group {
    const base = groupBase({ claim, shape: shapeOf(pod), pod, policyFor });
    return this.#like({ base, template: this.#refusedTemplate(pod), claim, pod, policyFor }, now);
  }

  /** The group beside `group` of those whose template has been refused. */
  apart(group: Group, template: Template, pod: Pod, now: MonotonicMs): Group {
    return this.#like({ ...group, template, pod }, now);
  }

  add(group: Group, waiting: WaitingPod): void {
    group.pods.set(waiting.ref.uid, waiting);
    this.#ofPod.set(waiting.ref.uid, group);
  }

  /** Adds to the group that has the key of `group` now, which may have ended. */
  putBack(group: Group, waiting: WaitingPod): Group {
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

  /** Another of its key may have taken its place meanwhile. */
  endIfEmpty(group: Group): void {
    if (group.pods.size > 0 || group.ask !== undefined) return;
    if (this.#groups.get(group.key) === group) this.#groups.delete(group.key);
  }

  /** How pods like this one are judged: as its group is, if some of them wait. */
  outlook(pod: Pod, claim: Claim | undefined, policyFor: PolicyForPod): Outlook {
    const template = this.#refusedTemplate(pod);
    const base = claim && groupBase({ claim, shape: shapeOf(pod), pod, policyFor });
    const known = base && this.#groups.get(keyWith(base, template));
    const templateRefusal = this.#refusalsOf(template);
    return known || { ...outlookOf(pod, policyFor), templateRefusal };
  }

  #like(like: Like, now: MonotonicMs): Group {
    const key = keyWith(like.base, like.template);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const templateRefusal = this.#refusalsOf(like.template);
    const nextTry = after(now, this.#config.batchMs);
    const group = newGroup({ ...like, templateRefusal, config: this.#config, nextTry });
    this.#groups.set(key, group);
    return group;
  }

  /** Its template, if a neighbour has refused it. */
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
