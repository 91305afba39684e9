/** One shape against one snapshot: which nodes can take it, and why the others can't. */
import type { NodeName, PodShape, Verdict, VerdictCount } from '@spillway/core';
import type { NodeState } from './node-state.ts';
import { filters, scores } from './pipeline.ts';
import type { Snapshot } from './snapshot.ts';
import { passes, type PreparedFilter, type PreparedScore } from './stage.ts';

export interface Judgement {
  readonly feasible: readonly NodeName[];
  /** Per refused node, the verdicts of the first stage that refused it; virtual nodes left out. */
  readonly verdicts: ReadonlyMap<NodeName, readonly Verdict[]>;
  /** A verdict on the pod itself: no node can ever do. Every node has it, then, and no other. */
  readonly rejected: Verdict | undefined;
}

/** Cost: nodes × stages that have something to say of the shape. */
export function judge(snapshot: Snapshot, shape: PodShape): Judgement {
  const filter = preparedFilters(snapshot, shape);
  const feasible: NodeName[] = [];
  const verdicts = new Map<NodeName, readonly Verdict[]>();
  for (const node of snapshot.candidates()) {
    const found = filter.judge(node);
    if (found.length === 0) feasible.push(node.name);
    else verdicts.set(node.name, found);
  }
  return { feasible, verdicts, rejected: filter.rejected };
}

/** All filters as one; `placed` is absent when placing changes the judgement of no other node. */
export function preparedFilters(
  snapshot: Snapshot,
  shape: PodShape,
): PreparedFilter & { readonly rejected: Verdict | undefined } {
  const unsupported = shape.unsupported[0];
  if (unsupported !== undefined) return rejecting(unsupported);
  const prepared: PreparedFilter[] = [];
  for (const stage of filters) {
    const filter = stage.prepare(shape, snapshot);
    if (filter === undefined) continue;
    if ('rejected' in filter) return rejecting(filter.rejected);
    prepared.push(filter);
  }
  return {
    rejected: undefined,
    judge(node) {
      for (const filter of prepared) {
        const verdicts = filter.judge(node);
        if (verdicts.length > 0) return verdicts;
      }
      return passes;
    },
    ...allPlaced(prepared),
  };
}

function rejecting(rejected: Verdict): PreparedFilter & { readonly rejected: Verdict } {
  const verdicts = [rejected];
  return { rejected, judge: () => verdicts };
}

/** All scores as one weighted sum; no longer 0 to 100. */
export function preparedScores(snapshot: Snapshot, shape: PodShape): PreparedScore {
  const weights: number[] = [];
  const prepared: PreparedScore[] = [];
  for (const stage of scores) {
    const score = stage.prepare(shape, snapshot);
    if (score === undefined) continue;
    weights.push(stage.weight);
    prepared.push(score);
  }
  return {
    score(node) {
      let sum = 0;
      for (let i = 0; i < prepared.length; i++) {
        sum += (weights[i] ?? 0) * (prepared[i]?.score(node) ?? 0);
      }
      return sum;
    },
    ...allPlaced(prepared),
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
