/**
 * Work that is asked of the driver. Each lane has a maximum number under way; the rest waits. An agent gives
 * its Lease back only when nothing is under way. A shadow that is created later could run beside its
 * replacement (docs/adr/0021).
 */
import { assert } from '@spillway/core';
import type { Work } from './work.ts';

/** Maximum of each lane under way. Bindings and status writes are small: 64 keep an API server busy. */
export const laneMax = Object.freeze({
  bind: 64,
  write: 32,
  call: 64,
  create: 64,
  /** Fewer than creations: a home that tries a pod has bound nothing yet. */
  try: 16,
  delete: 32,
  node: 4,
});
export type Lane = keyof typeof laneMax;

export interface Started {
  readonly id: number;
  readonly work: Work;
}

interface Queue {
  waiting: Work[];
  underWay: number;
}

const none: readonly Started[] = [];

export class Outbox {
  readonly #queues = new Map<Lane, Queue>();
  readonly #underWay = new Map<number, Started & { readonly lane: Lane }>();
  readonly #started: Started[] = [];
  #nextId = 1;
  #closed = false;

  /** Asked of the driver as soon as its lane has a place. Nothing after `close`. */
  send(lane: Lane, work: Work): void {
    if (this.#closed) return;
    const queue = this.#queueOf(lane);
    if (queue.underWay < laneMax[lane]) this.#start(lane, queue, work);
    else queue.waiting.push(work);
  }

  /** What has got a place since the last call. */
  takeStarted(): readonly Started[] {
    return this.#started.length === 0 ? none : this.#started.splice(0);
  }

  /** The driver has ended it, well or not. @returns it. */
  ended(id: number): Work {
    const ended = this.#underWay.get(id);
    assert(ended !== undefined, `work ${id} is under way when it ends`);
    this.#underWay.delete(id);
    const queue = this.#queueOf(ended.lane);
    queue.underWay -= 1;
    const next = queue.waiting.shift();
    if (next !== undefined) this.#start(ended.lane, queue, next);
    return ended.work;
  }

  /** Drops what has not started. What has, goes on. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.waiting = [];
  }

  /** How much is under way. */
  get underWay(): number {
    return this.#underWay.size;
  }

  #start(lane: Lane, queue: Queue, work: Work): void {
    const id = this.#nextId++;
    queue.underWay += 1;
    this.#underWay.set(id, { id, work, lane });
    this.#started.push({ id, work });
  }

  #queueOf(lane: Lane): Queue {
    let queue = this.#queues.get(lane);
    if (queue === undefined) {
      queue = { waiting: [], underWay: 0 };
      this.#queues.set(lane, queue);
    }
    return queue;
  }
}
