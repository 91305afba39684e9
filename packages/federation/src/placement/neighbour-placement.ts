/**
 * Which neighbours to ask for pods of one shape, best first: by constraint, by estimated fit of this
 * very shape, then by score. Everyone left out has a verdict. O(neighbours × bins).
 */
import type { ClusterName, MonotonicMs, PodShape, Verdict, VerdictCode } from '@spillway/core';
import { untoleratedTaint } from '@spillway/scheduling';
import type { Neighbour } from '../membership/directory.ts';
import { meets, type PlacementPolicy, termText } from '../policy/policy.ts';
import { fitCount } from '../advert/fit.ts';

export interface RankedNeighbour {
  readonly cluster: ClusterName;
  /** How many pods of the shape it is estimated to take, 1 or more. */
  readonly estimate: number;
  readonly rttMs: number;
  /** When it said so. */
  readonly advertAt: MonotonicMs;
  /** 0 to 100, for people: the order decides. */
  readonly score: number;
}

export interface Ranking {
  readonly ranked: readonly RankedNeighbour[];
  /** Of those left out, who lacks nothing but room by what its advert says, nearest first. */
  readonly full: readonly Neighbour[];
  readonly verdicts: ReadonlyMap<ClusterName, Verdict>;
}

interface Candidate extends RankedNeighbour {
  readonly preferred: number;
  readonly guests: number;
}

/** Of the verdict that a neighbour has no room, by its advert. */
export const capacityStage = 'Room';

export function rankNeighbours(options: {
  readonly shape: PodShape;
  readonly count: number;
  readonly policy: PlacementPolicy;
  readonly neighbours: readonly Neighbour[];
  /** How many pods of ours each has already, for `spread`. */
  readonly placed?: ReadonlyMap<ClusterName, number>;
}): Ranking {
  const { shape, policy, neighbours, placed } = options;
  const candidates: Candidate[] = [];
  const verdicts = new Map<ClusterName, Verdict>();
  const full: Neighbour[] = [];
  for (const neighbour of neighbours) {
    const estimate = filterNeighbour(neighbour, shape, policy);
    if (typeof estimate !== 'number') {
      verdicts.set(neighbour.cluster, estimate);
      if (estimate.stage === capacityStage) full.push(neighbour);
      continue;
    }
    candidates.push({
      cluster: neighbour.cluster,
      estimate,
      rttMs: neighbour.rttMs,
      advertAt: neighbour.advertAt,
      score: scoreOf(neighbour.rttMs),
      preferred: policy.prefer.filter((term) => meets(term, named(neighbour))).length,
      guests: placed?.get(neighbour.cluster) ?? 0,
    });
  }
  candidates.sort((a, b) => b.preferred - a.preferred || byPolicy(policy, a, b) || byName(a, b));
  full.sort((a, b) => a.rttMs - b.rttMs || byName(a, b));
  return { ranked: candidates, full, verdicts };
}

/** The filters of neighbours: how many pods fit there by its advert, or the verdict of the first that refuses. */
function filterNeighbour(
  neighbour: Neighbour,
  shape: PodShape,
  policy: PlacementPolicy,
): number | Verdict {
  const { advert } = neighbour;
  const barred = barredByHome(neighbour, shape, policy);
  if (barred !== undefined) return barred;
  if (!advert.accepting) return refuse('Refused', 'HostAdmission', 'does not accept guests');
  if (advert.guestsFree === 0) return refuse('Refused', 'HostAdmission', 'guest limit reached');
  const fits = Math.min(fitCount(advert.freeCapacity, shape), advert.guestsFree);
  if (fits === 0)
    return refuse('Unschedulable', capacityStage, 'has no node with room for this pod');
  return fits;
}

/** Whether the home sends no such pods there, whatever room it has. It may change after it has granted room. */
export function isBarred(
  neighbour: Neighbour | undefined,
  { shape, policy }: { readonly shape: PodShape; readonly policy: PlacementPolicy },
): boolean {
  return neighbour === undefined || barredByHome(neighbour, shape, policy) !== undefined;
}

/** Why the home sends no such pods to this neighbour, whatever room it has; undefined when it does. */
function barredByHome(
  { cluster, advert, attributes, liveness, rttMs, marks }: Neighbour,
  shape: PodShape,
  policy: PlacementPolicy,
): Verdict | undefined {
  if (liveness !== 'alive') {
    const reason = liveness === 'gone' ? 'is gone' : 'was not heard lately';
    return refuse('Unreachable', 'Liveness', reason);
  }
  if (marks?.cordoned) return refuse('Refused', 'Cordon', 'its virtual node is cordoned');
  const taint = marks && untoleratedTaint(marks.taints, shape.tolerations);
  if (taint !== undefined) {
    const text = `${taint.key}${taint.value ? `=${taint.value}` : ''}:${taint.effect}`;
    const reason = `its virtual node has taint ${text}, which the pod does not tolerate`;
    return refuse('UnschedulableAndUnresolvable', 'TaintToleration', reason);
  }
  const known = named({ cluster, advert, attributes });
  const unmet = policy.require.find((term) => !meets(term, known));
  if (unmet) {
    const reason = `is not ${termText(unmet)}, which the policy requires`;
    return refuse('Refused', 'ClusterAffinity', reason);
  }
  const hit = policy.refuse.find((term) => meets(term, known));
  if (hit)
    return refuse('Refused', 'ClusterAffinity', `is ${termText(hit)}, which the policy refuses`);
  if (policy.rttMsMax !== undefined && rttMs > policy.rttMsMax) {
    const reason = `is ${rttMs.toFixed(0)} ms away, more than the ${policy.rttMsMax} ms that the policy allows`;
    return refuse('Refused', 'Proximity', reason);
  }
  return undefined;
}

function refuse(code: VerdictCode, stage: string, reason: string): Verdict {
  return { code, reason, stage };
}

/** For the policy's terms, of which there mostly are none. What the root signed goes before what the cluster says of itself. */
function named({
  cluster,
  advert,
  attributes,
}: Pick<Neighbour, 'cluster' | 'advert' | 'attributes'>): Parameters<typeof meets>[1] {
  return { name: cluster, labels: { ...advert.labels, ...attributes } };
}

function byPolicy({ name }: PlacementPolicy, a: Candidate, b: Candidate): number {
  switch (name) {
    case 'worst-fit':
      return b.estimate - a.estimate || a.rttMs - b.rttMs;
    case 'best-fit':
      return a.estimate - b.estimate || a.rttMs - b.rttMs;
    case 'spread':
      return a.guests - b.guests || a.rttMs - b.rttMs;
    case 'nearest':
    case 'cluster-affinity':
      return a.rttMs - b.rttMs;
  }
}

function byName(a: Pick<Candidate, 'cluster'>, b: Pick<Candidate, 'cluster'>): number {
  return a.cluster < b.cluster ? -1 : 1;
}

/** 100 at 0 ms, 50 at 50 ms, falling on. */
function scoreOf(rttMs: number): number {
  return Math.round((100 * 50) / (50 + rttMs));
}
