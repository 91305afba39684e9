/** `npm run seeds -- --coverage` counts the same over as many seeds as you like. */
import { expect, test } from 'vitest';
import { Coverage, type CoveredState, unvisited } from './coverage.ts';
import { play, seedPolicies } from './play.ts';

const common: readonly CoveredState[] = ['committing', 'running', 'finished'];
const worlds = 120;

test('worlds put pods of each common state under every fault', { timeout: 120_000 }, () => {
  const pairs = Array.from({ length: worlds }, (_, seed) => {
    const coverage = new Coverage();
    play({ seed, policy: seedPolicies[seed % seedPolicies.length] ?? 'none' }, coverage.hooks);
    const never = unvisited(coverage.visits).filter(({ state }) => common.includes(state));
    return new Set(never.map(({ state, fault }) => `${state} × ${fault}`));
  });
  const [first = new Set(), ...others] = pairs;
  expect([...first].filter((pair) => others.every((each) => each.has(pair)))).toEqual([]);
});
