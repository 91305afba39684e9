/** Waits until nothing is under way any more: every pod runs, has ended, or is known not to fit. */
import { Fault, type Pod } from '@spillway/core';
import type { Histories } from '../observation/histories.ts';
import { isFinished, isShadow } from '../observation/tally.ts';

/** Nothing may have changed for so long. */
const quietMs = 2_500;

export async function settled(
  histories: Histories,
  options: { readonly podsExpected: number; readonly timeoutMs: number },
): Promise<void> {
  const { podsExpected, timeoutMs } = options;
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
    if (quiet && own.length >= podsExpected && pods.every(isDecided)) return;
    if (performance.now() > ends) {
      const open = pods.filter((pod) => !isDecided(pod)).length;
      throw new Fault(
        'DeadlineExceeded',
        `after ${timeoutMs} ms ${own.length} of ${podsExpected} pods exist and ${open} are undecided`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function isDecided(pod: Pod): boolean {
  if (isFinished(pod) || pod.status?.phase === 'Running') return true;
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False';
}
