/** How shadows are ended: one delete for each grace period, tried again while it fails. */
import { after, assert, earliest, type MonotonicMs, type Pod, type PodUid } from '@spillway/core';
import { isFenced } from '../offload/fence.ts';
import type { HostEffect, HostEvent } from './events.ts';
import type { Guest } from './guests.ts';

/** How long after a failed delete the next one is sent. */
export const deleteRetryMs = 2_000;

/** The grace period of a pod that names none, s; as Kubernetes defaults it. */
const graceDefaultSeconds = 30;

interface Sent {
  readonly shadowUid: string;
  readonly graceSeconds: number;
  /** The delete has failed, and is sent again then. */
  again?: MonotonicMs;
}

export class Endings {
  readonly #emit: (effect: HostEffect) => void;
  /** The delete that was sent last of each shadow. Bounded by the guests. */
  readonly #sent = new Map<Guest, Sent>();
  /** Those of `#sent` that failed. */
  readonly #failed = new Set<Guest>();

  constructor(emit: (effect: HostEffect) => void) {
    this.#emit = emit;
  }

  /** Deletes the shadow once it is known; again when less grace is left to it than before. */
  endIfWanted(guest: Guest): void {
    const { shadow, ending } = guest;
    if (ending === undefined || shadow === undefined) return;
    const gracePeriodSeconds = graceOf(shadow, ending.gracePeriodSeconds);
    const graceSeconds = gracePeriodSeconds ?? graceDefaultSeconds;
    const sent = this.#sent.get(guest);
    const shadowUid = shadow.metadata.uid;
    assert(shadowUid !== undefined, 'a shadow is deleted by its UID');
    if (sent && sent.shadowUid === shadowUid && sent.graceSeconds <= graceSeconds) return;
    this.#failed.delete(guest);
    this.#sent.set(guest, { shadowUid, graceSeconds });
    this.#emit({
      kind: 'deleteShadow',
      guest: guest.id,
      namespace: shadow.metadata.namespace ?? '',
      name: shadow.metadata.name ?? '',
      shadowUid: shadowUid as PodUid,
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    });
  }

  /** How the delete of a shadow of `guest` ended. */
  deleted(guest: Guest, event: Extract<HostEvent, { kind: 'deleted' }>, now: MonotonicMs): void {
    const sent = this.#sent.get(guest);
    if (event.outcome === 'ok' || sent === undefined || sent.shadowUid !== event.shadowUid) return;
    sent.again = after(now, deleteRetryMs);
    this.#failed.add(guest);
  }

  /** Sends the deletes again whose time has come. */
  retry(now: MonotonicMs): void {
    for (const guest of this.#failed) {
      const again = this.#sent.get(guest)?.again;
      if (again === undefined || now < again) continue;
      this.forget(guest);
      this.endIfWanted(guest);
    }
  }

  nextRetry(): MonotonicMs | undefined {
    let next: MonotonicMs | undefined;
    for (const guest of this.#failed) next = earliest(next, this.#sent.get(guest)?.again);
    return next;
  }

  /** The guest is gone. */
  forget(guest: Guest): void {
    this.#sent.delete(guest);
    this.#failed.delete(guest);
  }
}

/** Without any grace the object goes before its containers do: of a fenced pod the kubelet is waited for. */
function graceOf(shadow: Pod, seconds: number | undefined): number | undefined {
  return seconds === 0 && isFenced(shadow) ? 1 : seconds;
}
