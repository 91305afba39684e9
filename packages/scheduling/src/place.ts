/**
 * Places pods of one shape on the nodes of one snapshot: filter, score, reserve. The snapshot stays as it
 * is. The plan says which nodes, and why not more. A batch goes where its pods would go one after the other.
 * In one of three ways, it keeps from pod to pod what is known of the nodes.
 *
 * It looks at all nodes. kube-scheduler samples them in large clusters. docs/hot-paths.md shows that looking
 * at all is fast enough.
 */
import type { NodeName, PodShape, Verdict, VerdictCount } from '@spillway/core';
import { preparedFilters, preparedScores } from './evaluation.ts';
import type { KeepFree } from './keep-free.ts';
import type { NodeState } from './node-state.ts';
import { placeInTurn } from './place-in-turn.ts';
import { placeOne } from './place-one.ts';
import { placeTogether } from './place-together.ts';
import type { Snapshot } from './snapshot.ts';

export interface Plan {
  /** One per pod that found a place, at most `count`. */
  readonly nodes: readonly NodeName[];
  /** Why no more pods fit than these: nodes by reason, after the placements. Empty when all found a place. */
  readonly refusals: readonly (Verdict | VerdictCount)[];
}

export interface PlaceOptions {
  readonly keepFree?: KeepFree;
  /** Only these nodes. */
  readonly nodes?: readonly NodeName[];
}

export function placePods(
  snapshot: Snapshot,
  shape: PodShape,
  count: number,
  options: PlaceOptions = {},
): Plan {
  if (count === 0) return { nodes: [], refusals: [] };
  const filter = preparedFilters(snapshot, shape);
  const scorer = preparedScores(snapshot, shape);
  const nodes = offered(snapshot, options);
  const batch = { shape, count, keepFree: options.keepFree, nodes, filter, scorer };
  if (count === 1) return placeOne(batch);
  return filter.placed === undefined && scorer.placed === undefined
    ? placeTogether(batch)
    : placeInTurn(batch);
}

function offered(snapshot: Snapshot, { nodes }: PlaceOptions): readonly NodeState[] {
  if (nodes === undefined) return snapshot.candidates();
  return [...new Set(nodes)].flatMap((name) => {
    const node = snapshot.node(name);
    return node?.exists && !node.virtual ? [node] : [];
  });
}
