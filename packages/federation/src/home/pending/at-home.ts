/**
 * What a pod needs on a node of its home, beside the node. Its volumes are bound first, and pods of lower
 * priority may be preempted for it. Pods that only the home's own scheduler may bind (eligibility `offered`)
 * are left to that scheduler here, too.
 */
import type { MonotonicMs, NodeName, PodUid } from '@spillway/core';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect, HomeEvent } from '../events.ts';
import type { LocalLedger } from '../ports.ts';
import type { Binder } from './binder.ts';
import type { Binding } from './bindings.ts';
import type { PendingGroup } from './pending-group.ts';
import type { PendingPod } from './pending-pod.ts';
import { mayPreempt, Preemptions } from './preemptions.ts';
import { VolumeBindings, type VolumesSettled } from './volume-bindings.ts';

export interface AtHomeOptions {
  readonly ledger: LocalLedger;
  readonly emit: (effect: HomeEffect) => void;
  readonly config: HomeConfig;
  readonly binder: Binder;
}

export type LocalBinding = Binding & { readonly to: NodeName };
export type HomeWriteEnded = Extract<HomeEvent, { kind: 'volumesWritten' | 'preempted' }>;

export class AtHome {
  readonly #options: AtHomeOptions;
  readonly #volumes: VolumeBindings;
  readonly #preemptions: Preemptions;

  constructor(options: AtHomeOptions) {
    this.#options = options;
    const { ledger, emit, config } = options;
    this.#volumes = new VolumeBindings({ ledger, emit, volumesMsMax: config.volumesMsMax });
    this.#preemptions = new Preemptions({ ledger, emit });
  }

  /** Binds the pod to the node that was found for it, after its volumes if it has any to wait for. */
  bind(binding: LocalBinding, now: MonotonicMs): void {
    const { ledger, binder } = this.#options;
    const { waiting, to: node } = binding;
    ledger.assume(waiting.pod, node);
    binder.begin(binding);
    if (!this.#volumes.begin(binding, now)) binder.bindLocally(binding);
  }

  /**
   * Nominated pods go first. Pods with claims are placed one after the other, because the volumes of one
   * change what the next one finds. Returns the pods that are to be placed together.
   */
  placeSingly(group: PendingGroup, now: MonotonicMs): readonly PendingPod[] {
    const pods = [...group.pods.values()];
    if (group.eligibility !== 'named') return pods;
    const rest: PendingPod[] = [];
    for (const waiting of pods) {
      const nominated = this.isNominated(waiting.ref.uid);
      if (!nominated && group.shape.claims.length === 0) {
        rest.push(waiting);
        continue;
      }
      const node = this.#preemptions.place(waiting, group);
      if (node !== undefined) this.bind({ group, waiting, to: node }, now);
      else if (!nominated || !this.#preemptions.keepsWaiting(waiting, group, now))
        rest.push(waiting);
    }
    return rest;
  }

  /**
   * Makes room for pods by preempting others of lower priority. Returns the pods for which it did nothing:
   * once preemption does not help one pod, it helps none of the others.
   */
  preempt(
    group: PendingGroup,
    pods: readonly PendingPod[],
    now: MonotonicMs,
  ): readonly PendingPod[] {
    if (!mayPreempt(group.eligibility, group.policyFor)) return pods;
    const left: PendingPod[] = [];
    let tries = this.#options.config.preemptionsMax;
    for (const waiting of pods) {
      const never = waiting.pod.spec.preemptionPolicy === 'Never';
      const found = tries > 0 ? this.#preemptions.preempt(waiting, group) : 'hopeless';
      if (found === 'hopeless') left.push(waiting);
      else if (found !== 'waits') this.bind({ group, waiting, to: found.node }, now);
      tries = found === 'hopeless' && !never ? 0 : tries - 1;
    }
    return left;
  }

  /** Whether the pod waits on a node for others to end. */
  isNominated(uid: PodUid): boolean {
    return this.#preemptions.nominated(uid) !== undefined;
  }

  written(event: HomeWriteEnded, now: MonotonicMs): void {
    if (event.kind === 'preempted') {
      this.#preemptions.ended(event.uid, event.outcome, now);
      return;
    }
    const settled = this.#volumes.written(event.uid, event.outcome);
    if (settled !== undefined) this.#settled(settled, now);
  }

  capacityChanged(): void {
    this.#volumes.capacityChanged();
  }

  tick(now: MonotonicMs): void {
    for (const settled of this.#volumes.settle(now)) this.#settled(settled, now);
  }

  wakeAt(): MonotonicMs | undefined {
    return this.#volumes.wakeAt();
  }

  drop(uid: PodUid): void {
    this.#preemptions.drop(uid);
    this.#volumes.drop(uid);
  }

  /** What it waits for at home, in words; undefined when it does not. */
  explain(uid: PodUid): { readonly message: string } | undefined {
    const node = this.#preemptions.nominated(uid);
    if (node !== undefined)
      return { message: `waits on node ${node} for pods to end that were preempted for it` };
    const message = this.#volumes.explain(uid);
    return message === undefined ? undefined : { message };
  }

  #settled(settled: VolumesSettled, now: MonotonicMs): void {
    const { ledger, emit, binder } = this.#options;
    const { ref } = settled.binding.waiting;
    if (settled.outcome === 'bound') return binder.bindLocally(settled.binding);
    ledger.forget(ref.uid);
    binder.putBack(settled.binding, now);
    emit({ kind: 'explain', ref, message: settled.reason, condition: true });
  }
}
