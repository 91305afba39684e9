/** Where one pod is in `podTable`. It goes from hand to hand with the pod, so a pod has one state. */
import type { PodRef } from './events.ts';
import { nextState } from './state-table.ts';
import { type PodEvent, type PodState, podTable } from './offloaded/states.ts';

/** Told of every transition, for those who count which were visited. It must not call the machine. */
export type TransitionObserver = (transition: {
  readonly ref: PodRef;
  readonly from: PodState;
  readonly event: PodEvent;
  readonly to: PodState;
}) => void;

export class PodLife {
  readonly ref: PodRef;
  readonly #observe: TransitionObserver | undefined;
  #state: PodState = 'untracked';

  constructor(ref: PodRef, observe: TransitionObserver | undefined) {
    this.ref = ref;
    this.#observe = observe;
  }

  get state(): PodState {
    return this.#state;
  }

  /** @throws Fault `Internal` when the state does not take the event. */
  on(event: PodEvent): void {
    const from = this.#state;
    const to = nextState(podTable, { from, event, subject: () => podText(this.ref) });
    this.#state = to;
    this.#observe?.({ ref: this.ref, from, event, to });
  }
}

/** A pod in the words of a broken invariant. */
export function podText({ namespace, name, uid }: PodRef): string {
  return `pod ${namespace}/${name} (${uid})`;
}
