/**
 * What this host's API server says about pods that homes would send, before they bind anything. Asked once
 * for each template of a home at a time, and remembered for a short time, since many homes' calls are
 * repetitions.
 */
import {
  after,
  type ClusterName,
  type MonotonicMs,
  type NodeName,
  type Pod,
  type Verdict,
} from '@spillway/core';
import type { TryResult } from '../negotiation.ts';
import { saidOfTemplate, type Template, templateOf } from '../advert/template.ts';
import { outOfReservation, triedVerdict } from './answers.ts';
import { type HostConfig, placeOn } from './config.ts';
import type { HostEffect, TryOutcome } from './events.ts';
import type { GuestPod } from './guest-pod.ts';

interface Given {
  readonly home: ClusterName;
  readonly pod: Pod;
  readonly node: NodeName;
}

interface Try {
  readonly key: string;
  readonly pod: Pod;
  readonly dropped: readonly string[];
  /** Calls that wait for it, with the place of their pod. At most as many as calls are served at once. */
  readonly waiting: { readonly call: number; readonly place: number }[];
}

interface Call {
  readonly results: (TryResult | undefined)[];
  missing: number;
}

export interface TriesOptions {
  readonly config: HostConfig;
  readonly emit: (effect: HostEffect) => void;
  readonly honoured: (home: ClusterName, sent: Pod) => GuestPod;
}

export class Tries {
  readonly #options: TriesOptions;
  readonly #calls = new Map<number, Call>();
  readonly #running = new Map<number, Try>();
  readonly #runningByKey = new Map<string, Try>();
  /** Oldest first. At most `triesRememberedMax`. */
  readonly #known = new Map<string, { readonly result: TryResult; readonly until: MonotonicMs }>();
  #next = 0;

  constructor(options: TriesOptions) {
    this.#options = options;
  }

  /** `node`: one of those that are held; undefined when none is. */
  open(options: {
    readonly call: number;
    readonly home: ClusterName;
    readonly pods: readonly Pod[];
    readonly node: NodeName | undefined;
    readonly now: MonotonicMs;
  }): void {
    const { call, home, pods, node, now } = options;
    this.#calls.set(call, { results: pods.map(() => undefined), missing: pods.length });
    for (const [place, pod] of pods.entries()) {
      const key = keyOf(home, templateOf(pod));
      const known = this.#known.get(key);
      if (node === undefined) this.#answer(call, place, refusal(outOfReservation));
      else if (known !== undefined && known.until > now) this.#answer(call, place, known.result);
      else this.#begin({ call, place }, key, { home, pod, node });
    }
  }

  tried(id: number, outcome: TryOutcome, now: MonotonicMs): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    this.#runningByKey.delete(running.key);
    const result: TryResult =
      outcome.kind === 'accepted'
        ? { outcome: 'ok', dropped: running.dropped }
        : refusal(ofTemplate(triedVerdict(outcome), running.pod));
    if (outcome.kind !== 'failed') this.#remember(running.key, result, now);
    for (const { call, place } of running.waiting) this.#answer(call, place, result);
  }

  /** By the host's own terms first, then by its API server. */
  #begin(waiting: Try['waiting'][number], key: string, given: Given): void {
    const running = this.#runningByKey.get(key);
    if (running !== undefined) return void running.waiting.push(waiting);
    const { home } = given;
    const place = placeOn(given.node, this.#options.config);
    const { pod, dropped, verdicts } = this.#options.honoured(home, given.pod);
    if (verdicts[0] !== undefined) {
      return this.#answer(waiting.call, waiting.place, refusal(verdicts[0]));
    }
    const started: Try = { key, pod, dropped, waiting: [waiting] };
    const id = this.#next++;
    this.#running.set(id, started);
    this.#runningByKey.set(key, started);
    this.#options.emit({ kind: 'tryShadow', id, home, pod, place });
  }

  #remember(key: string, result: TryResult, now: MonotonicMs): void {
    const { triesTtlMs, triesRememberedMax } = this.#options.config;
    this.#known.delete(key);
    this.#known.set(key, { result, until: after(now, triesTtlMs) });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= triesRememberedMax) return;
      this.#known.delete(oldest);
    }
  }

  #answer(id: number, place: number, result: TryResult): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.results[place] = result;
    call.missing -= 1;
    if (call.missing > 0) return;
    this.#calls.delete(id);
    const results = call.results.filter((each) => each !== undefined);
    this.#options.emit({ kind: 'tryReply', call: id, results });
  }
}

function refusal(verdict: Verdict): TryResult {
  return { outcome: 'refused', verdict };
}

/** It is told to other pods of the template, too. */
function ofTemplate(verdict: Verdict, pod: Pod): Verdict {
  return { ...verdict, reason: saidOfTemplate(verdict.reason, pod) };
}

function keyOf(home: ClusterName, template: Template): string {
  return `${home}\n${template}`;
}
