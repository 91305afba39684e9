/**
 * Which pods must end on one node so that a pod fits there, after SelectVictimsOnNode of defaultpreemption.
 * In the plan, all pods of lower priority are removed. Then they are put back one by one, as long as the new
 * pod still fits. The first to be put back are those whose end would break a budget, and the more important
 * ones.
 */
import type { PodDisruptionBudget, PodShape } from '@spillway/core';
import { preparedFilters } from '../evaluation.ts';
import type { NodeState, PlacedPod, Standing } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { breakingBudgets } from './budgets.ts';

export type Victim = PlacedPod & { readonly standing: Standing };

export interface Victims {
  readonly node: NodeState;
  /** The most important first; empty when only nominated pods of lower priority stood in the way. */
  readonly pods: readonly Victim[];
  /** How many of them break a budget. */
  readonly violations: number;
}

/** Undefined when the newcomer would not fit even without them. */
export function victimsOn(
  node: NodeState,
  options: {
    readonly snapshot: Snapshot;
    readonly shape: PodShape;
    readonly priority: number;
    readonly budgets: readonly PodDisruptionBudget[];
  },
): Victims | undefined {
  const { snapshot, shape, priority, budgets } = options;
  const lower = [...node.pods.values()].filter(
    (pod): pod is Victim => pod.standing !== undefined && pod.standing.priority < priority,
  );
  if (lower.length === 0) return undefined;
  let left = lower.reduce((rest, { uid }) => rest.withoutPod(uid), snapshot);
  if (!fits(left, shape, node)) return undefined;
  const candidates = lower.filter(({ standing }) => !standing.nominated).sort(moreImportant);
  const breaking = breakingBudgets(candidates, budgets);
  const pods: Victim[] = [];
  for (const pod of [
    ...candidates.filter((each) => breaking.has(each)),
    ...candidates.filter((each) => !breaking.has(each)),
  ]) {
    const withPod = left.withPlaced(pod);
    if (fits(withPod, shape, node)) left = withPod;
    else pods.push(pod);
  }
  pods.sort(moreImportant);
  return { node, pods, violations: pods.filter((pod) => breaking.has(pod)).length };
}

/** Filters are prepared again for each question: spread and company look at other pods, too. */
function fits(snapshot: Snapshot, shape: PodShape, { name }: NodeState): boolean {
  const node = snapshot.node(name);
  return node !== undefined && preparedFilters(snapshot, shape).check(node).length === 0;
}

/** By priority, then who has run for longer; a pod that has not started yet is the newest. */
function moreImportant({ standing: a }: Victim, { standing: b }: Victim): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return compareStart(a.startTime, b.startTime);
}

export function compareStart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : 1;
}
