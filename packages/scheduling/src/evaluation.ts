/** One shape against one snapshot: which nodes can take it, and why the others can't. */
import type { NodeName, PodShape, Verdict, VerdictCount } from '@spillway/core';
import type { NodeState } from './node-state.ts';
import { filters, scores } from './pipeline.ts';
import type { Snapshot } from './snapshot.ts';
import { passes, type PreparedFilter, type PreparedScore } from './stage.ts';

export interface Evaluation {
  readonly feasible: readonly NodeName[];
  /** Per refused node, the verdicts of the first stage that refused it; virtual nodes left out. */
  readonly verdicts: ReadonlyMap<NodeName, readonly Verdict[]>;
  /** A verdict on the pod itself: no node can ever do. Every node has it, then, and no other. */
  readonly rejected: Verdict | undefined;
}

/** Cost: nodes × stages that apply to the shape. */
export function evaluate(snapshot: Snapshot, shape: PodShape): Evaluation {
  const filter = preparedFilters(snapshot, shape);
  const feasible: NodeName[] = [];
  const verdicts = new Map<NodeName, readonly Verdict[]>();
  for (const node of snapshot.candidates()) {
    const found = filter.check(node);
    if (found.length === 0) feasible.push(node.name);
    else verdicts.set(node.name, found);
  }
  return { feasible, verdicts, rejected: filter.rejected };
}

/** All filters as one; `placed` is absent when placing a pod changes the verdicts of no other node. */
export interface PreparedFilters extends PreparedFilter {
  readonly rejected: Verdict | undefined;
  /** `check` in two: the stages before the first that listens to `placed`, and from that one on. */
  checkNodeLocal(node: NodeState): readonly Verdict[];
  checkPlacementDependent(node: NodeState): readonly Verdict[];
}

export function preparedFilters(snapshot: Snapshot, shape: PodShape): PreparedFilters {
  const unsupported = shape.unsupported[0];
  if (unsupported !== undefined) return rejecting(unsupported);
  const prepared: PreparedFilter[] = [];
  for (const stage of filters) {
    const filter = stage.prepare(shape, snapshot);
    if (filter === undefined) continue;
    if ('rejected' in filter) return rejecting(filter.rejected);
    prepared.push(filter);
  }
  const listening = prepared.findIndex((filter) => filter.placed !== undefined);
  const check = firstRefusal(prepared);
  if (listening === -1) {
    return {
      rejected: undefined,
      check,
      checkNodeLocal: check,
      checkPlacementDependent: () => passes,
    };
  }
  return {
    rejected: undefined,
    check,
    checkNodeLocal: firstRefusal(prepared.slice(0, listening)),
    checkPlacementDependent: firstRefusal(prepared.slice(listening)),
    ...allPlaced(prepared),
  };
}

function firstRefusal(
  prepared: readonly PreparedFilter[],
): (node: NodeState) => readonly Verdict[] {
  return (node) => {
    for (const filter of prepared) {
      const verdicts = filter.check(node);
      if (verdicts.length > 0) return verdicts;
    }
    return passes;
  };
}

function rejecting(rejected: Verdict): PreparedFilters {
  const verdicts = [rejected];
  return {
    rejected,
    check: () => verdicts,
    checkNodeLocal: () => verdicts,
    checkPlacementDependent: () => verdicts,
  };
}

/** All scores as one weighted sum; no longer 0 to 100. */
export interface PreparedScores extends PreparedScore {
  /** `score` in two: the stages that only look at the node, and those that listen to `placed`. */
  scoreNodeLocal(node: NodeState): number;
  scorePlacementDependent(node: NodeState): number;
  /** `rest` is never above this. */
  readonly placementDependentMax: number;
}

export function preparedScores(snapshot: Snapshot, shape: PodShape): PreparedScores {
  const prepared: Weighted[] = [];
  for (const stage of scores) {
    const score = stage.prepare(shape, snapshot);
    if (score !== undefined) prepared.push({ weight: stage.weight, score });
  }
  const rest = prepared.filter(({ score }) => score.placed !== undefined);
  return {
    score: weightedSum(prepared),
    scoreNodeLocal: weightedSum(prepared.filter(({ score }) => score.placed === undefined)),
    scorePlacementDependent: weightedSum(rest),
    placementDependentMax: rest.reduce((sum, { weight }) => sum + 100 * weight, 0),
    ...allPlaced(rest.map(({ score }) => score)),
  };
}

interface Weighted {
  readonly weight: number;
  readonly score: PreparedScore;
}

function weightedSum(prepared: readonly Weighted[]): (node: NodeState) => number {
  return (node) => {
    let sum = 0;
    for (const { weight, score } of prepared) sum += weight * score.score(node);
    return sum;
  };
}

function allPlaced(prepared: readonly (PreparedFilter | PreparedScore)[]): {
  readonly placed?: (node: NodeState) => void;
} {
  const listening = prepared.filter((each) => each.placed !== undefined);
  if (listening.length === 0) return {};
  return { placed: (node) => listening.forEach((each) => each.placed?.(node)) };
}

/** Equal reasons added up, the commonest first. */
export class VerdictTally {
  readonly #counts = new Map<string, { verdict: Verdict; nodes: number }>();

  add(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      const count = this.#counts.get(verdict.reason);
      if (count === undefined) {
        this.#counts.set(verdict.reason, { verdict, nodes: 1 });
        continue;
      }
      count.nodes += 1;
      // One node where room may be freed is enough for asking again.
      if (verdict.code === 'Unschedulable') count.verdict = verdict;
    }
  }

  counts(): readonly VerdictCount[] {
    return [...this.#counts.values()]
      .map(({ verdict, nodes }) => ({ ...verdict, nodes }))
      .sort((a, b) => b.nodes - a.nodes || (a.reason < b.reason ? -1 : 1));
  }
}
