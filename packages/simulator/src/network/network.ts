/**
 * Calls and streams between agents over links that delay, lose, repeat, reorder, and can be cut one
 * direction at a time. A call that gets no answer fails at its deadline, whether it took effect or
 * not. Within a stream the order holds; a message lost breaks it.
 */
import type { ClusterName, PeerId, Random } from '@spillway/core';
import type { Member } from '@spillway/federation';
import type { VirtualTime } from '../virtual-time.ts';

/** Probabilities, 0 to 1. */
export interface Weather {
  readonly loss: number;
  readonly repeat: number;
  /** That a write to an API server reports failure: never done, done, or done later. */
  readonly writeFailure: number;
}

export const storm: Weather = { loss: 0.08, repeat: 0.05, writeFailure: 0.08 };
export const calm: Weather = { loss: 0, repeat: 0, writeFailure: 0 };

/** How long one message takes, ms. */
export type OneWay = (from: ClusterName, to: ClusterName) => number;

interface End {
  readonly cluster: ClusterName;
  /** False once that life of the agent is over. */
  readonly alive: () => boolean;
}

/** A straggler overtakes nobody: many later messages pass it. */
const stragglerMsMax = 3_000;
const brokenNoticedMs = 4_000;

export class ModelNetwork {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #oneWay: OneWay;
  readonly #cuts = new Set<string>();
  /** Messages sent: each call is two. */
  messages = 0;
  weather: Weather = calm;

  constructor(time: VirtualTime, random: Random, oneWay: OneWay) {
    this.#time = time;
    this.#random = random;
    this.#oneWay = oneWay;
  }

  cut(from: ClusterName, to: ClusterName): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  isCut(from: ClusterName, to: ClusterName): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** `serve` runs at the callee, and answers through its argument; `done` runs once at the caller. */
  call<Answer>(options: {
    readonly from: End;
    readonly to: () => End | undefined;
    readonly callee: ClusterName;
    readonly deadlineMs: number;
    readonly serve: (answer: (value: Answer) => void) => void;
    readonly done: (answer: Answer | undefined) => void;
  }): void {
    const { from, callee, deadlineMs, serve } = options;
    let open = true;
    const done = (answer: Answer | undefined): void => {
      if (!open) return;
      open = false;
      if (from.alive()) options.done(answer);
    };
    this.#time.after(deadlineMs, () => done(undefined));
    const target = options.to();
    const arrive = (): void => {
      if (target === undefined || !target.alive()) return;
      serve((answer) => {
        if (target.alive()) this.#send(callee, from.cluster, () => done(answer));
      });
    };
    this.#send(from.cluster, callee, arrive);
    if (this.#random.unit() < this.weather.repeat) this.#send(from.cluster, callee, arrive);
  }

  /** One message on its own: an advert. */
  cast(from: ClusterName, to: ClusterName, arrive: () => void): void {
    this.#send(from, to, arrive);
  }

  /** An ordered stream from `from` to `to`; `broken` runs at the receiver some time after a loss. */
  stream(from: ClusterName, to: ClusterName, broken: () => void): (arrive: () => void) => void {
    let whole = true;
    let last = 0;
    return (arrive) => {
      if (!whole) return;
      this.messages += 1;
      if (this.#lost(from, to)) {
        whole = false;
        this.#time.after(brokenNoticedMs, broken);
        return;
      }
      last = Math.max(last, this.#time.now + this.#oneWay(from, to));
      this.#time.after(last - this.#time.now, arrive);
    };
  }

  #send(from: ClusterName, to: ClusterName, arrive: () => void): void {
    this.messages += 1;
    if (this.#lost(from, to)) return;
    const straggles = this.weather.loss > 0 && this.#random.below(20) === 0;
    const ms = straggles ? this.#random.below(stragglerMsMax) : this.#oneWay(from, to);
    this.#time.after(ms, arrive);
  }

  #lost(from: ClusterName, to: ClusterName): boolean {
    return this.isCut(from, to) || this.#random.unit() < this.weather.loss;
  }
}

export function memberOf(cluster: ClusterName): Member {
  return { cluster, peer: cluster as string as PeerId, attributes: {} };
}
