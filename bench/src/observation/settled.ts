/** Waits until nothing is under way any more: every pod runs, has ended, or is known not to fit. */
import type { Pod } from '@spillway/core';
import type { Histories } from '../observation/histories.ts';
import { isFinished, isShadow } from '../observation/tally.ts';

/** kube-scheduler's, of pods that name none. */
export const defaultScheduler = 'default-scheduler';

/** How long nothing must have changed (ms). */
const quietMs = 2_500;

export interface SettledOptions {
  readonly podsExpected: number;
  readonly timeoutMs: number;
  /** Those that run in the clusters. Who names another one stays pending. */
  readonly schedulers: ReadonlySet<string>;
}

/** Resolves to what is still under way when time is up, in words; undefined when nothing is. */
export async function settled(
  histories: Histories,
  { podsExpected, timeoutMs, schedulers }: SettledOptions,
): Promise<string | undefined> {
  const ends = performance.now() + timeoutMs;
  let changedAt = performance.now();
  histories.onChange((_cluster, change) => {
    if (change.kind === 'Pod') changedAt = performance.now();
  });
  for (;;) {
    const pods = histories.histories.flatMap(({ cluster }) => [
      ...histories.pods(cluster).values(),
    ]);
    const own = pods.filter((pod) => !isShadow(pod));
    const quiet = performance.now() - changedAt > quietMs;
    const open = pods.filter((pod) => !isDecided(pod, schedulers)).length;
    if (quiet && own.length >= podsExpected && open === 0) return undefined;
    if (performance.now() > ends) {
      return `after ${timeoutMs / 1_000} s ${own.length} of ${podsExpected} pods exist, and ${open} are not decided yet`;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** It runs, has ended, or its scheduler has found no room for it; or there is no such scheduler. */
export function isDecided(pod: Pod, schedulers: ReadonlySet<string>): boolean {
  if (isFinished(pod) || pod.status?.phase === 'Running') return true;
  const { nodeName, schedulerName = defaultScheduler } = pod.spec;
  if (!nodeName && !schedulers.has(schedulerName)) return true;
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False';
}
