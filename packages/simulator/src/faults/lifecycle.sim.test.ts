/**
 * Home and Host as they ship, in worlds that follow from a seed. Safety is checked after every step,
 * then the faults end and the world must settle. `npm run seeds` plays more of them, and replays one.
 */
import { expect, test } from 'vitest';
import { play, type SeedPolicy } from './play.ts';

const seeds = Array.from({ length: 1_000 }, (_, seed) => seed);

function holds(seed: number, policy: SeedPolicy): void {
  const { problem, world } = play({ seed, policy });
  const story = world.trace.slice(-60).join('\n');
  const replay = `npm run seeds -- --replay ${seed} --policy ${policy}`;
  expect(problem, `seed ${seed}; replay: ${replay}\n${story}`).toBeUndefined();
}

test('home and host › keep every pod, run it once and fill no node too far, whatever fails', () => {
  for (const seed of seeds) holds(seed, 'none');
}, 240_000);

test('such worlds do have hosts that refuse what they have granted room for', () => {
  const refusals = Array.from(
    { length: 150 },
    (_, seed) => play({ seed, policy: 'none' }).world.refusals,
  );
  expect(refusals.filter((count) => count > 0).length).toBeGreaterThan(5);
}, 60_000);

test('under fence › no two copies of a pod run at any instant, though all are replaced', () => {
  for (const seed of seeds) holds(seed, 'fence');
}, 240_000);

test('under keep › all else holds, and such worlds do run second copies: a split is a node partition', () => {
  const played = seeds.slice(0, 100).map((seed) => play({ seed, policy: 'keep' }));
  expect(played.map(({ problem }) => problem).filter(Boolean)).toEqual([]);
  expect(played.filter(({ secondCopy }) => secondCopy !== undefined).length).toBeGreaterThan(3);
}, 60_000);
