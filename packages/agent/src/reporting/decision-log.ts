/**
 * One log line for each decision that an operator would ask about. The rate is bounded for each kind of
 * decision. The lines beyond it are left out, and counted on the next line of that kind. So a burst of
 * thousands of pods does not fill a disk.
 */
import type { Clock } from '@spillway/core';
import type { Log } from './log.ts';

/** The constant messages, by kind. */
export const decisions = {
  bound: 'pod is bound to a neighbour',
  offloaded: 'pod runs at a neighbour',
  noEndpoint: 'Services do not list the pod at its neighbour',
  waits: 'pod waits',
  preempted: 'pods of lower priority are preempted',
  refusedHere: 'pods of a neighbour are refused',
  refusedThere: 'neighbour refuses pods',
  guestRefused: 'neighbour does not create the pod that it granted room for',
  guestLost: 'pod is no longer at its neighbour',
  foreign: 'pod is on a virtual node and was not bound by Spillway',
  givenBack: 'pod fails, since Spillway did not bind it to the virtual node',
  guestCreated: 'guest is created',
  guestRejected: 'guest is not created',
  guestEnds: 'guest is ended',
  guestGone: 'guest is gone',
  nodeDeleted: 'virtual node was deleted; it is made again',
} as const;
export type Decision = keyof typeof decisions;

/** Maximum lines of each kind: this many at once, then this many per second. */
export const linesAtOnceMax = 20;
export const linesPerSecond = 2;

interface Allowance {
  lines: number;
  at: number;
  leftOut: number;
}

export class DecisionLog {
  readonly #log: Pick<Log, 'info'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #allowances = new Map<Decision, Allowance>();

  constructor(options: {
    readonly log: Pick<Log, 'info'>;
    readonly clock: Pick<Clock, 'monotonicMs'>;
  }) {
    this.#log = options.log;
    this.#clock = options.clock;
  }

  say(decision: Decision, fields: Readonly<Record<string, unknown>>): void {
    const allowance = this.#allowance(decision);
    if (allowance.lines < 1) {
      allowance.leftOut += 1;
      return;
    }
    allowance.lines -= 1;
    const { leftOut } = allowance;
    allowance.leftOut = 0;
    this.#log.info({ decision, ...fields, ...(leftOut > 0 && { leftOut }) }, decisions[decision]);
  }

  #allowance(decision: Decision): Allowance {
    const now = this.#clock.monotonicMs();
    const known = this.#allowances.get(decision) ?? { lines: linesAtOnceMax, at: now, leftOut: 0 };
    const earned = ((now - known.at) / 1_000) * linesPerSecond;
    known.lines = Math.min(linesAtOnceMax, known.lines + earned);
    known.at = now;
    this.#allowances.set(decision, known);
    return known;
  }
}
