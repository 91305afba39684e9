/**
 * The pipeline's contract, after kube-scheduler's framework: a stage first looks at the snapshot once
 * per shape (PreFilter), then judges node by node (Filter).
 */
import type { PodShape, Verdict } from '@spillway/core';
import type { NodeState } from './node-state.ts';
import type { Snapshot } from './snapshot.ts';

export interface FilterStage {
  readonly name: string;
  /**
   * Looks once at the whole snapshot for one shape. Returns undefined when the stage has nothing to
   * say of this shape, `rejected` when no node can ever do, else the judge of single nodes.
   */
  prepare(shape: PodShape, snapshot: Snapshot): NodeJudge | Rejected | undefined;
}

export interface Rejected {
  readonly rejected: Verdict;
}

/** Empty: the node passes. Must not depend on the order in which nodes are asked. */
export type NodeJudge = (node: NodeState) => readonly Verdict[];

/** Judges that everybody passes return this, so that passing allocates nothing. */
export const passes: readonly Verdict[] = Object.freeze([]);

/** Higher is better, 0 to 100, integers; `weight` as in kube-scheduler's default profile. */
export interface ScoreStage {
  readonly name: string;
  readonly weight: number;
  prepare(shape: PodShape, snapshot: Snapshot): ((node: NodeState) => number) | undefined;
}
