import { type Batch, refusalsOf, batchFitCountOn } from './candidate.ts';
import type { NodeState } from './node-state.ts';
import type { Plan } from './place.ts';

/** One pod needs neither heap nor order: one walk over the nodes, a second one if none takes it. */
export function placeOne(batch: Batch): Plan {
  const { nodes, filter, scorer, keepFree } = batch;
  let best: NodeState | undefined;
  let bestScore = 0;
  for (const node of nodes) {
    if (filter.check(node).length > 0) continue;
    if (keepFree !== undefined && batchFitCountOn(node, batch) === 0) continue;
    const score = scorer.score(node);
    if (best !== undefined) {
      if (score < bestScore || (score === bestScore && node.name > best.name)) continue;
    }
    best = node;
    bestScore = score;
  }
  return best === undefined
    ? { nodes: [], refusals: refusalsOf(batch, nodes) }
    : { nodes: [best.name], refusals: [] };
}
