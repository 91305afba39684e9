/**
 * The current snapshot and what is promised but not yet to be seen in it: pods whose binding or
 * creation is under way (assumed), and room held for neighbours. Everything that places looks at the
 * sum, so nothing is given away twice.
 */
import {
  type ClusterEvent,
  type NodeName,
  type Pod,
  type PodShape,
  type PodUid,
  unreachable,
} from '@spillway/core';
import { type PlacedPod, placedPod, plannedPod } from './node-state.ts';
import { Snapshot } from './snapshot.ts';

interface Slot {
  readonly uid: PodUid;
  readonly node: NodeName;
}

export class Ledger {
  #snapshot = Snapshot.empty;
  readonly #assumed = new Set<PodUid>();
  readonly #holds = new Map<string, Slot[]>();

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
      case 'PersistentVolumeClaim': {
        const { namespace = '', name = '' } = event.object.metadata;
        this.#snapshot = deleted
          ? this.#snapshot.withoutClaim(namespace, name)
          : this.#snapshot.withClaim(event.object);
        return;
      }
      case 'PersistentVolume':
        this.#snapshot = deleted
          ? this.#snapshot.withoutVolume(event.object.metadata.name ?? '')
          : this.#snapshot.withVolume(event.object);
        return;
      default:
        return unreachable(event);
    }
  }

  /** Counts `pod` on `node` from now on: its binding or creation is under way. */
  assume(pod: Pod, node: NodeName): void {
    const placed = placedPod(pod, node);
    this.#assumed.add(placed.uid);
    this.#snapshot = this.#snapshot.withPlaced(placed);
  }

  /** The binding or creation failed, or the pod is now seen under another UID. */
  forget(uid: PodUid): void {
    if (this.#assumed.delete(uid)) this.#snapshot = this.#snapshot.withoutPod(uid);
  }

  /** Holds one slot of `shape` on each of `nodes`, a node being named once per slot; replaces hold `id`. */
  hold(id: string, shape: PodShape, nodes: readonly NodeName[]): void {
    this.releaseHold(id);
    const slots = nodes.map((node, i) => ({ uid: `hold/${id}/${i}` as PodUid, node }));
    this.#holds.set(id, slots);
    for (const { uid, node } of slots) {
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

  #applyPod(pod: Pod, deleted: boolean): void {
    const uid = (pod.metadata.uid ?? '') as PodUid;
    const ended = deleted || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!ended && !pod.spec.nodeName && this.#assumed.has(uid)) return;
    this.#assumed.delete(uid);
    this.#snapshot =
      ended || !pod.spec.nodeName ? this.#snapshot.withoutPod(uid) : this.#snapshot.withPod(pod);
  }
}
