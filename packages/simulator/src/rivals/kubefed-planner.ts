/**
 * KubeFed's planner for a ReplicaSchedulingPreference: how many replicas each cluster is told to run.
 * The same in v0.4.0 and v0.10.0. After `pkg/controller/util/planner/planner.go` and `schedule` in
 * `pkg/schedulingtypes/replicascheduler.go` of kubernetes-retired/kubefed, told in own words.
 */

export interface PlanRequest {
  /** `totalReplicas`, 0 or more. */
  readonly total: number;
  /** "namespace/name" of the preference; it only decides ties between equal weights. ASCII. */
  readonly key: string;
  /** False: what runs stays where it runs. */
  readonly rebalance: boolean;
  /**
   * The Ready clusters that have a preference, their own or "*", in any order. Others get 0 replicas
   * and are left out.
   */
  readonly clusters: readonly PlannedCluster[];
}

export interface PlannedCluster {
  /** ASCII, unique. */
  readonly name: string;
  /** Integer, 0 or more; with 0 it gets no more than its minimum and what it runs. */
  readonly weight: number;
  /** Default 0. */
  readonly minReplicas?: number;
  /** Default unbounded. */
  readonly maxReplicas?: number;
  /** What KubeFed believes to run there. */
  readonly current: number;
  /** Known only while pods are unschedulable there: replicas of this one Deployment, not room. */
  readonly capacity?: number;
}

/**
 * Replicas to write for each cluster, by name, in the order of `clusters`: what is planned plus the
 * overflow. With `rebalance` the overflow is added to what runs elsewhere, so the sum may exceed `total`.
 * Unschedulable pods stay as probes of the cluster's capacity, while others run in their place.
 *
 * Clusters are served by weight, and ties by an FNV hash, so that rounding up does not always favour the
 * first name. Exact as long as total × weight < 2^53.
 */
export function plan({ total, key, rebalance, clusters }: PlanRequest): Map<string, number> {
  const shares = clusters.map((cluster) => ({
    cluster,
    hash: fnv1(cluster.name + key),
    planned: 0,
    kept: 0,
    overflow: 0,
  }));
  const inOrder = shares.toSorted(
    (a, b) =>
      b.cluster.weight - a.cluster.weight ||
      a.hash - b.hash ||
      (a.cluster.name < b.cluster.name ? -1 : 1),
  );
  let left = giveMinimums(inOrder, total);
  if (!rebalance) left = keepRunning(inOrder, left);
  left = distribute(inOrder, left);
  return new Map(
    shares.map(({ cluster, planned, overflow }) => [
      cluster.name,
      planned + (rebalance ? overflow : Math.min(overflow, left)),
    ]),
  );
}

interface Share {
  readonly cluster: PlannedCluster;
  readonly hash: number;
  planned: number;
  /** Of `planned`, given for running already, and not yet counted against a due share. */
  kept: number;
  overflow: number;
}

/** @returns how many of `left` remain. */
function giveMinimums(shares: readonly Share[], left: number): number {
  for (const share of shares) {
    const { minReplicas = 0, capacity = Infinity } = share.cluster;
    share.planned = Math.min(minReplicas, left, capacity);
    left -= share.planned;
  }
  return left;
}

/** @returns how many of `left` remain. */
function keepRunning(shares: readonly Share[], left: number): number {
  for (const share of shares) {
    const { current, maxReplicas = Infinity, capacity = Infinity } = share.cluster;
    const extra = Math.min(current, maxReplicas, capacity) - share.planned;
    share.kept = Math.max(0, Math.min(extra, left));
    share.planned += share.kept;
    left -= share.kept;
  }
  return left;
}

/**
 * Rounds, each by weight and rounded up, until none are left or nothing changes. Each round either gives
 * all away, or fills a cluster for good, or uses up kept replicas: that bounds their number.
 *
 * @returns how many of `left` remain.
 */
function distribute(shares: readonly Share[], left: number): number {
  let changed = true;
  while (changed && left > 0) {
    changed = false;
    const weights = shares.reduce((sum, { cluster }) => sum + cluster.weight, 0);
    if (weights === 0) break;
    const due = left;
    const open: Share[] = [];
    for (const share of shares) {
      const { weight, maxReplicas = Infinity, capacity = Infinity } = share.cluster;
      const extra = Math.min(Math.ceil((due * weight) / weights), left);
      const used = Math.min(extra, share.kept);
      share.kept -= used;
      const wanted = share.planned + extra - used;
      const allowed = Math.min(wanted, maxReplicas);
      const given = Math.min(allowed, capacity);
      if (allowed > capacity) share.overflow = allowed - capacity;
      if (given === wanted) open.push(share);
      changed ||= used > 0 || given > share.planned;
      left -= given - share.planned;
      share.planned = given;
    }
    shares = open;
  }
  return left;
}

/** FNV-1 (not 1a), 32 bits, of ASCII text; http://www.isthe.com/chongo/tech/comp/fnv/. */
function fnv1(text: string): number {
  let hash = 2_166_136_261;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash, 16_777_619) ^ text.charCodeAt(i);
  }
  return hash >>> 0;
}
