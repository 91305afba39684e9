/** One shape against one snapshot: which nodes can take it, and why the others can't. */
import type { NodeName, PodShape, Verdict, VerdictCount } from '@spillway/core';
import type { NodeState } from './node-state.ts';
import { filters, scores } from './pipeline.ts';
import type { Snapshot } from './snapshot.ts';
import { type NodeJudge, passes } from './stage.ts';

export interface Judgement {
  readonly feasible: readonly NodeName[];
  /** Per refused node, the verdicts of the first stage that refused it; virtual nodes left out. */
  readonly verdicts: ReadonlyMap<NodeName, readonly Verdict[]>;
  /** A verdict on the pod itself: no node can ever do. */
  readonly rejected: Verdict | undefined;
}

/** Cost: nodes × stages that have something to say of the shape. */
export function judge(snapshot: Snapshot, shape: PodShape): Judgement {
  const { judgeNode, rejected } = preparedFilters(snapshot, shape);
  const feasible: NodeName[] = [];
  const verdicts = new Map<NodeName, readonly Verdict[]>();
  for (const node of candidates(snapshot)) {
    const found = rejected === undefined ? judgeNode(node) : [rejected];
    if (found.length === 0) feasible.push(node.name);
    else verdicts.set(node.name, found);
  }
  return { feasible, verdicts, rejected };
}

/** All filters as one judge. */
export function preparedFilters(
  snapshot: Snapshot,
  shape: PodShape,
): { readonly judgeNode: NodeJudge; readonly rejected: Verdict | undefined } {
  const judges: NodeJudge[] = [];
  for (const stage of filters) {
    const prepared = stage.prepare(shape, snapshot);
    if (prepared === undefined) continue;
    if (typeof prepared !== 'function') {
      return { judgeNode: () => [prepared.rejected], rejected: prepared.rejected };
    }
    judges.push(prepared);
  }
  return {
    rejected: undefined,
    judgeNode(node) {
      for (const each of judges) {
        const verdicts = each(node);
        if (verdicts.length > 0) return verdicts;
      }
      return passes;
    },
  };
}

/** All scores as one weighted sum. */
export function preparedScores(snapshot: Snapshot, shape: PodShape): (node: NodeState) => number {
  const prepared = scores.flatMap(({ weight, prepare }) => {
    const score = prepare(shape, snapshot);
    return score === undefined ? [] : [{ weight, score }];
  });
  return (node) => {
    let sum = 0;
    for (const { weight, score } of prepared) sum += weight * score(node);
    return sum;
  };
}

export function* candidates(snapshot: Snapshot): Iterable<NodeState> {
  for (const node of snapshot.nodes()) if (node.exists && !node.virtual) yield node;
}

/** Equal reasons added up, the commonest first. */
export class VerdictTally {
  readonly #counts = new Map<string, { verdict: Verdict; nodes: number }>();

  add(verdicts: readonly Verdict[], nodes = 1): void {
    for (const verdict of verdicts) {
      const count = this.#counts.get(verdict.reason);
      if (count === undefined) this.#counts.set(verdict.reason, { verdict, nodes });
      else count.nodes += nodes;
    }
  }

  counts(): readonly VerdictCount[] {
    return [...this.#counts.values()]
      .map(({ verdict, nodes }) => ({ ...verdict, nodes }))
      .sort((a, b) => b.nodes - a.nodes || (a.reason < b.reason ? -1 : 1));
  }
}
