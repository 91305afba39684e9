import type { NodeName } from '@spillway/core';
import {
  type Batch,
  better,
  type Candidate,
  refusalsOf,
  batchFitCountOn,
  withOneMore,
} from './candidate.ts';
import { MaxHeap } from './max-heap.ts';
import type { NodeState } from './node-state.ts';
import type { Plan } from './place.ts';

/**
 * For shapes of which one placed changes its own node only: every node is checked once and then falls
 * in the heap. O(nodes + n log nodes) for n pods.
 */
export function placeTogether(batch: Batch): Plan {
  const { shape, count, nodes, filter, scorer } = batch;
  const shut: NodeState[] = [];
  const open: Candidate[] = [];
  for (const node of nodes) {
    const fits = filter.check(node).length === 0 ? batchFitCountOn(node, batch) : 0;
    if (fits > 0) open.push({ node, fits, score: scorer.score(node) });
    else shut.push(node);
  }
  const heap = new MaxHeap(open, better);
  const placed: NodeName[] = [];
  while (placed.length < count) {
    const best = heap.peek();
    if (best === undefined) return { nodes: placed, refusals: refusalsOf(batch, shut) };
    best.node = withOneMore(best.node, shape, placed.length);
    best.fits -= 1;
    placed.push(best.node.name);
    if (best.fits > 0) {
      best.score = scorer.score(best.node);
      heap.sinkTop();
    } else {
      heap.pop();
      shut.push(best.node);
    }
  }
  return { nodes: placed, refusals: [] };
}
