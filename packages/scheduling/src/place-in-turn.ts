import type { NodeName } from '@spillway/core';
import {
  type Batch,
  better,
  type Candidate,
  refusalsOf,
  batchFitCountOn,
  withOneMore,
} from './candidate.ts';
import type { NodeState } from './node-state.ts';
import type { Plan } from './place.ts';

/**
 * For shapes of which one placed pod may open, close or improve other nodes (spread, affinity,
 * anti-affinity). What depends on the node alone is checked once, and the nodes are kept in order of that
 * score. Only the rest is checked again for each pod. It starts at the best node, and ends when no later
 * node can win.
 *
 * O(nodes log nodes) for the order. Then for each pod: the nodes that are refused before the best, and those
 * that could still reach its score. At worst, these are all nodes.
 */
export function placeInTurn(batch: Batch): Plan {
  const { shape, count, nodes, filter, scorer } = batch;
  const shut: NodeState[] = [];
  const open: Candidate[] = [];
  for (const node of nodes) {
    const fits = filter.checkNodeLocal(node).length === 0 ? batchFitCountOn(node, batch) : 0;
    if (fits > 0) open.push({ node, fits, score: scorer.scoreNodeLocal(node) });
    else shut.push(node);
  }
  open.sort((a, b) => (better(a, b) ? -1 : 1));
  const placed: NodeName[] = [];
  while (placed.length < count) {
    const at = bestAt(open, batch);
    const best = open[at];
    if (best === undefined) {
      for (const { node } of open) shut.push(node);
      return { nodes: placed, refusals: refusalsOf(batch, shut) };
    }
    open.splice(at, 1);
    placed.push(best.node.name);
    filter.placed?.(best.node);
    scorer.placed?.(best.node);
    best.node = withOneMore(best.node, shape, placed.length);
    best.fits -= 1;
    if (best.fits > 0) {
      best.score = scorer.scoreNodeLocal(best.node);
      open.splice(placeOf(best, open), 0, best);
    } else {
      shut.push(best.node);
    }
  }
  return { nodes: placed, refusals: [] };
}

/** -1 when all refuse. */
function bestAt(open: readonly Candidate[], { filter, scorer }: Batch): number {
  let [found, foundScore, foundName] = [-1, 0, ''];
  for (let at = 0; at < open.length; at++) {
    const { node, score } = open[at] as Candidate;
    if (
      found !== -1 &&
      (scorer.placementDependentMax === 0 || score + scorer.placementDependentMax < foundScore)
    )
      break;
    if (filter.checkPlacementDependent(node).length > 0) continue;
    const sum = score + scorer.scorePlacementDependent(node);
    if (found !== -1) {
      if (sum < foundScore || (sum === foundScore && node.name > foundName)) continue;
    }
    [found, foundScore, foundName] = [at, sum, node.name];
  }
  return found;
}

/** Where `candidate` belongs, by halving. */
function placeOf(candidate: Candidate, ordered: readonly Candidate[]): number {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (better(ordered[middle] as Candidate, candidate)) low = middle + 1;
    else high = middle;
  }
  return low;
}
