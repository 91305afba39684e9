/**
 * What hosts have said of templates, when they tried one or refused a commit. It outlives the pods: a
 * replacement of a refused pod is not sent where it would be refused again. A refusal stands for a time
 * that grows each time it is repeated. Then the host is asked again, because its rules may have changed.
 */
import {
  after,
  type ClusterName,
  jittered,
  type MonotonicMs,
  type Pod,
  type Random,
} from '@spillway/core';
import { saidOfTemplate, type Template, templateOf } from '../../advert/template.ts';
import { Backoff } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';

export type Tried =
  | { readonly kind: 'ok'; readonly dropped: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string };

interface Entry {
  readonly host: ClusterName;
  readonly template: Template;
  readonly backoff: Backoff;
  said: Tried;
  until: MonotonicMs;
}

export class TriedTemplates {
  readonly #config: HomeConfig;
  readonly #random: Random;
  /** The oldest comes first. Maximum `triedMax`. */
  readonly #entries = new Map<string, Entry>();
  readonly #refusing = new Map<Template, number>();

  constructor(config: HomeConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  /** Undefined: not known, or too old. */
  said(host: ClusterName, template: Template, now: MonotonicMs): Tried | undefined {
    const entry = this.#entries.get(keyOf(host, template));
    return entry === undefined || entry.until <= now ? undefined : entry.said;
  }

  /** Why `host` does not take it now; undefined when it may. */
  refusal(host: ClusterName, template: Template, now: MonotonicMs): string | undefined {
    const said = this.said(host, template, now);
    return said?.kind === 'refused' ? said.reason : undefined;
  }

  /** Whether any host has refused it. Then its pods are decided apart from others of their shape. */
  isRefused(template: Template): boolean {
    return this.#refusing.has(template);
  }

  /** Whether no template is refused. Then no template has to be computed. */
  get refusesNothing(): boolean {
    return this.#refusing.size === 0;
  }

  accepted(options: {
    readonly host: ClusterName;
    readonly template: Template;
    readonly dropped: readonly string[];
    readonly now: MonotonicMs;
  }): void {
    const { host, template, dropped, now } = options;
    const { triedOkTtlMs } = this.#config;
    const until = after(now, jittered(this.#random, triedOkTtlMs, 0.25));
    this.#say(host, template, { said: { kind: 'ok', dropped }, until, backoff: this.#backoff() });
  }

  /** `lasting`: the host refuses it by its rules, so waiting does not help. Else it is tried again soon. */
  refused(options: {
    readonly host: ClusterName;
    readonly template: Template;
    readonly reason: string;
    readonly lasting: boolean;
    readonly now: MonotonicMs;
  }): void {
    const { host, template, reason, lasting, now } = options;
    const known = this.#entries.get(keyOf(host, template));
    const backoff = known?.backoff ?? this.#backoff();
    if (!lasting) backoff.reset();
    const until = backoff.next(now, this.#random);
    this.#say(host, template, { said: { kind: 'refused', reason }, until, backoff });
  }

  /** By rules of the host, after the binding of `pod`. */
  refusedBound(
    { host, pod }: { readonly host: ClusterName; readonly pod: Pod },
    words: string,
    now: MonotonicMs,
  ): void {
    const template = templateOf(pod);
    this.refused({ host, template, reason: saidOfTemplate(words, pod), lasting: true, now });
  }

  #say(
    host: ClusterName,
    template: Template,
    says: Pick<Entry, 'said' | 'until' | 'backoff'>,
  ): void {
    const key = keyOf(host, template);
    this.#forget(key);
    this.#entries.set(key, { host, template, ...says });
    if (says.said.kind === 'refused') this.#count(template, 1);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#config.triedMax) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.said.kind === 'refused') this.#count(entry.template, -1);
  }

  #count(template: Template, more: 1 | -1): void {
    const count = (this.#refusing.get(template) ?? 0) + more;
    if (count === 0) this.#refusing.delete(template);
    else this.#refusing.set(template, count);
  }

  #backoff(): Backoff {
    return new Backoff(this.#config.triedRetryMsMin, this.#config.triedRetryMsMax);
  }
}

function keyOf(host: ClusterName, template: Template): string {
  return `${host}\n${template}`;
}
