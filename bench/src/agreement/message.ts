/** kube-scheduler's FailedScheduling message (framework.FitError), written from our verdicts and read. */
import type { Evaluation } from '@spillway/scheduling';

/** What kube-scheduler would say had it judged as we did; preemption's part is left out. */
export function messageOf(evaluation: Evaluation): string {
  const nodes = evaluation.feasible.length + evaluation.verdicts.size;
  const head = `0/${nodes} nodes are available:`;
  if (evaluation.rejected !== undefined) return `${head} ${evaluation.rejected.reason}.`;
  const reasons = [...reasonCounts(evaluation)].map(([reason, count]) => `${count} ${reason}`);
  return `${head} ${reasons.sort(byCodePoint).join(', ')}.`;
}

export function reasonCounts({ verdicts }: Evaluation): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { reason } of [...verdicts.values()].flat()) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

/** The message without what preemption (PostFilter) adds to it. */
export function withoutPreemption(message: string): string {
  return message.replace(/(\.) (no new claims to deallocate|preemption:|not found$).*$/s, '$1');
}

/** As Go sorts strings. */
function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
