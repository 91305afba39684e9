/**
 * Which neighbours a home asks for room for a group of pods, and for how many pods each. Adverts are always
 * a little old. So the home asks one neighbour more than it seems to need. It also asks nearer neighbours
 * whose adverts say that they are full.
 */
import { after, type ClusterName, type MonotonicMs } from '@spillway/core';
import type { Neighbour } from '../../membership/directory.ts';
import {
  type RankedNeighbour,
  type Ranking,
  rankNeighbours,
  capacityStage,
} from '../../placement/neighbour-placement.ts';
import type { HomeConfig } from '../config.ts';
import type { Outlook, PendingGroup } from './pending-group.ts';
import type { Refusal } from './reasons.ts';
import type { ReserveTarget } from './reservation-round.ts';

export interface Shortlist {
  /** Best first. */
  readonly targets: readonly ReserveTarget[];
  /** Whether an advert says that one of them has room. */
  readonly anyLikely: boolean;
  /** Whether an advert says that one of them is full. */
  readonly doubted: boolean;
  /** Why the other neighbours have no room, as far as the home knows. */
  readonly reasons: ReadonlyMap<ClusterName, string>;
}

/** O(neighbours × bins). */
export function shortlist(
  group: PendingGroup,
  options: {
    /** Pods to be asked for, 1 or more. */
    readonly wanted: number;
    readonly neighbours: readonly Neighbour[];
    /** How many unfinished pods of ours each neighbour has. */
    readonly placed: () => ReadonlyMap<ClusterName, number>;
    readonly config: HomeConfig;
    readonly now: MonotonicMs;
  },
): Shortlist {
  const { wanted, config, now } = options;
  const { policy } = group;
  const spread = policy.name === 'spread';
  const { ranked, full, reasons } = prospectsOf(group, options);
  const likely = targetsOf(ranked, wanted, { ...config, evenly: spread, now });
  const targets =
    now < group.nextDoubt
      ? likely
      : withDoubted(likely, {
          ...config,
          full,
          wanted,
          now,
          byDistance: policy.name === 'nearest' && policy.prefer.length === 0,
        });
  return {
    targets,
    anyLikely: likely.length > 0,
    doubted: targets.length > likely.length,
    reasons,
  };
}

export interface Prospects extends Pick<Ranking, 'ranked' | 'full'> {
  /** Why neighbours have no room, as far as the home knows. Of the others, what they answered last. */
  readonly reasons: ReadonlyMap<ClusterName, string>;
}

/**
 * Which neighbours could take pods, best first, and why the others could not. The decision, the pods' events
 * and a forecast all come from here. O(neighbours × bins).
 */
export function prospectsOf(
  { shape, policy, refusals, templateRefusal }: Outlook,
  options: {
    readonly wanted: number;
    readonly neighbours: readonly Neighbour[];
    readonly placed: () => ReadonlyMap<ClusterName, number>;
    readonly now: MonotonicMs;
  },
): Prospects {
  const { wanted, neighbours, placed, now } = options;
  const { ranked, full, verdicts } = rankNeighbours({
    shape,
    count: wanted,
    policy,
    neighbours: neighbours.filter(
      (neighbour) =>
        templateRefusal(neighbour.cluster, now) === undefined &&
        !stands(refusals.get(neighbour.cluster), neighbour, now),
    ),
    ...(policy.name === 'spread' && { placed: placed() }),
  });
  const reasons = new Map<ClusterName, string>();
  for (const { cluster } of neighbours) {
    const verdict = verdicts.get(cluster);
    const answered = refusals.get(cluster)?.reason;
    // Of its room a neighbour knows more than its advert says: else two reasons would take turns.
    const known = verdict?.stage === capacityStage ? (answered ?? verdict.reason) : undefined;
    const reason = templateRefusal(cluster, now) ?? known ?? verdict?.reason ?? answered;
    if (reason !== undefined) reasons.set(cluster, reason);
  }
  return { ranked, full, reasons };
}

/** A refusal stands until the next advert, and for maximum `refusalTtlMs`. */
function stands(refusal: Refusal | undefined, { advert }: Neighbour, now: MonotonicMs): boolean {
  return (
    refusal !== undefined &&
    refusal.until > now &&
    refusal.version.epoch === advert.version.epoch &&
    refusal.version.sequence === advert.version.sequence
  );
}

/**
 * How many pods each neighbour is asked for. It goes down the ranking until the estimates cover the count,
 * and adds one neighbour as a spare. A neighbour whose advert is older than `doubtMs` may have more room by
 * now. So it is asked for all pods that nearer neighbours do not cover. `evenly`: asks as many neighbours
 * as allowed, for an equal share each. `estimate` ≥ 1.
 */
function targetsOf(
  ranked: readonly RankedNeighbour[],
  wanted: number,
  options: {
    readonly askFanOutMax: number;
    readonly evenly: boolean;
    readonly now: MonotonicMs;
    readonly doubtMs: number;
  },
): readonly ReserveTarget[] {
  const { askFanOutMax: fanOutMax, evenly, now, doubtMs } = options;
  if (evenly) {
    const asked = ranked.slice(0, Math.min(fanOutMax, wanted));
    const share = Math.ceil(wanted / Math.max(1, asked.length));
    return asked.map(({ cluster, estimate, rttMs }) => ({
      host: cluster,
      count: Math.min(share, estimate),
      rttMs,
    }));
  }
  const targets: ReserveTarget[] = [];
  let missing = wanted;
  for (const { cluster, estimate, rttMs, advertAt } of ranked) {
    if (targets.length === fanOutMax) break;
    const old = after(advertAt, doubtMs) <= now;
    const count = Math.min(wanted, old ? Math.max(estimate, missing) : estimate);
    targets.push({ host: cluster, count, rttMs });
    if (missing <= 0) break;
    missing -= estimate;
  }
  return targets;
}

/**
 * `targets`, and some of the neighbours that said at least `doubtMs` ago that they were full. They may have
 * room again by now. Adverts are rare in large federations. Asking the best few of these costs less than
 * more adverts from all. If distance decides, these are the ones nearer than the last that is asked.
 * Otherwise they are asked only if no other neighbour is.
 */
function withDoubted(
  targets: readonly ReserveTarget[],
  options: {
    /** Nearest first. */
    readonly full: readonly Neighbour[];
    readonly wanted: number;
    readonly byDistance: boolean;
    readonly now: MonotonicMs;
    readonly doubtMs: number;
    readonly doubtedMax: number;
  },
): readonly ReserveTarget[] {
  const { full, wanted, byDistance, now, doubtMs, doubtedMax } = options;
  if (!byDistance && targets.length > 0) return targets;
  const nearerThanMs = targets.at(-1)?.rttMs ?? Number.POSITIVE_INFINITY;
  const doubted = full
    .filter(({ advertAt, rttMs }) => rttMs < nearerThanMs && after(advertAt, doubtMs) <= now)
    .slice(0, doubtedMax)
    .map(({ cluster, rttMs }) => ({ host: cluster, count: wanted, rttMs }));
  return [...targets, ...doubted].sort((a, b) => a.rttMs - b.rttMs);
}
