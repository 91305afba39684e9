/**
 * Where pods that do not exist yet would go now. First the home's own pipeline runs on its own snapshot.
 * Then the neighbours are ranked as for pods that exist. Each pod is counted for the next. Nothing is asked,
 * held or created here. In the end the host decides.
 */
import {
  type ClusterName,
  type MonotonicMs,
  type NodeName,
  type Pod,
  type Verdict,
  type VerdictCount,
} from '@spillway/core';
import { type Plan, placePods, type Snapshot } from '@spillway/scheduling';
import type { Neighbour } from '../membership/directory.ts';
import type { Eligibility } from '../home/eligibility.ts';
import { keptHome, type Outlook } from '../home/pending/pending-group.ts';
import { mayPreempt } from '../home/pending/preemptions.ts';
import { type Prospects, prospectsOf } from '../home/pending/shortlist.ts';
import {
  type ForeseenPreemption,
  type ForeseenPreemptions,
  foreseePreemptions,
} from './foreseen-preemptions.ts';
import type { RankedNeighbour } from './neighbour-placement.ts';
import type { PlacementPolicy } from '../policy/policy.ts';
import { freeCapacityWithout } from '../advert/fit.ts';

/** `count` equal pods. */
export interface ForecastPods {
  /** Its UID must be its own: pods of the same UID replace each other. */
  readonly pod: Pod;
  readonly count: number;
  /** Undefined: Spillway would leave them to the cluster's own scheduler. */
  readonly eligibility: Eligibility | undefined;
  readonly outlook: Outlook;
}

export interface Forecast {
  readonly home: readonly { readonly node: NodeName; readonly count: number }[];
  readonly neighbours: readonly {
    readonly cluster: ClusterName;
    readonly count: number;
    readonly rttMs: number;
  }[];
  /** At home, once pods of lower priority have ended for them. */
  readonly preempting: readonly ForeseenPreemption[];
  /** For these there is no room anywhere. */
  readonly nowhere: number;
  /** Why no more pods fit at home: nodes by reason. Empty when all fit there. */
  readonly homeRefusals: readonly (Verdict | VerdictCount)[];
  /** Why they must not leave, if so. */
  readonly stays: readonly Verdict[];
  /** Of every neighbour, best first: how many more it would take after these, and why not more now. */
  readonly others: readonly {
    readonly cluster: ClusterName;
    readonly fits: number;
    readonly rttMs: number;
    readonly why: string;
  }[];
}

export interface ForecastOptions {
  readonly snapshot: Snapshot;
  readonly neighbours: readonly Neighbour[];
  /** How many pods of ours each neighbour has, for `spread`. */
  readonly placed: ReadonlyMap<ClusterName, number>;
  readonly now: MonotonicMs;
}

/** One forecast for each of `batches`, in their order. */
export function forecast(
  batches: readonly ForecastPods[],
  options: ForecastOptions,
): readonly Forecast[] {
  let left = options;
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
  const { pod, count, eligibility, outlook } = batch;
  const { shape, policy, stays } = outlook;
  const supported = shape.unsupported.length === 0;
  const plan: Plan = supported
    ? placePods(before.snapshot, shape, count)
    : { nodes: [], refusals: [] };
  const placed = plan.nodes.reduce(
    (filled, node, i) => filled.withPod(onNode(pod, node, i)),
    before.snapshot,
  );
  const preemption = (snapshot: Snapshot, wanted: number): ForeseenPreemptions =>
    supported && mayPreempt(eligibility, outlook.policyFor)
      ? foreseePreemptions(snapshot, { pod, shape, wanted }, (node, i) =>
          onNode(pod, node, plan.nodes.length + i),
        )
      : { places: [], count: 0, snapshot };
  const unplaced = count - plan.nodes.length;
  const first = preemption(placed, policy.preempt === 'first' ? unplaced : 0);
  const missing = unplaced - first.count;
  const prospects = (neighbours: readonly Neighbour[], guests: ForecastOptions['placed']) =>
    prospectsOf(outlook, {
      wanted: Math.max(1, missing),
      neighbours,
      placed: () => guests,
      now: before.now,
    });
  const leaves = eligibility !== undefined && supported && keptHome(outlook) === undefined;
  const { ranked } = prospects(before.neighbours, before.placed);
  const shares = leaves ? sharesOf(ranked, missing, { policy, placed: before.placed }) : [];
  const sent = new Map(shares.map((share) => [share.cluster, share.count]));
  const neighbours = before.neighbours.map((each) => filled(each, sent.get(each.cluster) ?? 0));
  const guests = new Map(before.placed);
  for (const [cluster, more] of sent) guests.set(cluster, (guests.get(cluster) ?? 0) + more);
  const left = missing - shares.reduce((sum, share) => sum + share.count, 0);
  const last = policy.preempt === 'first' ? first : preemption(first.snapshot, left);
  const nowhere = policy.preempt === 'first' ? left : left - last.count;
  return {
    result: {
      home: counted(plan.nodes),
      preempting: last.places,
      neighbours: shares,
      nowhere,
      homeRefusals: supported ? plan.refusals : shape.unsupported,
      stays,
      others: othersOf(neighbours, prospects(neighbours, guests), { batch, sent, nowhere }),
    },
    after: { ...before, snapshot: last.snapshot, neighbours, placed: guests },
  };

  function filled(neighbour: Neighbour, more: number): Neighbour {
    if (more === 0) return neighbour;
    const { advert } = neighbour;
    const freeCapacity = freeCapacityWithout(advert.freeCapacity, shape, more);
    return {
      ...neighbour,
      advert: { ...advert, freeCapacity, guestsFree: advert.guestsFree - more },
    };
  }
}

/** Down the ranking as far as each is estimated to take; `spread` gives each pod to the neighbour with the fewest. */
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

interface Sent {
  readonly batch: ForecastPods;
  readonly sent: ReadonlyMap<ClusterName, number>;
  readonly nowhere: number;
}

function othersOf(
  neighbours: readonly Neighbour[],
  { ranked, reasons }: Prospects,
  sent: Sent,
): Forecast['others'] {
  const open = ranked.map(({ cluster, estimate, rttMs }) => ({
    cluster,
    fits: estimate,
    rttMs,
    why: whyNoMore(cluster, undefined, sent),
  }));
  const isOpen = new Set(open.map(({ cluster }) => cluster));
  const shut = neighbours
    .filter(({ cluster }) => !isOpen.has(cluster))
    .map(({ cluster, rttMs }) => ({
      cluster,
      fits: 0,
      rttMs,
      why: whyNoMore(cluster, reasons.get(cluster), sent),
    }));
  return [...open, ...shut.toSorted((a, b) => a.rttMs - b.rttMs)];
}

/** `reason`: why it takes none after these; undefined when it would. */
function whyNoMore(
  cluster: ClusterName,
  reason: string | undefined,
  { batch: { eligibility, outlook }, sent, nowhere }: Sent,
): string {
  const takes = sent.get(cluster);
  if (takes !== undefined) return `takes ${takes}${reason === undefined ? '' : `, then ${reason}`}`;
  if (outlook.policyFor.problem !== undefined) return 'not asked: the policy can’t be read';
  if (reason !== undefined) return reason;
  if (eligibility === undefined) return 'not asked: Spillway leaves these pods alone';
  if (outlook.stays.length > 0) return 'not asked: these pods must stay';
  return nowhere > 0 ? 'not asked' : 'not needed';
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
