/**
 * The pipeline's contract, after kube-scheduler's framework. A stage first looks at the snapshot once for
 * each shape (PreFilter, PreScore). Then it checks or scores node by node (Filter, Score). It is told of
 * each pod of the shape that is placed meanwhile (Reserve).
 */
import type { PodShape, Verdict } from '@spillway/core';
import type { NodeState } from './node-state.ts';
import type { Snapshot } from './snapshot.ts';

export interface FilterStage {
  readonly name: string;
  /**
   * Looks once at the whole snapshot for one shape. Returns undefined when the stage has nothing to
   * say of this shape, `rejected` when no node can ever do, else the filter of single nodes.
   */
  prepare(shape: PodShape, snapshot: Snapshot): PreparedFilter | Rejected | undefined;
}

export interface PreparedFilter {
  /** Empty: the node passes. Must not depend on the order in which nodes are asked. */
  check(node: NodeState): readonly Verdict[];
  /**
   * One more pod of the shape stands on `node` from now on. Absent when that changes the verdicts of
   * no node but this one, whose current state is given each time.
   */
  placed?(node: NodeState): void;
}

export interface Rejected {
  readonly rejected: Verdict;
}

/** Filters that everyone passes return this, so that passing allocates nothing. */
export const passes: readonly Verdict[] = Object.freeze([]);

/** `weight` as in kube-scheduler's default profile. */
export interface ScoreStage {
  readonly name: string;
  readonly weight: number;
  /** Undefined when all nodes are alike to this stage. */
  prepare(shape: PodShape, snapshot: Snapshot): PreparedScore | undefined;
}

export interface PreparedScore {
  /** Higher is better; an integer from 0 to 100. */
  score(node: NodeState): number;
  /** As with filters. */
  placed?(node: NodeState): void;
}
