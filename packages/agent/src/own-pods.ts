/**
 * The host's own pods go first. While its own scheduler has yet to decide on some, what is free in our
 * snapshot may be given away already: two schedulers that place at the same moment can put a node above
 * its allocatable, since the API server checks no room. So guests wait for a moment.
 */
import { type Clock, type MonotonicMs, type Pod, type PodUid, wellKnown } from '@spillway/core';

/**
 * A pod that its scheduler has not looked at for so long keeps nobody waiting: it may name one that
 * nobody runs.
 */
const neglectedMs = 30_000;

export class OwnPods {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Since when, the oldest first. */
  readonly #undecided = new Map<PodUid, MonotonicMs>();
  readonly #neglected = new Set<PodUid>();
  readonly #waiting = new Set<() => void>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** A pod of this cluster, not a shadow, as the API server has it now. */
  see(pod: Pod, deleted: boolean): void {
    const uid = pod.metadata.uid as PodUid;
    if (!deleted && isUndecided(pod)) {
      if (this.#undecided.has(uid) || this.#neglected.has(uid)) return;
      this.#undecided.set(uid, this.#clock.monotonicMs());
      return;
    }
    this.#neglected.delete(uid);
    if (!this.#undecided.delete(uid) || this.#undecided.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Whether all are decided, now or within `patienceMs`. */
  async decided(patienceMs: number): Promise<boolean> {
    this.#neglect();
    if (this.#undecided.size === 0) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(done);
        resolve(false);
      }, patienceMs);
      const done = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#waiting.add(done);
    });
  }

  #neglect(): void {
    const now = this.#clock.monotonicMs();
    for (const [uid, since] of this.#undecided) {
      if (now - since < neglectedMs) return;
      this.#undecided.delete(uid);
      this.#neglected.add(uid);
    }
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
