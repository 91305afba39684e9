/**
 * Small worlds in which only one agent fails, at each of its effects in turn. It is killed just before it
 * performs the effect, or just after, before it learns how that ended.
 */
import type { AgentEffect } from '@spillway/agent-core';
import { expect, test } from 'vitest';
import { faultKinds } from './fault-kinds.ts';
import { play, type SeedPolicy } from './play.ts';

const seeds = [0, 1, 2, 3, 4, 5];
const happening: readonly string[] = ['user deletes', 'eviction', 'other scheduler', 'refusals'];

interface Kill {
  readonly cluster: string;
  /** Counted over all lives of that cluster's agent. */
  readonly effect: number;
  readonly when: 'before' | 'after';
}

/** @returns how many effects each cluster's agents had. */
function played(seed: number, policy: SeedPolicy, kill?: Kill): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const story = {
    seed,
    policy,
    clusters: 2,
    podsPerCluster: 5,
    troubleMs: 12_000,
    without: faultKinds.filter((kind) => !happening.includes(kind)),
  };
  const { problem, world } = play(story, {
    act: ({ world: { lives }, cluster }, effect, perform) => {
      if (!touchesTheWorld(effect)) return perform();
      const count = (counts.get(cluster.name) ?? 0) + 1;
      counts.set(cluster.name, count);
      const dies = kill?.cluster === cluster.name && kill.effect === count;
      if (!dies || kill.when === 'after') perform();
      if (dies) lives.crash(cluster);
    },
  });
  const killed = kill && `killed ${kill.when} effect ${kill.effect} of ${kill.cluster}`;
  const said = `seed ${seed}, policy ${policy}, ${killed}\n${world.trace.slice(-60).join('\n')}`;
  expect(problem, said).toBeUndefined();
  return counts;
}

/** Notices are for people, and an advert that is not said is said again. */
function touchesTheWorld({ kind }: AgentEffect): boolean {
  return kind !== 'notice' && kind !== 'publish';
}

test.for(['none', 'keep', 'fence'] as const)(
  'an agent that is killed at any of its effects loses no pod and doubles none (policy %s)',
  { timeout: 240_000 },
  (policy) => {
    let kills = 0;
    for (const seed of seeds) {
      for (const [cluster, effects] of played(seed, policy)) {
        for (let effect = 1; effect <= effects; effect++) {
          for (const when of ['before', 'after'] as const) {
            played(seed, policy, { cluster, effect, when });
            kills += 1;
          }
        }
      }
    }
    expect(kills).toBeGreaterThan(200);
  },
);
