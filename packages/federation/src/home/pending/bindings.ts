/**
 * Bindings under way. A binding to a node of the home that failed may have taken effect. So its room stays
 * taken, and the same binding is repeated until its outcome is known. If the room went to another pod, the
 * node could be overcommitted.
 */
import {
  assert,
  type MonotonicMs,
  type NodeName,
  type PodUid,
  type Random,
  wellKnown,
} from '@spillway/core';
import { bindingAnnotations } from '../../offload/fence.ts';
import { leftOutAnnotations } from '../../offload/left-out.ts';
import { Backoff } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';
import type { Seals } from '../ports.ts';
import { Grant } from './grant.ts';
import type { PendingGroup } from './pending-group.ts';
import type { PendingPod } from './pending-pod.ts';

export interface Binding {
  readonly waiting: PendingPod;
  readonly group: PendingGroup;
  /** A node of the home, or the grant of a neighbour. */
  readonly to: NodeName | Grant;
  /** The API server was asked, and has not answered yet. */
  called?: boolean;
}

/** What a binding to a neighbour writes on the pod. */
export function writtenBy(
  { waiting, group, to }: Binding,
  { seals, leftOut }: { readonly seals: Seals; readonly leftOut: readonly string[] },
): Readonly<Record<string, string>> {
  assert(to instanceof Grant, 'only bindings to neighbours are sealed');
  const seal = seals.seal(waiting.ref.uid, to.host);
  return {
    ...bindingAnnotations(group.policy),
    ...leftOutAnnotations(waiting.pod, leftOut),
    [wellKnown.boundByAnnotation]: seal,
  };
}

interface Retry {
  readonly backoff: Backoff;
  at: MonotonicMs | undefined;
}

const none: readonly Binding[] = [];

export class Bindings {
  readonly #config: HomeConfig;
  readonly #random: Random;
  readonly #bindings = new Map<PodUid, Binding>();
  readonly #retries = new Map<PodUid, Retry>();
  /** Calls under way whose pod was dropped meanwhile: what they answer is of no later binding. */
  readonly #abandoned = new Set<PodUid>();
  #bound = 0;

  constructor(config: HomeConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  /** Bindings that the API server has not confirmed. */
  get size(): number {
    return this.#bindings.size - this.#bound;
  }

  /** Whether the pod must not be placed: it is being bound, or a call for it is still under way. */
  has(uid: PodUid): boolean {
    return this.#bindings.has(uid) || this.#abandoned.has(uid);
  }

  /** Whether one that failed is being repeated: it may still take effect. */
  get areDoubtful(): boolean {
    return this.#retries.size > 0;
  }

  /** Whether an earlier call for it failed, and may have taken effect. */
  isRepeated(uid: PodUid): boolean {
    return this.#retries.has(uid);
  }

  all(): Iterable<Binding> {
    return this.#bindings.values();
  }

  get(uid: PodUid): Binding | undefined {
    return this.#bindings.get(uid);
  }

  find(namespace: string, name: string): Binding | undefined {
    for (const binding of this.#bindings.values()) {
      const { ref } = binding.waiting;
      if (ref.namespace === namespace && ref.name === name) return binding;
    }
    return undefined;
  }

  begin(binding: Binding): void {
    const { uid } = binding.waiting.ref;
    assert(!this.#bindings.has(uid), `pod ${uid} is bound once at a time`);
    this.#bindings.set(uid, binding);
  }

  end(uid: PodUid): void {
    if (this.#bindings.get(uid)?.waiting.life.state === 'bound') this.#bound -= 1;
    this.#bindings.delete(uid);
    this.#retries.delete(uid);
  }

  /** The binding no longer counts. What the API server answers does not matter. */
  abandon(uid: PodUid): void {
    if (this.#bindings.get(uid)?.called) this.#abandoned.add(uid);
    this.end(uid);
  }

  /** The binding that the API server has answered; undefined when it was abandoned meanwhile. */
  answered(uid: PodUid): Binding | undefined {
    if (this.#abandoned.delete(uid)) return undefined;
    const binding = this.#bindings.get(uid);
    if (!binding?.called) return undefined;
    binding.called = false;
    return binding;
  }

  /** The API server has bound it. It stays here until the watch shows that, so that it is not placed again. */
  settled(uid: PodUid, event: 'bound' | 'taken'): void {
    const binding = this.#bindings.get(uid);
    if (binding === undefined) return;
    binding.waiting.life.on(event);
    this.#bound += 1;
    this.#retries.delete(uid);
  }

  /** The binding is repeated after a back-off. */
  retry(uid: PodUid, now: MonotonicMs): void {
    const { retryMsMin, retryMsMax } = this.#config;
    const retry = this.#retries.get(uid) ?? {
      backoff: new Backoff(retryMsMin, retryMsMax),
      at: undefined,
    };
    retry.at = retry.backoff.next(now, this.#random);
    this.#retries.set(uid, retry);
  }

  /** Returns the bindings whose back-off is over. */
  takeDue(now: MonotonicMs): readonly Binding[] {
    if (this.#retries.size === 0) return none;
    const due: Binding[] = [];
    for (const [uid, retry] of this.#retries) {
      if (retry.at === undefined || retry.at > now) continue;
      retry.at = undefined;
      const binding = this.#bindings.get(uid);
      if (binding !== undefined) due.push(binding);
    }
    return due;
  }

  wakeAt(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const { at } of this.#retries.values()) {
      if (at !== undefined && (first === undefined || at < first)) first = at;
    }
    return first;
  }
}
