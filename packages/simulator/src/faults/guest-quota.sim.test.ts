/** A quota at hosts that no agent knows of, and a crowd that comes at once, with nothing else going wrong. */
import { clusterOfVirtualNode, homeDefaults } from '@spillway/federation';
import { expect, test } from 'vitest';
import { safetyChecker } from './safety.ts';
import { faultKinds } from './fault-kinds.ts';
import { ModelWorld } from './world.ts';

const guestQuota = 3;

test('of a crowd that a quota does not let in, few pods are bound in vain', () => {
  const world = new ModelWorld({
    seed: 1,
    clusters: 3,
    nodesPerCluster: 50,
    podsPerCluster: 300,
    rivals: false,
    schedulersBindGuests: false,
    guestQuota,
    troubleMs: 200,
    without: faultKinds.filter((kind) => kind !== 'refusals'),
  });
  const unsafe = safetyChecker(world);
  let problem: string | undefined;
  world.makeTrouble();
  // No guest has ended by then, which would let in another one.
  world.time.run(2_000, () => {
    problem ??= unsafe();
  });
  expect(problem).toBeUndefined();
  const [home, ...hosts] = world.clusters;
  const pods = [...(home?.api.pods() ?? [])];
  const away = pods.flatMap(({ spec }) => clusterOfVirtualNode(spec.nodeName ?? '') ?? []);
  for (const { name } of hosts) {
    const there = away.filter((host) => host === name).length;
    expect(there).toBeGreaterThanOrEqual(guestQuota);
    // The first ones go together; after a refusal, single pods find out whether there is room again.
    expect(there).toBeLessThan(2 * homeDefaults.firstPodsMax);
  }
  // More than that would have liked to go, and found room.
  expect(pods.filter(({ spec }) => !spec.nodeName).length).toBeGreaterThan(50);
});
