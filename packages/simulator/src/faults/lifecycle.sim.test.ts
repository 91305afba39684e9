/**
 * Home and Host as they ship, in worlds that follow from a seed. Safety is checked after every step,
 * then the faults end and the world must settle. Replay one seed, with its whole story:
 *
 *     SPILLWAY_SIM_SEED=17 npx vitest run --project simulation packages/simulator
 */
import { expect, test } from 'vitest';
import { play } from './play.ts';

const seeds = 1_000;
const replayed = process.env['SPILLWAY_SIM_SEED'];
const played = replayed === undefined ? Array.from({ length: seeds }, (_, i) => i) : [+replayed];

function holds(seed: number, partition?: 'fence'): void {
  const { problem, world } = play(seed, partition);
  const story = world.trace.slice(replayed === undefined ? -60 : 0).join('\n');
  expect(
    problem,
    `seed ${seed}; replay: SPILLWAY_SIM_SEED=${seed} npx vitest run --project simulation packages/simulator\n${story}`,
  ).toBeUndefined();
}

test('home and host › keep every pod, run it once and fill no node too far, whatever fails', () => {
  for (const seed of played) holds(seed);
}, 240_000);

test('under fence › no two copies of a pod run at any instant, though all are replaced', () => {
  for (const seed of played) holds(seed, 'fence');
}, 240_000);

test('under keep › such worlds do run second copies: a split is a node partition', () => {
  const problems = Array.from({ length: 100 }, (_, seed) => play(seed, 'keep').problem ?? '');
  expect(problems.filter((problem) => problem.startsWith('two copies of')).length).toBeGreaterThan(
    3,
  );
}, 60_000);
