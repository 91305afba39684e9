/**
 * The bound of one slow start: pods of one template, or of one namespace, at one host. First a few go alone.
 * Once all of them are created, each one that is created lets two more go. So the number doubles with each
 * round trip. After a refusal one goes alone, then two, four, and so on.
 */
import { after, type MonotonicMs, type PodUid } from '@spillway/core';
import type { HomeConfig } from '../config.ts';
import type { SlotEnd } from './grant.ts';

export class SlowStartWindow {
  readonly #config: HomeConfig;
  readonly #underWay = new Set<PodUid>();
  /** Maximum pods of a batch; beyond `firstPodsMax`, maximum pods under way. */
  #size: number;
  /** Its size after a pause. */
  #first: number;
  /** Of this batch. */
  #begun = 0;
  #created = 0;
  #refused = false;
  /** When one last began. */
  #usedAt: MonotonicMs | undefined;

  constructor(config: HomeConfig) {
    this.#config = config;
    this.#size = this.#first = config.firstPodsMax;
  }

  /** Pods whose commit is not answered yet. */
  get underWay(): number {
    return this.#underWay.size;
  }

  mayBegin(now: MonotonicMs): boolean {
    if (this.#pausedAt(now)) this.#size = this.#first;
    return !this.#refused && (this.#inBatches ? this.#begun : this.underWay) < this.#size;
  }

  begin(uid: PodUid, now: MonotonicMs): void {
    this.#underWay.add(uid);
    this.#begun += 1;
    this.#usedAt = now;
  }

  /** Of one that has begun. */
  ended(uid: PodUid, end: SlotEnd): void {
    this.#underWay.delete(uid);
    if (end === 'created') this.#created += 1;
    if (end === 'refused') this.#refused = true;
    if (this.underWay === 0 || !(this.#refused || this.#inBatches)) this.#grow();
  }

  get #inBatches(): boolean {
    return this.#size <= this.#config.firstPodsMax;
  }

  #grow(): void {
    this.#size = this.#refused ? 1 : this.#size + this.#created;
    const proven = Math.min(this.#size, this.#config.firstPodsMax);
    this.#first = this.#refused ? 1 : Math.max(this.#first, proven);
    this.#begun = this.underWay;
    this.#created = 0;
    this.#refused = false;
  }

  #pausedAt(now: MonotonicMs): boolean {
    if (this.#usedAt === undefined || this.underWay > 0) return false;
    return now >= after(this.#usedAt, this.#config.firstPodsAgainMs);
  }
}
