/**
 * Which pods of lower priority would end at home, for pods that do not exist yet and find no room. The same
 * code decides for pods that exist.
 */
import type { NodeName, Pod, PodShape } from '@spillway/core';
import { preempt, type Snapshot } from '@spillway/scheduling';
import { preemptorOf } from '../home/pending/preemptions.ts';

export interface ForeseenPreemption {
  readonly node: NodeName;
  readonly count: number;
  /** In the order in which they would end. */
  readonly victims: readonly { readonly namespace: string; readonly name: string }[];
}

/** Maximum for one batch: each of them looks through the nodes at home. */
export const preemptionsForeseenMax = 64;

export interface ForeseenPreemptions {
  readonly places: readonly ForeseenPreemption[];
  /** Pods that find room so. */
  readonly count: number;
  /** With the victims gone, and the pods in their place. */
  readonly snapshot: Snapshot;
}

/** `onNode`: the pod number `i` of those that are placed so, on `node`. */
export function foreseePreemptions(
  before: Snapshot,
  pods: { readonly pod: Pod; readonly shape: PodShape; readonly wanted: number },
  onNode: (node: NodeName, i: number) => Pod,
): ForeseenPreemptions {
  const preemptor = preemptorOf(pods.pod, pods.shape);
  const places = new Map<NodeName, { count: number; victims: ForeseenPreemption['victims'] }>();
  let snapshot = before;
  let count = 0;
  for (; count < Math.min(pods.wanted, preemptionsForeseenMax); count++) {
    const found = preempt(snapshot, preemptor);
    if (found === undefined) break;
    const { node, victims } = found;
    for (const { uid } of victims) snapshot = snapshot.withoutPod(uid);
    snapshot = snapshot.withPod(onNode(node, count));
    const known = places.get(node) ?? { count: 0, victims: [] };
    const named = victims.map(({ namespace, standing: { name } }) => ({ namespace, name }));
    places.set(node, { count: known.count + 1, victims: [...known.victims, ...named] });
  }
  return { places: [...places].map(([node, place]) => ({ node, ...place })), count, snapshot };
}
