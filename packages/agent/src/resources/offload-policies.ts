/** OffloadPolicies from the API server to the book that the home decides by, and their status back. */
import type { Clock, Random } from '@spillway/core';
import type { PolicyBook } from '@spillway/federation';
import {
  type ApiClient,
  OffloadPolicyWatch,
  type StoredOffloadPolicy,
  writeOffloadPolicyStatus,
} from '@spillway/kubernetes';
import pLimit from 'p-limit';
import type { Log } from '../reporting/log.ts';

export interface OffloadPoliciesOptions {
  readonly api: ApiClient;
  readonly book: PolicyBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What holds for the pods of a namespace has changed. */
  readonly onChanged: (namespace: string) => void;
}

/** Shortest pause between two updates of the statuses of a namespace's policies. */
const statusGapMs = 1_000;
const statusRetryMs = 10_000;
const statusWritesMax = 4;

export class OffloadPolicies {
  readonly #options: OffloadPoliciesOptions;
  readonly #limit = pLimit(statusWritesMax);
  /** Namespaces whose statuses are to be written. */
  readonly #due = new Map<string, NodeJS.Timeout>();
  #watch: OffloadPolicyWatch | undefined;
  #problem: string | undefined = 'OffloadPolicies have not been read yet';

  constructor(options: OffloadPoliciesOptions) {
    this.#options = options;
  }

  /** Why they can't be decided by; undefined once they have been read. */
  get problem(): string | undefined {
    return this.#watch && this.#problem;
  }

  /** `onListed` may be called more than once. */
  start(onListed: () => void): void {
    if (this.#watch !== undefined) return;
    const { api, random, log } = this.#options;
    this.#watch = new OffloadPolicyWatch({
      api,
      random,
      onEvent: (type, object) => this.#take(type, object),
      onListed: () => {
        this.#problem = undefined;
        onListed();
      },
      onBroken: (error) => {
        if (this.#problem !== undefined)
          this.#problem = `OffloadPolicies cannot be read: ${(error as Error).message}`;
        log.warn({ err: error }, 'watch of OffloadPolicies broke; resuming');
      },
    });
    this.#watch.start();
  }

  /** They are no longer served, so they no longer apply. */
  end(): void {
    if (this.#watch === undefined) return;
    this.stop();
    const { book, onChanged } = this.#options;
    for (const namespace of book.namespaces()) {
      for (const { object } of book.reports(namespace)) book.delete(object);
      onChanged(namespace);
    }
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
    for (const timer of this.#due.values()) clearTimeout(timer);
    this.#due.clear();
    this.#limit.clearQueue();
  }

  #take(type: 'set' | 'deleted', object: StoredOffloadPolicy): void {
    const { book, onChanged } = this.#options;
    const { namespace = '', name, uid, generation } = object.metadata;
    const before = book.reports(namespace).find((report) => report.name === name)?.object.metadata;
    if (type === 'set') book.set(object);
    else book.delete(object);
    // A status alone, such as our own, changes nothing for any pod.
    if (type === 'set' && before?.uid === uid && before?.generation === generation) return;
    onChanged(namespace);
    this.#report(namespace, statusGapMs);
  }

  #report(namespace: string, afterMs: number): void {
    if (this.#due.has(namespace)) return;
    const timer = setTimeout(() => {
      this.#due.delete(namespace);
      void this.#write(namespace);
    }, afterMs);
    this.#due.set(namespace, timer);
  }

  async #write(namespace: string): Promise<void> {
    const { api, book, clock, log } = this.#options;
    const writes = book
      .reports(namespace)
      .map((report) => this.#limit(() => writeOffloadPolicyStatus(api, report, clock.wallMs())));
    const outcomes = await Promise.allSettled(writes);
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status !== 'rejected') return;
    log.warn({ namespace, err: failed.reason }, 'status of an OffloadPolicy could not be written');
    if (this.#watch !== undefined) this.#report(namespace, statusRetryMs);
  }
}
