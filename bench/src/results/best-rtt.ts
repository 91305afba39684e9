/**
 * The RTT at which each offloaded pod could have been: the nearest other cluster that had a node with
 * room for it at the moment when it was bound, by what all recorded pods took. Greedy, pod by pod: what
 * a scheduler that knew everything without delay would have found.
 *
 * O(bound pods × log + offloaded × clusters × nodes).
 */
import type { PodAsk, PodRecord, Trial, TrialNode } from '@spillway/simulator';

/** One for each offloaded pod, in the order of their binding. */
export function bestRttsMs(trial: Trial, pods: readonly PodRecord[]): readonly number[] {
  const free = trial.clusters.map(({ nodes }) => nodes.map((node) => ({ ...node })));
  const events = pods.flatMap((pod) => {
    const { boundMs, endedMs, host } = pod;
    if (boundMs === undefined || host === undefined) return [];
    const bound = { atMs: boundMs, order: 1, pod };
    return endedMs === undefined ? [bound] : [bound, { atMs: endedMs, order: 0, pod }];
  });
  events.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  const best: number[] = [];
  for (const { order, pod } of events) {
    const { home, host = home, node = 0, app } = pod;
    const asked = trial.apps[app]?.pod;
    const on = free[host]?.[node];
    if (asked === undefined || on === undefined) continue;
    if (order === 0) {
      take(on, asked, 1);
      continue;
    }
    if (host !== home) {
      const rttMs = nearestMs(trial, home, (cluster) =>
        (free[cluster] ?? []).some((each) => fits(each, asked)),
      );
      best.push(rttMs ?? trial.rttMs(home, host));
    }
    take(on, asked, -1);
  }
  return best;
}

function nearestMs(
  trial: Trial,
  home: number,
  hasRoom: (cluster: number) => boolean,
): number | undefined {
  let least: number | undefined;
  for (let cluster = 0; cluster < trial.clusters.length; cluster++) {
    if (cluster === home || !hasRoom(cluster)) continue;
    const rttMs = trial.rttMs(home, cluster);
    if (least === undefined || rttMs < least) least = rttMs;
  }
  return least;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

function fits(node: TrialNode, asked: PodAsk): boolean {
  return (
    node.milliCpu >= asked.milliCpu &&
    node.memoryMib >= asked.memoryMib &&
    node.milliGpu >= asked.milliGpu &&
    (asked.gpuModels?.includes(node.gpuModel ?? '') ?? true)
  );
}

function take(node: Mutable<TrialNode>, asked: PodAsk, times: 1 | -1): void {
  node.milliCpu += times * asked.milliCpu;
  node.memoryMib += times * asked.memoryMib;
  node.milliGpu += times * asked.milliGpu;
}
