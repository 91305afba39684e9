/**
 * A verdict says why a node or a neighbour was refused. It is a value: refusing is what a scheduler
 * does all day. Nodes' verdicts use kube-scheduler's own reasons, word for word, so that an operator who
 * knows its FailedScheduling messages can read ours.
 */

/** Each code's doc says what the caller does next. */
export type VerdictCode =
  /** No room now. Ask again when room is freed. */
  | 'Unschedulable'
  /** No change of other pods can help; only a change of the node, neighbour or pod can. */
  | 'UnschedulableAndUnresolvable'
  /** Spillway can't judge this yet, so it leaves the pod alone. Nothing to retry. */
  | 'Unsupported'
  /** The neighbour could not be asked. Ask again after a back-off. */
  | 'Unreachable'
  /** The neighbour, or a policy, does not want it. Ask again only when that changes. */
  | 'Refused';

export interface Verdict {
  readonly code: VerdictCode;
  /** For a person, without a full stop: `Insufficient cpu`. */
  readonly reason: string;
  /** The stage that spoke: `NodeResourcesFit`, `TaintToleration`, `ClusterAffinity`. */
  readonly stage: string;
}

/** A verdict and how many nodes got it. */
export interface VerdictCount extends Verdict {
  readonly nodes: number;
}
