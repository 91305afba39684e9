/** The simulated clock: actions in the order of their instants, first come first served among equals. */
import { assert, type MonotonicMs } from '@spillway/core';
import TinyQueue from 'tinyqueue';

interface Action {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime {
  readonly #due = new TinyQueue<Action>([], (a, b) => a.at - b.at || a.order - b.order);
  #now = 0;
  #order = 0;

  get now(): MonotonicMs {
    return this.#now as MonotonicMs;
  }

  after(ms: number, run: () => void): void {
    this.at(this.#now + ms, run);
  }

  at(instant: number, run: () => void): void {
    assert(instant >= this.#now, 'nothing happens in the past');
    this.#due.push({ at: instant, order: this.#order++, run });
  }

  /** Runs everything due up to `until`; `onStep` follows each action. */
  run(until: number, onStep: () => void): void {
    for (let next = this.#due.peek(); next !== undefined && next.at <= until; ) {
      this.#due.pop();
      this.#now = next.at;
      next.run();
      onStep();
      next = this.#due.peek();
    }
    this.#now = until;
  }
}
