/**
 * The home machine and the host machine of one agent, and the events that wait for them. What happens in
 * one step of the agent is queued here, and is fed to them until nothing more follows.
 */
import { earliest, type MonotonicMs, unreachable } from '@spillway/core';
import type {
  Home,
  HomeEffect,
  HomeEvent,
  Host,
  HostEffect,
  HostEvent,
} from '@spillway/federation';
import type { AgentEffect, Answer } from './events.ts';
import type { GuestFeeds } from './guest-feeds.ts';
import { isHomeWork, isHostWork, type Work } from './work.ts';

export interface MachinesOptions {
  readonly home: Home;
  readonly host: Host;
  readonly feeds: GuestFeeds;
  readonly emit: (effect: AgentEffect) => void;
  readonly send: (work: Work) => void;
}

export class Machines {
  readonly #options: MachinesOptions;
  readonly #homeEvents: HomeEvent[] = [];
  readonly #hostEvents: HostEvent[] = [];

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** Comes with the next `run`. */
  tellHome(event: HomeEvent): void {
    this.#homeEvents.push(event);
  }

  /** Comes with the next `run`. */
  tellHost(event: HostEvent): void {
    this.#hostEvents.push(event);
  }

  run(now: MonotonicMs): void {
    for (;;) {
      const forHost = this.#hostEvents.shift();
      if (forHost !== undefined) {
        this.stepHost(forHost, now);
        continue;
      }
      const forHome = this.#homeEvents.shift();
      if (forHome === undefined) return;
      this.stepHome(forHome, now);
    }
  }

  tick(now: MonotonicMs): void {
    const { home, host } = this.#options;
    if (isDue(host.wakeAt(), now)) this.stepHost({ kind: 'tick' }, now);
    if (isDue(home.wakeAt(), now)) this.stepHome({ kind: 'tick' }, now);
  }

  wakeAt(): MonotonicMs | undefined {
    const { home, host } = this.#options;
    return earliest(home.wakeAt(), host.wakeAt());
  }

  /** At once, before what is queued. */
  stepHome(event: HomeEvent, now: MonotonicMs): void {
    for (const effect of this.#options.home.step(event, now)) this.#homeEffect(effect);
  }

  /** At once, before what is queued. */
  stepHost(event: HostEvent, now: MonotonicMs): void {
    for (const effect of this.#options.host.step(event, now)) this.#hostEffect(effect);
  }

  #homeEffect(effect: HomeEffect): void {
    if (isHomeWork(effect)) this.#options.send(effect);
    else this.#options.emit({ kind: 'notice', notice: effect });
  }

  #hostEffect(effect: HostEffect): void {
    const { emit, send, feeds } = this.#options;
    if (isHostWork(effect)) return send(effect);
    switch (effect.kind) {
      case 'reply':
      case 'tryReply':
      case 'updateReply':
        return this.#answer(effect.call, { value: effect.results });
      case 'reserveReply':
        return this.#answer(effect.call, { value: effect.answer });
      case 'refuseCall':
        return this.#answer(effect.call, { fault: effect.fault });
      case 'push':
        feeds.push(effect.home, effect.update);
        return emit({ kind: 'notice', notice: effect });
      default:
        return unreachable(effect);
    }
  }

  #answer(call: number, answer: Answer): void {
    this.#options.emit({ kind: 'answer', call, answer });
  }
}

export function isDue(at: MonotonicMs | undefined, now: MonotonicMs): boolean {
  return at !== undefined && at <= now;
}
