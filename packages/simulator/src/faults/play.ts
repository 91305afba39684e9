/** One world by its seed, through its trouble and until it has settled, with safety checked at every step. */
import type { PartitionPolicy } from '@spillway/federation';
import { safetyChecker, unsettled } from './checks.ts';
import { ModelWorld } from './world.ts';

const troubleMs = 40_000;
/** Longer than a doubtful creation is waited for, and several of the longest back-offs. */
const settleMs = 300_000;

/** What went wrong, or undefined. */
export function play(
  seed: number,
  partition?: PartitionPolicy,
): { readonly problem: string | undefined; readonly world: ModelWorld } {
  const world = new ModelWorld({
    seed,
    clusters: 2 + (seed % 3),
    nodesPerCluster: 1 + (seed % 2),
    podsPerCluster: 8 + (seed % 13),
    rivals: seed % (partition ? 2 : 4) === 0,
    troubleMs,
    ...(partition && { partition }),
  });
  const unsafe = safetyChecker(world);
  let problem: string | undefined;
  const check = (): void => {
    problem ??= unsafe();
  };
  try {
    world.makeTrouble();
    world.time.run(troubleMs, check);
    let left = unsettled(world) ?? 'it has just become calm';
    for (let at = troubleMs; at < troubleMs + settleMs && left !== ''; at += 10_000) {
      world.time.run(at, check);
      left = unsettled(world) ?? '';
    }
    if (left !== '') problem ??= `not settled: ${left}`;
  } catch (error) {
    problem = (error as Error).stack ?? String(error);
  }
  return { problem, world };
}
