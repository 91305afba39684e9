/**
 * What KubeFed believes of a Deployment in its member clusters when it plans. After `clustersReplicaState`
 * in `pkg/schedulingtypes/replicascheduler.go` and `AnalyzePods` in
 * `pkg/controller/util/podanalyzer/pod_helper.go` of kubernetes-retired/kubefed, told in own words.
 */
import { kubefedTiming } from './kubefed-timing.ts';

/**
 * - `0.10`: v0.7.0 and later (changed by pull request #1385; read in v0.10.0).
 * - `0.4.0`: the version that mck8s installs. It reads `readyReplicas` under a wrong key, so it is always 0.
 *   It never checks again by itself: without another event, what is pending stays where it is.
 */
export type KubefedVersion = '0.4.0' | '0.10';

export interface MemberDeployment {
  readonly specReplicas: number;
  /** As in its status, which may lag behind. */
  readonly readyReplicas: number;
  /** All that its selector matches; those that are terminating count too. */
  readonly pods: readonly MemberPod[];
}

export interface MemberPod {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  /** Its condition Ready; absent when it has none. KubeFed ignores the value. */
  readonly ready?: boolean;
  /**
   * Since when its condition PodScheduled is False for the reason Unschedulable; absent when it is not, as
   * always while it runs.
   * On the clock of `nowMs`; API servers keep whole seconds.
   */
  readonly unschedulableSinceMs?: number;
}

export interface Observation {
  /** By cluster name; `current` and `capacity` as the planner takes them. */
  readonly clusters: ReadonlyMap<string, { readonly current: number; readonly capacity?: number }>;
  /** Whether KubeFed plans again after `kubefedTiming.recheckMs` even if nothing happens. */
  readonly recheck: boolean;
}

/**
 * @param deployments of the Ready clusters that have the Deployment, by cluster name, **in the order in
 * which KubeFed reads them**. The order matters for `recheck`. Each cluster whose replicas are not all ready
 * overwrites the answer of those before it. So a cluster with newly unschedulable pods is forgotten when a
 * later one has none. KubeFed's order is that of a Go map: another one each time.
 */
export function observe({
  deployments,
  version,
  nowMs,
}: {
  readonly deployments: ReadonlyMap<string, MemberDeployment>;
  readonly version: KubefedVersion;
  readonly nowMs: number;
}): Observation {
  const clusters = new Map<string, { current: number; capacity?: number }>();
  let recheck = false;
  for (const [name, { specReplicas, readyReplicas, pods }] of deployments) {
    if (specReplicas === (version === '0.4.0' ? 0 : readyReplicas)) {
      clusters.set(name, { current: specReplicas });
      continue;
    }
    const waiting = pods.flatMap(unschedulableSince);
    const long = waiting.filter((since) => nowMs - since > kubefedTiming.unschedulableMs).length;
    clusters.set(name, {
      current: pods.filter(({ phase, ready }) => phase === 'Running' && ready !== undefined).length,
      ...(long > 0 && { capacity: specReplicas - long }),
    });
    recheck = version !== '0.4.0' && long < waiting.length;
  }
  return { clusters, recheck };
}

function unschedulableSince({ unschedulableSinceMs }: MemberPod): number[] {
  return unschedulableSinceMs === undefined ? [] : [unschedulableSinceMs];
}
