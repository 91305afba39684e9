/**
 * The host's own pods go first. A scheduler of this cluster may still have to decide on some of them. Then
 * the room that our snapshot shows as free may already be given away. Two schedulers that place at the same
 * moment can put a node above its allocatable, since the API server checks no room. So guests wait for a
 * moment.
 */
import {
  after,
  earliest,
  type MonotonicMs,
  type Pod,
  type PodUid,
  wellKnown,
} from '@spillway/core';

/** How long one pod may keep guests waiting: it may name a scheduler that does not run. */
const neglectedMs = 30_000;

/** A call that waits for own pods, and until when at most. */
interface Waiting<Call> {
  readonly call: Call;
  readonly until: MonotonicMs;
}

export class OwnPods<Call> {
  /** Since when, the oldest first. Bounded by the pods of this cluster, as is `#neglected`. */
  readonly #undecided = new Map<PodUid, MonotonicMs>();
  readonly #neglected = new Set<PodUid>();
  /** In the order of arrival. Bounded by the calls that the mesh lets in at once. */
  #waiting: Waiting<Call>[] = [];

  /** A pod of this cluster, not a shadow, as the API server has it now. */
  see(pod: Pod, deleted: boolean, now: MonotonicMs): void {
    const uid = pod.metadata.uid as PodUid;
    if (deleted || !isUndecided(pod)) {
      this.#undecided.delete(uid);
      this.#neglected.delete(uid);
    } else if (!this.#undecided.has(uid) && !this.#neglected.has(uid)) {
      this.#undecided.set(uid, now);
    }
  }

  /** Whether all own pods are decided. */
  decided(now: MonotonicMs): boolean {
    for (const [uid, since] of this.#undecided) {
      if (now < after(since, neglectedMs)) break;
      this.#undecided.delete(uid);
      this.#neglected.add(uid);
    }
    return this.#undecided.size === 0;
  }

  /** `call` is given back by `due` once all own pods are decided, and at `until` at the latest. */
  wait(call: Call, until: MonotonicMs): void {
    this.#waiting.push({ call, until });
  }

  /** Calls that wait no longer. */
  due(now: MonotonicMs): readonly Call[] {
    if (this.#waiting.length === 0) return [];
    const decided = this.decided(now);
    const due = this.#waiting.filter(({ until }) => decided || until <= now);
    this.#waiting = this.#waiting.filter(({ until }) => !decided && until > now);
    return due.map(({ call }) => call);
  }

  /** When to call `due`, if no pod is seen until then. */
  nextDue(): MonotonicMs | undefined {
    if (this.#waiting.length === 0) return undefined;
    let next: MonotonicMs | undefined;
    for (const { until } of this.#waiting) next = earliest(next, until);
    const [oldest] = this.#undecided.values();
    if (oldest === undefined) return next;
    return earliest(next, after(oldest, neglectedMs));
  }
}

/** Another scheduler's, and never tried yet: what it found no room for waits for an event. */
function isUndecided({ metadata, spec, status }: Pod): boolean {
  return (
    !spec.nodeName &&
    metadata.deletionTimestamp === undefined &&
    !spec.schedulingGates?.length &&
    spec.schedulerName !== wellKnown.schedulerName &&
    !status?.conditions?.some(({ type }) => type === 'PodScheduled')
  );
}
