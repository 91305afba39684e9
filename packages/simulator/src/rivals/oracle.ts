/**
 * No scheduler can run more of these pods on these nodes than this. The exact number is a bin packing in
 * several dimensions, which is NP-hard; this is an upper bound. What is requested beyond it stays pending
 * under every scheduler. A system that leaves no more than that pending cannot be improved on.
 *
 * Rejected: the linear program over all resources and nodes. It is tighter only where several resources bind
 * at once, and needs a solver whose rounding would have to be trusted.
 */
import type { PodAsk, TrialNode } from '../trial.ts';
import { resources, sum, times, timesOn } from './fit.ts';

export interface Kind {
  readonly ask: PodAsk;
  /** Pods of this kind, 0 or more. */
  readonly count: number;
}

/**
 * An upper bound on how many of the pods can run at once; never below the truth. It is the truth for pods of
 * one kind. It is also the truth where one resource binds on a single node, or on nodes that the sizes
 * divide evenly.
 *
 * The lesser of two bounds, each correct by itself. Neither counts more of a kind than the nodes hold of it
 * alone:
 *
 * - node by node, as if it had all pods for itself, the smallest first;
 * - all nodes as one, the smallest pods first.
 *
 * @param free what each node has left, 0 or more.
 */
export function runnableAtMost(free: readonly TrialNode[], kinds: readonly Kind[]): number {
  const alone = kinds.map(({ ask, count }) => ({
    ask,
    count: Math.min(count, sum(free.map((node) => timesOn(node, ask)))),
  }));
  const bySize = resources.map((resource) => ({
    resource,
    kinds: alone.toSorted((a, b) => a.ask[resource] - b.ask[resource]),
  }));
  const byNode = free.map((node) => smallestFirst(node, bySize, (ask) => timesOn(node, ask) > 0));
  const melted = {
    milliCpu: sum(free.map(({ milliCpu }) => milliCpu)),
    memoryMib: sum(free.map(({ memoryMib }) => memoryMib)),
    milliGpu: sum(free.map(({ milliGpu }) => milliGpu)),
  };
  return Math.min(sum(byNode), smallestFirst(melted, bySize));
}

type Resource = (typeof resources)[number];

/** Per resource, the smallest asks are the most that its room takes; the scarcest resource decides. */
function smallestFirst(
  room: Readonly<Record<Resource, number>>,
  bySize: readonly { readonly resource: Resource; readonly kinds: readonly Kind[] }[],
  fits: (ask: PodAsk) => boolean = () => true,
): number {
  return Math.min(
    ...bySize.map(({ resource, kinds }) => {
      let left = room[resource];
      let pods = 0;
      for (const { ask, count } of kinds) {
        if (ask[resource] > left) break;
        if (!fits(ask)) continue;
        const taken = Math.min(count, times(left, ask[resource]));
        left -= taken * ask[resource];
        pods += taken;
      }
      return pods;
    }),
  );
}
