/**
 * Home and Host as they ship, in worlds that follow from a seed. Safety is checked after every step,
 * then the faults end and the world must settle. Replay one seed, with its whole story:
 *
 *     SPILLWAY_SIM_SEED=17 npx vitest run --project simulation packages/simulator
 */
import { expect, test } from 'vitest';
import { safetyChecker, unsettled } from './checks.ts';
import { ModelWorld } from './world.ts';

const seeds = 1_000;
const troubleMs = 40_000;
/** Longer than a doubtful creation is waited for, and several of the longest back-offs. */
const settleMs = 300_000;
const replayed = process.env['SPILLWAY_SIM_SEED'];

/** What went wrong, or undefined. */
function play(seed: number): { readonly problem: string | undefined; readonly world: ModelWorld } {
  const world = new ModelWorld({
    seed,
    clusters: 2 + (seed % 3),
    nodesPerCluster: 1 + (seed % 2),
    podsPerCluster: 8 + (seed % 13),
    rivals: seed % 4 === 0,
    troubleMs,
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

test('home and host › keep every pod, run it once and fill no node too far, whatever fails', () => {
  const played = replayed === undefined ? Array.from({ length: seeds }, (_, i) => i) : [+replayed];
  for (const seed of played) {
    const { problem, world } = play(seed);
    const story = world.trace.slice(replayed === undefined ? -60 : 0).join('\n');
    expect(
      problem,
      `seed ${seed}; replay: SPILLWAY_SIM_SEED=${seed} npx vitest run --project simulation packages/simulator\n${story}`,
    ).toBeUndefined();
  }
}, 120_000);
