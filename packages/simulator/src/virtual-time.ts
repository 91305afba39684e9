/** The simulated clock: actions in the order of their instants, first come first served among equals. */
import { assert, type MonotonicMs } from '@spillway/core';

interface Action {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime {
  readonly #heap: Action[] = [];
  #now = 0;
  #order = 0;

  get now(): MonotonicMs {
    return this.#now as MonotonicMs;
  }

  after(ms: number, run: () => void): void {
    assert(ms >= 0, 'nothing happens in the past');
    const heap = this.#heap;
    const action = { at: this.#now + ms, order: this.#order++, run };
    let i = heap.length;
    heap.push(action);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!earlier(action, heap[parent] as Action)) break;
      heap[i] = heap[parent] as Action;
      i = parent;
    }
    heap[i] = action;
  }

  /** Runs everything due up to `until`; `onStep` follows each action. */
  run(until: number, onStep: () => void): void {
    for (
      let first = this.#heap[0];
      first !== undefined && first.at <= until;
      first = this.#heap[0]
    ) {
      this.#pop();
      this.#now = first.at;
      first.run();
      onStep();
    }
    this.#now = until;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Action;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1] as Action, heap[child] as Action)) {
        child += 1;
      }
      if (!earlier(heap[child] as Action, last)) break;
      heap[i] = heap[child] as Action;
      i = child;
    }
    heap[i] = last;
  }
}

function earlier(a: Action, b: Action): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
