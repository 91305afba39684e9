/**
 * The current snapshot, and what is promised but not yet in it. These are assumed pods, whose binding or
 * creation is under way, and room that is held for neighbours. All that places pods looks at the sum, so
 * that nothing is given away twice.
 */
import {
  assert,
  type ClusterEvent,
  type EventOf,
  type LookedUpKind,
  type NodeName,
  type Pod,
  type PodShape,
  type PodUid,
} from '@spillway/core';
import { fitCountOn } from './filter/node-resources-fit.ts';
import { type PlacedPod, placedPod, plannedPod } from './node-state.ts';
import { objectKey, Snapshot } from './snapshot.ts';
import { AssumedVolumes } from './volumes/assumed-volumes.ts';
import type { VolumePlan } from './volumes/volume-plan.ts';

interface Slot {
  readonly uid: PodUid;
  readonly node: NodeName;
}

export class Ledger {
  #snapshot = Snapshot.empty;
  readonly #assumed = new Set<PodUid>();
  readonly #holds = new Map<string, Slot[]>();
  readonly #assumedVolumes = new AssumedVolumes();
  /** Where pods without a node wait for preempted ones to end; null: nowhere, even if the watch says otherwise. */
  readonly #nominations = new Map<PodUid, NodeName | null>();

  /** Watched state, assumed pods and held room. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The pod as it is counted, assumed or seen; undefined when it is on no node. */
  pod(uid: PodUid): PlacedPod | undefined {
    return this.#snapshot.pod(uid);
  }

  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined {
    return this.#snapshot.namespaceLabels(name);
  }

  /** What the watch says. A pod that is assumed and not yet seen bound stays assumed. */
  apply(event: ClusterEvent): void {
    const deleted = event.type === 'deleted';
    switch (event.kind) {
      case 'Pod':
        return this.#applyPod(event.object, deleted);
      case 'Node': {
        const name = event.object.metadata.name as NodeName;
        this.#snapshot = deleted
          ? this.#snapshot.withoutNode(name)
          : this.#snapshot.withNode(event.object);
        return;
      }
      case 'Namespace':
        this.#snapshot = deleted
          ? this.#snapshot.withoutNamespace(event.object.metadata.name ?? '')
          : this.#snapshot.withNamespace(event.object);
        return;
      case 'PersistentVolumeClaim':
      case 'PersistentVolume':
      case 'StorageClass':
      case 'CSIDriver':
      case 'CSINode':
      case 'CSIStorageCapacity':
      case 'PodDisruptionBudget':
        return this.#applyLookedUp(event, deleted);
    }
  }

  /** Counts `pod` on `node` from now on: its binding or creation is under way. */
  assume(pod: Pod, node: NodeName): void {
    const placed = { ...placedPod(pod, node), standing: undefined };
    this.#assumed.add(placed.uid);
    this.#nominations.delete(placed.uid);
    this.#snapshot = this.#snapshot.withPlaced(placed);
  }

  /** The binding or creation failed, or the pod is now seen under another UID. */
  forget(uid: PodUid): void {
    if (this.#assumed.delete(uid)) this.#snapshot = this.#snapshot.withoutPod(uid);
  }

  /** Counts `pod` on `node`, where it waits for preempted pods to end; undefined: it no longer waits anywhere. */
  nominate(pod: Pod, node: NodeName | undefined): void {
    const uid = (pod.metadata.uid ?? '') as PodUid;
    this.#nominations.set(uid, node ?? null);
    this.#snapshot =
      node === undefined
        ? this.#snapshot.withoutPod(uid)
        : this.#snapshot.withPlaced(placedPod(pod, node));
  }

  /** What `plan` will write counts as written, until the watch says otherwise. */
  assumeVolumes(plan: VolumePlan): void {
    this.#snapshot = this.#assumedVolumes.assume(this.#snapshot, plan);
  }

  /** What `plan` would have written was not, or has failed. */
  forgetVolumes(plan: VolumePlan): void {
    this.#snapshot = this.#assumedVolumes.forget(this.#snapshot, plan);
  }

  /**
   * Holds one slot of `shape` on each of `nodes`, a node being named once per slot; replaces hold `id`.
   * @throws Fault `Internal` when a node has no room for its slots: they were planned on this very snapshot.
   */
  hold(id: string, shape: PodShape, nodes: readonly NodeName[]): void {
    this.releaseHold(id);
    const slots = nodes.map((node, i) => ({ uid: `hold/${id}/${i}` as PodUid, node }));
    this.#holds.set(id, slots);
    for (const { uid, node } of slots) {
      this.#assertFits(node, shape);
      this.#snapshot = this.#snapshot.withPlaced(plannedPod(shape, uid, node));
    }
  }

  heldNodes(id: string): readonly NodeName[] {
    return (this.#holds.get(id) ?? []).map(({ node }) => node);
  }

  /** Takes one slot out of a hold: its room is free until the caller assumes a pod there. */
  takeHeld(id: string): NodeName | undefined {
    const slots = this.#holds.get(id);
    const slot = slots?.shift();
    if (slot === undefined) return undefined;
    if (slots?.length === 0) this.#holds.delete(id);
    this.#snapshot = this.#snapshot.withoutPod(slot.uid);
    return slot.node;
  }

  releaseHold(id: string): void {
    for (const { uid } of this.#holds.get(id) ?? []) {
      this.#snapshot = this.#snapshot.withoutPod(uid);
    }
    this.#holds.delete(id);
  }

  #assertFits(name: NodeName, { requests }: PodShape): void {
    const node = this.#snapshot.node(name);
    const fits = node?.exists === true && fitCountOn(node, requests, undefined) > 0;
    assert(fits, () => `node ${name} has no room for a pod that it is held for`);
  }

  #applyLookedUp(event: EventOf<LookedUpKind>, deleted: boolean): void {
    if (this.#assumedVolumes.outlives(event)) return;
    this.#snapshot = deleted
      ? this.#snapshot.withoutLookedUp(event.kind, objectKey(event.object))
      : this.#snapshot.withLookedUp(event.kind, event.object);
  }

  #applyPod(pod: Pod, deleted: boolean): void {
    const uid = (pod.metadata.uid ?? '') as PodUid;
    const ended = deleted || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!ended && !pod.spec.nodeName && this.#assumed.has(uid)) return;
    this.#assumed.delete(uid);
    if (ended || pod.spec.nodeName) this.#nominations.delete(uid);
    const node = ended ? undefined : pod.spec.nodeName || this.#nominatedNode(uid, pod);
    this.#snapshot = node
      ? this.#snapshot.withPlaced(placedPod(pod, node as NodeName))
      : this.#snapshot.withoutPod(uid);
  }

  #nominatedNode(uid: PodUid, { status }: Pod): string | undefined {
    const ours = this.#nominations.get(uid);
    return ours === undefined ? status?.nominatedNodeName : (ours ?? undefined);
  }
}
