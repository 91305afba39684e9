/**
 * The host's own pods go first. While its own scheduler has yet to decide on some, what is free in our
 * snapshot may be given away already: two schedulers that place at the same moment can put a node above
 * its allocatable, since the API server checks no room. So guests wait for a moment.
 */
import { type Pod, type PodUid, wellKnown } from '@spillway/core';

export class OwnPods {
  readonly #undecided = new Set<PodUid>();
  readonly #waiting = new Set<() => void>();

  /** A pod of this cluster, not a shadow, as the API server has it now. */
  see(pod: Pod, deleted: boolean): void {
    const uid = pod.metadata.uid as PodUid;
    if (!deleted && isUndecided(pod)) {
      this.#undecided.add(uid);
      return;
    }
    if (!this.#undecided.delete(uid) || this.#undecided.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Whether all are decided, now or within `patienceMs`. */
  async decided(patienceMs: number): Promise<boolean> {
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
