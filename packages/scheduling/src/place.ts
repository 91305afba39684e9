/**
 * Places pods of one shape on the nodes of one snapshot: filter, score, reserve. The snapshot stays
 * as it is; the plan says which nodes, and why not more.
 *
 * Cost for n pods: nodes + n log nodes, since placing one changes nothing but its node; n × nodes for
 * shapes with rules about pods elsewhere (spread, affinity, anti-affinity), which are judged anew.
 */
import type { NodeName, PodShape, PodUid, Resources, Verdict, VerdictCount } from '@spillway/core';
import { noResources, plus } from '@spillway/core';
import { fitsTimes } from './filter/node-resources-fit.ts';
import { preparedFilters, preparedScores, VerdictTally } from './judgement.ts';
import { MaxHeap } from './max-heap.ts';
import { type NodeState, type PlacedPod, withPlaced } from './node-state.ts';
import type { Snapshot } from './snapshot.ts';
import type { PreparedFilter, PreparedScore } from './stage.ts';

export interface Plan {
  /** One per pod that found a place, at most `count`. */
  readonly nodes: readonly NodeName[];
  /** Why no more than these: nodes per reason, after the placements. Empty when all found a place. */
  readonly refusals: readonly VerdictCount[];
}

/** What a host keeps for itself on each node, as fractions of its allocatable. */
export interface KeepFree {
  readonly cpuFraction: number;
  readonly memoryFraction: number;
}

export interface PlaceOptions {
  readonly keepFree?: KeepFree;
  /** Only these nodes. */
  readonly nodes?: readonly NodeName[];
}

const kept: readonly Verdict[] = [
  { code: 'Unschedulable', reason: 'node(s) keep the rest for their own pods', stage: 'KeepFree' },
];

export function placePods(
  snapshot: Snapshot,
  shape: PodShape,
  count: number,
  options: PlaceOptions = {},
): Plan {
  const batch: Batch = {
    shape,
    count,
    keepFree: options.keepFree,
    nodes: offered(snapshot, options),
    filter: preparedFilters(snapshot, shape),
    scorer: preparedScores(snapshot, shape),
  };
  // One pod needs no heap.
  return count > 1 && batch.filter.placed === undefined && batch.scorer.placed === undefined
    ? placeTogether(batch)
    : placeOneByOne(batch);
}

/** The pod that a placement of `shape` would be, for counting on. */
export function plannedPod(shape: PodShape, uid: PodUid, node: NodeName): PlacedPod {
  return {
    uid,
    node,
    namespace: shape.namespace,
    labels: shape.labels,
    requests: shape.requests,
    scoringRequests: shape.scoringRequests,
    hostPorts: shape.hostPorts,
    terminating: false,
    antiAffinity:
      shape.affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
  };
}

/** What `options.keepFree` keeps on a node. */
export function keptOn(node: NodeState, keepFree: KeepFree | undefined): Resources | undefined {
  if (!keepFree?.cpuFraction && !keepFree?.memoryFraction) return undefined;
  return {
    milliCpu: Math.ceil(node.allocatable.milliCpu * keepFree.cpuFraction),
    memoryBytes: Math.ceil(node.allocatable.memoryBytes * keepFree.memoryFraction),
    ephemeralStorageBytes: 0,
    extended: noResources.extended,
  };
}

interface Batch {
  readonly shape: PodShape;
  readonly count: number;
  readonly keepFree: KeepFree | undefined;
  readonly nodes: readonly NodeState[];
  readonly filter: PreparedFilter;
  readonly scorer: PreparedScore;
}

interface Candidate {
  node: NodeState;
  /** How many more of the shape fit here. */
  times: number;
  score: number;
}

/** Placing a pod changes its own node only: every node is judged once and then falls in the heap. */
function placeTogether({ shape, count, keepFree, nodes, filter, scorer }: Batch): Plan {
  const tally = new VerdictTally();
  const open: Candidate[] = [];
  for (const node of nodes) {
    const verdicts = filter.judge(node);
    const times = verdicts.length === 0 ? timesOn(node, shape, keepFree) : 0;
    if (times > 0) open.push({ node, times, score: scorer.score(node) });
    else tally.add(verdicts.length === 0 ? kept : verdicts);
  }
  const heap = new MaxHeap(open, better);
  const exhausted: NodeState[] = [];
  const placed: NodeName[] = [];
  while (placed.length < count) {
    const best = heap.peek();
    if (best === undefined) break;
    best.node = withOneMore(best.node, shape, placed.length);
    best.times -= 1;
    placed.push(best.node.name);
    if (best.times > 0) {
      best.score = scorer.score(best.node);
      heap.sinkTop();
    } else {
      heap.pop();
      exhausted.push(best.node);
    }
  }
  if (placed.length === count) return { nodes: placed, refusals: [] };
  for (const node of exhausted) {
    const verdicts = filter.judge(node);
    tally.add(verdicts.length === 0 ? kept : verdicts);
  }
  return { nodes: placed, refusals: tally.counts() };
}

/** Placing a pod may open or close other nodes: all are judged anew for each. */
function placeOneByOne(batch: Batch): Plan {
  const { shape, count, keepFree, filter, scorer } = batch;
  const nodes = [...batch.nodes];
  const placed: NodeName[] = [];
  while (placed.length < count) {
    const tally = new VerdictTally();
    let best: NodeState | undefined;
    let [bestAt, bestScore] = [0, 0];
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at] as NodeState;
      const verdicts = filter.judge(node);
      const times = verdicts.length === 0 ? timesOn(node, shape, keepFree) : 0;
      if (times === 0) {
        tally.add(verdicts.length === 0 ? kept : verdicts);
        continue;
      }
      const score = scorer.score(node);
      const worse = score < bestScore || (score === bestScore && best && node.name > best.name);
      if (best !== undefined && worse) continue;
      [best, bestAt, bestScore] = [node, at, score];
    }
    if (best === undefined) return { nodes: placed, refusals: tally.counts() };
    nodes[bestAt] = withOneMore(best, shape, placed.length);
    placed.push(best.name);
    filter.placed?.(best);
    scorer.placed?.(best);
  }
  return { nodes: placed, refusals: [] };
}

function offered(snapshot: Snapshot, { nodes }: PlaceOptions): readonly NodeState[] {
  if (nodes === undefined) return snapshot.candidates();
  return [...new Set(nodes)].flatMap((name) => {
    const node = snapshot.node(name);
    return node?.exists && !node.virtual ? [node] : [];
  });
}

/** Equal scores go by name, so that the same input gives the same plan on every machine. */
function better(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.node.name < b.node.name);
}

/** A second pod with the same host ports never fits. */
function timesOn(node: NodeState, shape: PodShape, keepFree: KeepFree | undefined): number {
  const times = fitsTimes(node, shape.requests, keptOn(node, keepFree));
  return shape.hostPorts.length > 0 ? Math.min(times, 1) : times;
}

/** Only host ports look at the pods themselves; without them the sums are enough. */
function withOneMore(node: NodeState, shape: PodShape, index: number): NodeState {
  if (shape.hostPorts.length > 0) {
    return withPlaced(node, plannedPod(shape, `planned/${index}` as PodUid, node.name));
  }
  return {
    ...node,
    requested: plus(node.requested, shape.requests),
    scoringRequested: plus(node.scoringRequested, shape.scoringRequests),
    podCount: node.podCount + 1,
  };
}
