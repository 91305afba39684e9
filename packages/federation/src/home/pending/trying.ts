/**
 * The step between a grant and the binding, which cannot be undone. The host tries one pod of each template
 * that it has not tried yet. Pods whose template is known pass at once.
 *
 * An older host that cannot try gets its pods without it. `TriedTemplates` still slows down what it refuses
 * after the binding (docs/adr/0026).
 */
import { after, type ClusterName, type MonotonicMs, type Pod, type PodUid } from '@spillway/core';
import { saidOfTemplate, type Template, templateOf } from '../../advert/template.ts';
import type { TryResult } from '../../negotiation.ts';
import { boundPod } from '../../offload/fence.ts';
import { portablePod } from '../../offload/portability.ts';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect, HomeEvent } from '../events.ts';
import type { Binding } from './bindings.ts';
import type { Grant, SlotEnd } from './grant.ts';
import { type Candidate, SlowStart } from './slow-start.ts';
import type { TriedTemplates } from './tried-templates.ts';

interface Try {
  /** One pod of each template. */
  readonly samples: readonly { readonly template: Template; readonly sample: Pod }[];
  readonly candidates: readonly Candidate[];
}

export interface TryingOptions {
  readonly config: HomeConfig;
  readonly homeEpoch: number;
  readonly tried: TriedTemplates;
  readonly emit: (effect: HomeEffect) => void;
  /** False when the pod was deleted, or bound by something else, meanwhile. */
  readonly wanted: (binding: Binding) => boolean;
  /** The host would take it, and it is its turn. */
  readonly accepted: (binding: Binding, dropped: readonly string[]) => void;
  /** It would not. */
  readonly refused: (candidate: Candidate, now: MonotonicMs) => void;
}

export class Trying {
  readonly #options: TryingOptions;
  readonly #slowStart: SlowStart;
  readonly #tries = new Map<string, Try>();
  /** Hosts that can't try, until when that is believed. Bounded by the federation's members. */
  readonly #unable = new Map<ClusterName, MonotonicMs>();
  #next = 0;

  constructor(options: TryingOptions) {
    this.#options = options;
    const { accepted: bind, refused: refuse } = options;
    this.#slowStart = new SlowStart({ ...options, bind, refuse });
  }

  /** What has become of a slot. */
  readonly onSettled = (uid: PodUid, end: SlotEnd): void => this.#slowStart.settled(uid, end);

  begin(bindings: readonly Binding[], grant: Grant, now: MonotonicMs): void {
    const unknown = new Map<Template, Candidate[]>();
    for (const binding of bindings) {
      const candidate = { binding, template: templateOf(sent(binding)) };
      if (this.#passes(candidate, grant.host, now)) continue;
      const alike = unknown.get(candidate.template);
      if (alike === undefined) unknown.set(candidate.template, [candidate]);
      else alike.push(candidate);
    }
    const { commitPodsMax } = this.#options.config;
    const templates = [...unknown];
    for (let i = 0; i < templates.length; i += commitPodsMax) {
      this.#try(templates.slice(i, i + commitPodsMax), grant);
    }
  }

  tried(event: Extract<HomeEvent, { kind: 'tried' }>, now: MonotonicMs): void {
    const { host, results } = event;
    const known = this.#tries.get(event.tryId);
    if (known === undefined) return;
    this.#tries.delete(event.tryId);
    if (event.unable) this.#unable.set(host, after(now, this.#options.config.triedOkTtlMs));
    else {
      for (const [i, tried] of known.samples.entries()) {
        this.#learn({ host, ...tried, result: results?.[i], problem: event.problem, now });
      }
    }
    for (const candidate of known.candidates) this.#passes(candidate, host, now);
  }

  /** Pods that are bound to a neighbour, or about to be, and whose first commit is not answered yet. */
  get underWay(): number {
    return this.#slowStart.underWay;
  }

  /** Whether its host would take it, and it waits for the answers to others. */
  holds(uid: PodUid): boolean {
    return this.#slowStart.holds(uid);
  }

  tick(now: MonotonicMs): void {
    this.#slowStart.tick(now);
  }

  wakeAt(): MonotonicMs | undefined {
    return this.#slowStart.wakeAt();
  }

  /** Whether the host's answer for its template is known. Then the pod goes on. */
  #passes(candidate: Candidate, host: ClusterName, now: MonotonicMs): boolean {
    const { tried, wanted, refused } = this.#options;
    if (!wanted(candidate.binding)) return true;
    const said = tried.said(host, candidate.template, now);
    const unable = now < (this.#unable.get(host) ?? now);
    if (said?.kind === 'refused') refused(candidate, now);
    else if (said?.kind === 'ok' || unable) this.#slowStart.offer(candidate, host, now);
    else return false;
    return true;
  }

  #learn(options: {
    readonly host: ClusterName;
    readonly template: Template;
    /** The pod that was tried for all of the template. */
    readonly sample: Pod;
    readonly result: TryResult | undefined;
    readonly problem: string | undefined;
    readonly now: MonotonicMs;
  }): void {
    const { host, template, result, problem = 'no answer', now } = options;
    const { tried } = this.#options;
    if (result === undefined) {
      const reason = `could not be asked to try it (${problem})`;
      tried.refused({ host, template, reason, lasting: false, now });
    } else if (result.outcome === 'ok') {
      tried.accepted({ host, template, dropped: result.dropped, now });
    } else {
      const { code } = result.verdict;
      const reason = saidOfTemplate(result.verdict.reason, options.sample);
      const lasting = code === 'UnschedulableAndUnresolvable';
      tried.refused({ host, template, reason, lasting, now });
    }
  }

  #try(templates: readonly (readonly [Template, readonly Candidate[]])[], grant: Grant): void {
    const { homeEpoch, emit } = this.#options;
    const tryId = `${homeEpoch}-${this.#next++}`;
    const samples = templates.flatMap(([template, [first]]) =>
      first === undefined ? [] : [{ template, sample: portablePod(sent(first.binding)) }],
    );
    const candidates = templates.flatMap(([, alike]) => alike);
    this.#tries.set(tryId, { samples, candidates });
    const { host, reservation: reservationId } = grant;
    const pods = samples.map(({ sample }) => sample);
    emit({ kind: 'try', tryId, host, request: { homeEpoch, reservationId, pods } });
  }
}

/** The pod as its binding will leave it. */
function sent({ waiting, group }: Binding): Pod {
  return boundPod(waiting.pod, group.policy);
}
