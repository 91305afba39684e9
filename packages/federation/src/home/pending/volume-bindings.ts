/**
 * Pods that have a node of the home and still wait for their volumes, as in kube-scheduler's PreBind step.
 * Volumes are set aside, and claims get their node. Then a provisioner and kube-controller-manager bind
 * them. Only then is the pod bound.
 *
 * After a failure the pod is placed again. The agent never takes the node on a claim back, and
 * kube-scheduler does the same. A provisioner may be at work there already, and removes it itself when it
 * cannot make the volume. An agent that starts again finds all of this in the claims and volumes.
 */
import { after, type MonotonicMs, type PodUid } from '@spillway/core';
import {
  boundByController,
  isSetAside,
  selectedNodeAnnotation,
  volumePlan,
  type VolumePlan,
  volumeProgress,
} from '@spillway/scheduling';
import type { HomeEffect, VolumeWrite } from '../events.ts';
import type { LocalLedger } from '../ports.ts';
import type { LocalBinding } from './at-home.ts';

export interface VolumeBindingsOptions {
  readonly ledger: LocalLedger;
  readonly emit: (effect: HomeEffect) => void;
  /** How long to wait for volumes before the pod is placed again, ms. */
  readonly volumesMsMax: number;
}

interface Entry {
  readonly binding: LocalBinding;
  readonly plan: VolumePlan;
  readonly until: MonotonicMs;
  written: boolean;
}

export type VolumesSettled =
  | { readonly binding: LocalBinding; readonly outcome: 'bound' }
  | { readonly binding: LocalBinding; readonly outcome: 'failed'; readonly reason: string };

const none: readonly VolumesSettled[] = [];

export class VolumeBindings {
  readonly #options: VolumeBindingsOptions;
  readonly #entries = new Map<PodUid, Entry>();
  #changed = false;

  constructor(options: VolumeBindingsOptions) {
    this.#options = options;
  }

  /** False when the pod has no volumes to wait for. */
  begin(binding: LocalBinding, now: MonotonicMs): boolean {
    const { ledger, emit, volumesMsMax } = this.#options;
    const { ref } = binding.waiting;
    const plan = volumePlan(ledger.snapshot, binding.group.shape, binding.to);
    if (plan === undefined) return false;
    const writes = writesOf(plan);
    ledger.assumeVolumes(plan);
    const written = writes.length === 0;
    this.#entries.set(ref.uid, { binding, plan, until: after(now, volumesMsMax), written });
    if (written) this.#changed = true;
    else emit({ kind: 'bindVolumes', ref, writes });
    return true;
  }

  /** The writes of `begin` have ended. Returns the binding that can't go on, if so. */
  written(uid: PodUid, outcome: 'ok' | 'failed'): VolumesSettled | undefined {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return undefined;
    if (outcome === 'failed') return this.#failed(entry, 'its volumes could not be written');
    entry.written = true;
    this.#changed = true;
    return undefined;
  }

  /** Something at home has changed, perhaps a claim or a volume. */
  capacityChanged(): void {
    this.#changed = true;
  }

  /** The bindings that need not wait any longer. */
  settle(now: MonotonicMs): readonly VolumesSettled[] {
    if (this.#entries.size === 0) {
      this.#changed = false;
      return none;
    }
    const settled: VolumesSettled[] = [];
    for (const entry of this.#entries.values()) {
      const { binding, plan, until, written } = entry;
      if (!written || !(this.#changed || until <= now)) continue;
      const progress = volumeProgress(this.#options.ledger.snapshot, plan);
      if (progress.state === 'bound') {
        this.#entries.delete(binding.waiting.ref.uid);
        settled.push({ binding, outcome: 'bound' });
      } else if (progress.state === 'failed') {
        settled.push(this.#failed(entry, progress.reason));
      } else if (until <= now) {
        const reason = `timed out waiting for ${progress.claims.join(', ')} to be bound`;
        settled.push(this.#failed(entry, reason));
      }
    }
    this.#changed = false;
    return settled;
  }

  /** The pod is gone, or something else has bound it. */
  drop(uid: PodUid): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    this.#options.ledger.forgetVolumes(entry.plan);
  }

  /** What it waits for, in words; undefined when it does not. */
  explain(uid: PodUid): string | undefined {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return undefined;
    const { bindings, provisions, node } = entry.plan;
    const claims = [...bindings.map(({ claim }) => claim), ...provisions];
    const names = claims.map(({ metadata }) => metadata.name).join(', ');
    return `waits for its volumes on node ${node}: PersistentVolumeClaim ${names}`;
  }

  wakeAt(): MonotonicMs | undefined {
    let first: MonotonicMs | undefined;
    for (const { until, written } of this.#entries.values()) {
      if (written && (first === undefined || until < first)) first = until;
    }
    return first;
  }

  #failed({ binding, plan }: Entry, reason: string): VolumesSettled {
    this.#entries.delete(binding.waiting.ref.uid);
    this.#options.ledger.forgetVolumes(plan);
    return { binding, outcome: 'failed', reason: `binding volumes: ${reason}` };
  }
}

/** What an earlier try has written already is left out. */
function writesOf({ bindings, provisions, node }: VolumePlan): readonly VolumeWrite[] {
  const writes: VolumeWrite[] = [];
  for (const { volume, claim } of bindings) {
    if (isSetAside(volume, claim)) continue;
    const { namespace = '', name = '', uid = '', resourceVersion } = claim.metadata;
    // Who set it aside by name keeps it when the claim goes; what we set aside becomes free again.
    const ours = volume.spec?.claimRef === undefined;
    writes.push({
      kind: 'PersistentVolume',
      metadata: volume.metadata,
      annotations: ours ? { [boundByController]: 'yes' } : {},
      claimRef: { namespace, name, uid, ...(resourceVersion && { resourceVersion }) },
    });
  }
  for (const { metadata } of provisions) {
    if (metadata.annotations?.[selectedNodeAnnotation] === node) continue;
    const annotations = { [selectedNodeAnnotation]: node };
    writes.push({ kind: 'PersistentVolumeClaim', metadata, annotations });
  }
  return writes;
}
