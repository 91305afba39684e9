/**
 * Where pods that do not exist yet would go now: the home's own pipeline on its own snapshot, then the
 * neighbours by their adverts, each pod counted for the next. Nothing is asked, held or created. What it
 * says of a neighbour is an estimate, since in the end the host decides.
 */
import {
  type ClusterName,
  type NodeName,
  type Pod,
  shapeOf,
  type Verdict,
  type VerdictCount,
} from '@spillway/core';
import { type Plan, placePods, type Snapshot } from '@spillway/scheduling';
import type { Neighbour } from './directory.ts';
import { policyVerdicts } from './fence.ts';
import type { Claim } from './home/claim.ts';
import { type RankedNeighbour, rankNeighbours } from './neighbour-placement.ts';
import type { PlacementPolicy } from './policy.ts';
import { roomWithout } from './room.ts';
import { travelVerdicts } from './travel.ts';

/** `count` equal pods. */
export interface ForecastPods {
  /** Its UID must be its own: pods of the same UID replace each other. */
  readonly pod: Pod;
  readonly count: number;
  /** Undefined: Spillway would leave them to the cluster's own scheduler. */
  readonly claim: Claim | undefined;
  readonly policy: PlacementPolicy;
  /** Where the policy comes from, for people to read. */
  readonly source: string;
}

export interface Forecast {
  readonly home: readonly { readonly node: NodeName; readonly count: number }[];
  readonly neighbours: readonly {
    readonly cluster: ClusterName;
    readonly count: number;
    readonly rttMs: number;
  }[];
  /** For these there is no room anywhere. */
  readonly nowhere: number;
  /** Why no more at home: nodes by reason. Empty when all fit there. */
  readonly homeRefusals: readonly (Verdict | VerdictCount)[];
  /** Why they must not leave, if so. */
  readonly stays: readonly Verdict[];
  /** Of every neighbour, best first: how many more it would take after these, or why none. */
  readonly others: readonly {
    readonly cluster: ClusterName;
    readonly fits: number;
    readonly rttMs: number;
    readonly verdict?: Verdict;
  }[];
}

export interface ForecastOptions {
  readonly snapshot: Snapshot;
  readonly neighbours: readonly Neighbour[];
  /** How many pods of ours each neighbour has, for `spread`. */
  readonly placed: ReadonlyMap<ClusterName, number>;
}

/** One forecast for each of `batches`, in their order. */
export function forecast(
  batches: readonly ForecastPods[],
  { snapshot, neighbours, placed }: ForecastOptions,
): readonly Forecast[] {
  let left = { snapshot, neighbours, placed };
  return batches.map((batch) => {
    const { result, after } = forecastOne(batch, left);
    left = after;
    return result;
  });
}

function forecastOne(
  batch: ForecastPods,
  before: ForecastOptions,
): { readonly result: Forecast; readonly after: ForecastOptions } {
  const { pod, count, claim, policy, source } = batch;
  const shape = shapeOf(pod);
  const plan: Plan =
    shape.unsupported.length > 0
      ? { nodes: [], refusals: [] }
      : placePods(before.snapshot, shape, count);
  const snapshot = plan.nodes.reduce(
    (filled, node, i) => filled.withPod(onNode(pod, node, i)),
    before.snapshot,
  );
  const stays = [...policyVerdicts(pod, policy, source), ...travelVerdicts(pod)];
  const missing = count - plan.nodes.length;
  const rank = (neighbours: readonly Neighbour[], placed: ForecastOptions['placed']) =>
    rankNeighbours({ shape, count: Math.max(1, missing), policy, neighbours, placed });
  const { ranked } = rank(before.neighbours, before.placed);
  const leaves = claim !== undefined && stays.length === 0 && shape.unsupported.length === 0;
  const shares = leaves ? sharesOf(ranked, missing, { policy, placed: before.placed }) : [];
  const sent = new Map(shares.map((share) => [share.cluster, share.count]));
  const neighbours = before.neighbours.map((each) => filled(each, sent.get(each.cluster) ?? 0));
  const placed = new Map(before.placed);
  for (const [cluster, more] of sent) placed.set(cluster, (placed.get(cluster) ?? 0) + more);
  const rest = rank(neighbours, placed);
  const away = shares.reduce((sum, share) => sum + share.count, 0);
  return {
    result: {
      home: counted(plan.nodes),
      neighbours: shares,
      nowhere: missing - away,
      homeRefusals: shape.unsupported.length > 0 ? shape.unsupported : plan.refusals,
      stays,
      others: othersOf(neighbours, rest),
    },
    after: { snapshot, neighbours, placed },
  };

  function filled(neighbour: Neighbour, more: number): Neighbour {
    if (more === 0) return neighbour;
    const { advert } = neighbour;
    const room = roomWithout(advert.room, shape, more);
    return { ...neighbour, advert: { ...advert, room, guestsFree: advert.guestsFree - more } };
  }
}

/** Down the ranking as far as each is estimated to take; `spread` gives each pod to whoever has fewest. */
function sharesOf(
  ranked: readonly RankedNeighbour[],
  missing: number,
  options: { readonly policy: PlacementPolicy; readonly placed: ForecastOptions['placed'] },
): Forecast['neighbours'] {
  const shares = ranked.map(({ cluster, estimate, rttMs }) => ({
    cluster,
    rttMs,
    estimate,
    count: 0,
    guests: options.placed.get(cluster) ?? 0,
  }));
  if (options.policy.name === 'spread') {
    for (let i = 0; i < missing; i++) {
      const open = shares.filter((share) => share.count < share.estimate);
      const fewest = Math.min(...open.map((share) => share.guests + share.count));
      const next = open.find((share) => share.guests + share.count === fewest);
      if (next === undefined) break;
      next.count += 1;
    }
  } else {
    let left = missing;
    for (const share of shares) {
      share.count = Math.min(left, share.estimate);
      left -= share.count;
    }
  }
  return shares
    .filter((share) => share.count > 0)
    .map(({ cluster, count, rttMs }) => ({ cluster, count, rttMs }));
}

function othersOf(
  neighbours: readonly Neighbour[],
  { ranked, verdicts }: ReturnType<typeof rankNeighbours>,
): Forecast['others'] {
  const open = ranked.map(({ cluster, estimate, rttMs }) => ({ cluster, fits: estimate, rttMs }));
  const shut = neighbours.flatMap(({ cluster, rttMs }) => {
    const verdict = verdicts.get(cluster);
    return verdict === undefined ? [] : [{ cluster, fits: 0, rttMs, verdict }];
  });
  return [...open, ...shut.sort((a, b) => a.rttMs - b.rttMs)];
}

function onNode(pod: Pod, nodeName: NodeName, i: number): Pod {
  const uid = `${pod.metadata.uid ?? ''}/${i}`;
  return { metadata: { ...pod.metadata, uid }, spec: { ...pod.spec, nodeName } };
}

function counted(nodes: readonly NodeName[]): Forecast['home'] {
  const counts = new Map<NodeName, number>();
  for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1);
  return [...counts]
    .map(([node, count]) => ({ node, count }))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}
