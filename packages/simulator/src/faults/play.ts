/** One world by its seed, through its trouble and until it has settled, with safety checked at every step. */
import { unsettled } from './settlement.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { WorldHooks, WorldOptions } from './model-world.ts';
import { overlapChecker, safetyChecker } from './safety.ts';
import { ModelWorld } from './world.ts';

export const seedPolicies = ['none', 'keep', 'fence'] as const;
/** The partition policy of all pods; `none`: pods have no policy, and nodes are not lost. */
export type SeedPolicy = (typeof seedPolicies)[number];

/** A seed says all; the rest makes its world smaller. */
export interface Story {
  readonly seed: number;
  readonly policy: SeedPolicy;
  /** 2 to 4, by the seed. */
  readonly clusters?: number;
  /** Of the crowded cluster: 8 to 20, by the seed. */
  readonly podsPerCluster?: number;
  /** How long users and faults are busy, ms. */
  readonly troubleMs?: number;
  /** Kinds of faults that do not happen. */
  readonly without?: readonly FaultKind[];
}

export const troubleMsDefault = 40_000;
/** Longer than a doubtful creation is waited for, and several of the longest back-offs. */
const settleMs = 300_000;

/** What the seed makes of the story where it says nothing itself. */
export function wholeStory({ seed, policy, ...smaller }: Story): Required<Story> {
  return {
    seed,
    policy,
    clusters: 2 + (seed % 3),
    podsPerCluster: 8 + (seed % 13),
    troubleMs: troubleMsDefault,
    without: [],
    ...smaller,
  };
}

export interface Played {
  /** What went wrong, or undefined. */
  readonly problem: string | undefined;
  /** Under `keep`: the first second copy that ran, which is no problem there. */
  readonly secondCopy: string | undefined;
  readonly world: ModelWorld;
}

export function play(story: Story, hooks: WorldHooks = {}): Played {
  const { seed, policy, clusters, podsPerCluster, troubleMs, without } = wholeStory(story);
  const partition = policy === 'none' ? undefined : policy;
  const options: WorldOptions = {
    seed,
    clusters,
    nodesPerCluster: 1 + (seed % 2),
    podsPerCluster,
    rivals: seed % (partition ? 2 : 4) === 0 && !without.includes('other scheduler'),
    schedulersBindGuests: seed % 5 > 0,
    ...(seed % 3 === 1 && !without.includes('refusals') && { guestQuota: 2 }),
    troubleMs,
    without,
    ...(partition && { partition }),
  };
  const world = new ModelWorld(options, hooks);
  const unsafe = safetyChecker(world);
  const overlaps = overlapChecker(world);
  let problem: string | undefined;
  let secondCopy: string | undefined;
  const check = (): void => {
    problem ??= unsafe();
    if (policy === 'keep') secondCopy ??= overlaps();
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
  return { problem, secondCopy, world };
}
