/**
 * Places pods of one shape on the nodes of one snapshot: filter, score, reserve. The snapshot stays
 * as it is; the plan says which nodes, and why not more.
 *
 * Cost: for shapes that only ask resources, nodes + n log nodes for n pods, since placing one changes
 * nothing but its node; shapes with rules about other pods or about ports are judged anew after each
 * placement, n × nodes.
 */
import type { NodeName, PodShape, PodUid, Resources, Verdict, VerdictCount } from '@spillway/core';
import { plus } from '@spillway/core';
import { fitsTimes } from './filter/node-resources-fit.ts';
import { candidates, preparedFilters, preparedScores, VerdictTally } from './judgement.ts';
import { MaxHeap } from './max-heap.ts';
import type { NodeState, PlacedPod } from './node-state.ts';
import type { Snapshot } from './snapshot.ts';
import type { NodeJudge } from './stage.ts';

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
  const unsupported = shape.unsupported[0];
  if (unsupported !== undefined) {
    return { nodes: [], refusals: [{ ...unsupported, nodes: snapshot.nodeCount }] };
  }
  return dependsOnOthers(snapshot, shape)
    ? placeOneByOne(snapshot, shape, count, options)
    : placeTogether(snapshot, shape, count, options);
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
    extended: new Map(),
  };
}

function dependsOnOthers(snapshot: Snapshot, { spread, affinity, hostPorts }: PodShape): boolean {
  if (spread.length > 0 || hostPorts.length > 0) return true;
  if (affinity.podAffinity !== undefined || affinity.podAntiAffinity !== undefined) return true;
  for (const _pod of snapshot.repellingPods()) return true;
  return false;
}

interface Candidate {
  node: NodeState;
  times: number;
  score: number;
}

function placeTogether(
  snapshot: Snapshot,
  shape: PodShape,
  count: number,
  options: PlaceOptions,
): Plan {
  const { judgeNode } = preparedFilters(snapshot, shape);
  const score = preparedScores(snapshot, shape);
  const tally = new VerdictTally();
  const open: Candidate[] = [];
  for (const node of offered(snapshot, options)) {
    const verdicts = judgeNode(node);
    const times =
      verdicts.length === 0 ? fitsTimes(node, shape.requests, keptOn(node, options.keepFree)) : 0;
    if (times > 0) open.push({ node, times, score: score(node) });
    else tally.add(verdicts.length === 0 ? kept : verdicts);
  }
  const heap = new MaxHeap(open, better);
  const nodes: NodeName[] = [];
  while (nodes.length < count) {
    const best = heap.peek();
    if (best === undefined) break;
    nodes.push(best.node.name);
    best.node = loaded(best.node, shape);
    best.times -= 1;
    if (best.times > 0) {
      best.score = score(best.node);
      heap.sinkTop();
    } else {
      heap.pop();
      if (nodes.length < count || heap.peek() === undefined) tally.add(full(best.node, judgeNode));
    }
  }
  return { nodes, refusals: nodes.length < count ? tally.counts() : [] };
}

function placeOneByOne(
  snapshot: Snapshot,
  shape: PodShape,
  count: number,
  options: PlaceOptions,
): Plan {
  const nodes: NodeName[] = [];
  let current = snapshot;
  while (nodes.length < count) {
    const { judgeNode } = preparedFilters(current, shape);
    const score = preparedScores(current, shape);
    const tally = new VerdictTally();
    let best: Candidate | undefined;
    for (const node of offered(current, options)) {
      const verdicts = judgeNode(node);
      const times =
        verdicts.length === 0 ? fitsTimes(node, shape.requests, keptOn(node, options.keepFree)) : 0;
      if (times === 0) {
        tally.add(verdicts.length === 0 ? kept : verdicts);
        continue;
      }
      const candidate = { node, times, score: score(node) };
      if (best === undefined || better(candidate, best)) best = candidate;
    }
    if (best === undefined) return { nodes, refusals: tally.counts() };
    const planned = plannedPod(shape, `planned/${nodes.length}` as PodUid, best.node.name);
    current = current.withPlaced(planned);
    nodes.push(best.node.name);
  }
  return { nodes, refusals: [] };
}

function* offered(snapshot: Snapshot, { nodes }: PlaceOptions): Iterable<NodeState> {
  if (nodes === undefined) return yield* candidates(snapshot);
  for (const name of nodes) {
    const node = snapshot.node(name);
    if (node?.exists && !node.virtual) yield node;
  }
}

/** Equal scores go by name, so that the same input gives the same plan on every machine. */
function better(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.node.name < b.node.name);
}

function loaded(node: NodeState, shape: PodShape): NodeState {
  return {
    ...node,
    requested: plus(node.requested, shape.requests),
    scoringRequested: plus(node.scoringRequested, shape.scoringRequests),
    podCount: node.podCount + 1,
  };
}

function full(node: NodeState, judgeNode: NodeJudge): readonly Verdict[] {
  const verdicts = judgeNode(node);
  return verdicts.length === 0 ? kept : verdicts;
}
