/**
 * Preemption at home, by kube-scheduler's rules (plugins/defaultpreemption and framework/preemption of
 * Kubernetes 1.36). It finds the node that makes room for a pod of higher priority at the least cost, and
 * the pods that end for it. The agreement test compares the choice with that of the real kube-scheduler.
 */
import type { NodeName, PodShape } from '@spillway/core';
import { preparedFilters } from '../evaluation.ts';
import type { NodeState } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { compareStart, type Victim, type Victims, victimsOn } from './victims.ts';

export interface Preemptor {
  readonly shape: PodShape;
  readonly priority: number;
  /** `spec.preemptionPolicy: Never`. */
  readonly never: boolean;
}

/** `victims` are to end; the pod then fits on `node`. */
export interface Preemption {
  readonly node: NodeName;
  /** The most important first; empty when only nominations of lower priority stood in the way. */
  readonly victims: readonly Victim[];
}

/** kube-scheduler's minCandidateNodesAbsolute and minCandidateNodesPercentage. */
const candidatesMin = 100;
const candidatesFraction = 0.1;

/**
 * Undefined when no pod's end would help. `snapshot` must be without the pod itself. Cost: candidates ×
 * (victims of the node + 1) × the pipeline for one node.
 */
export function preempt(
  snapshot: Snapshot,
  { shape, priority, never }: Preemptor,
): Preemption | undefined {
  const candidates = snapshot.candidates();
  if (never || !candidates.some((node) => hasLower(node, priority))) return undefined;
  const nodes = candidates.filter(mayHelp(snapshot, shape));
  const budgets = [...snapshot.all('PodDisruptionBudget')];
  const enough = Math.max(candidatesMin, Math.floor(nodes.length * candidatesFraction));
  const found: Victims[] = [];
  for (const node of nodes) {
    const victims = victimsOn(node, { snapshot, shape, priority, budgets });
    if (victims !== undefined) found.push(victims);
    if (found.length >= enough && found.some(({ violations }) => violations === 0)) break;
  }
  const best = found.toSorted(byHarm)[0];
  return best && { node: best.node.name, victims: best.pods };
}

/**
 * Whether a pod that waits on `nominated` should still wait there. Pods that a scheduler has preempted are
 * ending there, and only pods are in the way. Until then it preempts no others.
 */
export function waitsForVictims(
  snapshot: Snapshot,
  { shape, priority }: Preemptor,
  nominated: NodeName,
): boolean {
  const node = snapshot.node(nominated);
  if (!node?.exists || !mayHelp(snapshot, shape)(node)) return false;
  return [...node.pods.values()].some(
    ({ standing }) => standing?.preempted && standing.priority < priority,
  );
}

function hasLower(node: NodeState, priority: number): boolean {
  for (const { standing } of node.pods.values()) {
    if (standing !== undefined && standing.priority < priority) return true;
  }
  return false;
}

/** Nodes where the end of other pods may help. */
function mayHelp(snapshot: Snapshot, shape: PodShape): (node: NodeState) => boolean {
  const filter = preparedFilters(snapshot, shape);
  return (node) => filter.check(node).every(({ code }) => code === 'Unschedulable');
}

/** Makes priorities positive, so that fewer victims of equal negative priority weigh less. */
const priorityOffset = 2 ** 31;

/** Lower is better; each only decides among those that are equal by the ones before it. */
const harms: readonly ((victims: Victims) => number)[] = [
  ({ violations }) => violations,
  ({ pods }) => pods[0]?.standing.priority ?? Number.NEGATIVE_INFINITY,
  ({ pods }) => pods.reduce((sum, { standing }) => sum + standing.priority + priorityOffset, 0),
  ({ pods }) => pods.length,
];

/** As pickOneNodeForPreemption; the node's name decides at last. */
function byHarm(a: Victims, b: Victims): number {
  for (const harm of harms) {
    const [harmA, harmB] = [harm(a), harm(b)];
    if (harmA !== harmB) return harmA < harmB ? -1 : 1;
  }
  return compareStart(earliestStart(b), earliestStart(a)) || (a.node.name < b.node.name ? -1 : 1);
}

/** Of the victims with the highest priority, the one that runs for longest. */
function earliestStart({ pods }: Victims): string | undefined {
  const highest = pods[0]?.standing.priority;
  return pods
    .filter(({ standing }) => standing.priority === highest)
    .map(({ standing }) => standing.startTime)
    .toSorted(compareStart)[0];
}
