/** A node in the running for pods of one shape, and what one more pod does to it. */
import { plus, type PodShape, type PodUid, type Verdict, type VerdictCount } from '@spillway/core';
import { fitCountOn } from './filter/node-resources-fit.ts';
import { type PreparedFilters, type PreparedScores, VerdictTally } from './evaluation.ts';
import { kept, type KeepFree, keptOn } from './keep-free.ts';
import { type NodeState, plannedPod, withPlaced } from './node-state.ts';

export interface Batch {
  readonly shape: PodShape;
  readonly count: number;
  readonly keepFree: KeepFree | undefined;
  readonly nodes: readonly NodeState[];
  readonly filter: PreparedFilters;
  readonly scorer: PreparedScores;
}

export interface Candidate {
  node: NodeState;
  /** How many more of the shape fit here. */
  fits: number;
  score: number;
}

/** Equal scores go by name, so that the same input gives the same plan on every machine. */
export function better(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.node.name < b.node.name);
}

/** A second pod with the same host ports never fits. */
export function batchFitCountOn(
  node: NodeState,
  { shape, keepFree }: Pick<Batch, 'shape' | 'keepFree'>,
): number {
  const fits = fitCountOn(node, shape.requests, keptOn(node, keepFree));
  return shape.hostPorts.length > 0 ? Math.min(fits, 1) : fits;
}

/** The pod number `index` of the batch stands on `node`. */
export function withOneMore(node: NodeState, shape: PodShape, index: number): NodeState {
  // Only host ports look at the pods themselves; without them the sums are enough.
  if (shape.hostPorts.length > 0) {
    return withPlaced(node, plannedPod(shape, `planned/${index}` as PodUid, node.name));
  }
  return {
    ...node,
    requested: plus(node.requested, shape.requests),
    scoringRequested: plus(node.scoringRequested, shape.scoringRequests),
    podCount: node.podCount + 1,
  };
}

/** Why none of `nodes` takes one more: nodes by reason, or what is wrong with the pod itself, which counts no nodes. */
export function refusalsOf(
  { filter }: Batch,
  nodes: Iterable<NodeState>,
): readonly (Verdict | VerdictCount)[] {
  if (filter.rejected !== undefined) return [filter.rejected];
  const tally = new VerdictTally();
  for (const node of nodes) {
    const verdicts = filter.check(node);
    tally.add(verdicts.length === 0 ? kept : verdicts);
  }
  return tally.counts();
}
