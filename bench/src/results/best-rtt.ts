/**
 * The RTT at which each offloaded pod could have been. It is that of the nearest other cluster with a node
 * that had room for it when it was bound. What all recorded pods took is counted. It is greedy, pod by pod:
 * what a scheduler that knows everything without delay would find. Room that another pod was on its way to
 * does not count: it had been promised.
 *
 * O(bound pods × log + offloaded × clusters × nodes).
 */
import type { PodAsk, PodRecord, Trial, TrialNode } from '@spillway/simulator';

/** How long before its binding a pod is taken to be on its way: a home's patience with its neighbours' answers. */
const onItsWayMs = 1_000;

interface Step {
  readonly atMs: number;
  readonly kind: 'ended' | 'decided' | 'bound';
  readonly pod: PodRecord;
}

/** Of steps at one moment. */
const order: Readonly<Record<Step['kind'], number>> = { ended: 0, decided: 1, bound: 2 };

/** One for each offloaded pod, in the order of their binding. */
export function bestRttsMs(trial: Trial, pods: readonly PodRecord[]): readonly number[] {
  const free = trial.clusters.map(({ nodes }) => nodes.map((node) => ({ ...node })));
  const steps = pods.flatMap(stepsOf);
  steps.sort((a, b) => a.atMs - b.atMs || order[a.kind] - order[b.kind]);
  const best: number[] = [];
  for (const { kind, pod } of steps) {
    const { home, host = home, node = 0, app } = pod;
    const asked = trial.apps[app]?.pod;
    const on = free[host]?.[node];
    if (asked === undefined || on === undefined) continue;
    if (kind === 'ended') take(on, asked, 1);
    else if (kind === 'decided') take(on, asked, -1);
    else if (host !== home) {
      // It does not stand in its own way.
      take(on, asked, 1);
      const rttMs = nearestMs(trial, home, (cluster) =>
        (free[cluster] ?? []).some((each) => fits(each, asked)),
      );
      take(on, asked, -1);
      best.push(rttMs ?? trial.rttMs(home, host));
    }
  }
  return best;
}

function stepsOf(pod: PodRecord): readonly Step[] {
  const { createdMs, boundMs, endedMs, host } = pod;
  if (boundMs === undefined || host === undefined) return [];
  const decidedMs = Math.max(createdMs, boundMs - onItsWayMs);
  const steps: Step[] = [
    { atMs: decidedMs, kind: 'decided', pod },
    { atMs: boundMs, kind: 'bound', pod },
  ];
  if (endedMs !== undefined) steps.push({ atMs: endedMs, kind: 'ended', pod });
  return steps;
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
