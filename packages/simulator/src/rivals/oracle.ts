/**
 * No scheduler, however much it knows, can run more of these pods on these nodes than this. The exact
 * number is a bin packing in several dimensions, NP-hard; this is a bound from above, so that what a system
 * leaves pending beyond it is the system's, and what is pending below it nobody's fault.
 *
 * Rejected: the linear program over all resources and nodes. It is tighter only where several resources
 * bind at once, and needs a solver whose rounding would have to be trusted.
 */
import type { PodAsk, TrialNode } from '../trial.ts';
import { resources, sum, times, timesOn } from './fit.ts';

export interface Kind {
  readonly ask: PodAsk;
  /** Pods of this kind, 0 or more. */
  readonly count: number;
}

/**
 * An upper bound on how many of the pods can run at once; never below the truth. It is the truth for pods
 * of one kind, and where one resource binds on a single node or on nodes that the sizes divide evenly.
 *
 * The least of these, each of them sound by itself:
 * - kind by kind, as if it had all nodes for itself;
 * - node by node, as if it had the pods for itself, the smallest first, per resource;
 * - all nodes melted into one, the smallest pods first, per resource.
 *
 * @param free what each node has left, 0 or more.
 */
export function runnableAtMost(free: readonly TrialNode[], kinds: readonly Kind[]): number {
  const alone = kinds.map(({ ask, count }) => ({
    ask,
    count: Math.min(count, sum(free.map((node) => timesOn(node, ask)))),
  }));
  const byNode = free.map((node) =>
    smallestFirst(
      node,
      alone.filter(({ ask }) => timesOn(node, ask) > 0),
    ),
  );
  const melted = {
    milliCpu: sum(free.map(({ milliCpu }) => milliCpu)),
    memoryMib: sum(free.map(({ memoryMib }) => memoryMib)),
    milliGpu: sum(free.map(({ milliGpu }) => milliGpu)),
  };
  return Math.min(sum(alone.map(({ count }) => count)), sum(byNode), smallestFirst(melted, alone));
}

type Room = Record<(typeof resources)[number], number>;

/** Per resource, the smallest asks are the most that its room takes; the scarcest resource decides. */
function smallestFirst(room: Room, kinds: readonly Kind[]): number {
  return Math.min(
    ...resources.map((resource) => {
      let left = room[resource];
      let pods = 0;
      for (const { ask, count } of kinds.toSorted((a, b) => a.ask[resource] - b.ask[resource])) {
        const fitting = Math.min(count, times(left, ask[resource]));
        left -= fitting * ask[resource];
        pods += fitting;
        if (fitting < count) break;
      }
      return pods;
    }),
  );
}
