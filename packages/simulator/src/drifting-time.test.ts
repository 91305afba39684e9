import { expect, test } from 'vitest';
import { DriftingTime } from './drifting-time.ts';
import { VirtualTime } from './virtual-time.ts';

test.for([0.9, 1.03, 1.1])(
  'a clock at rate %f counts at its rate, and wakes nobody early',
  (rate) => {
    const world = new VirtualTime();
    const mine = new DriftingTime(world, rate);
    const late: number[] = [];
    for (const instant of [1, 999, 10_000, 10_000.5]) {
      mine.at(instant, () => late.push(mine.now - instant));
    }
    world.run(100_000, () => {});
    expect(mine.now).toBeCloseTo(100_000 * rate, 3);
    expect(late).toHaveLength(4);
    expect(Math.min(...late)).toBeGreaterThan(0);
    expect(Math.max(...late)).toBeLessThan(2.5);
  },
);

test('who wakes at an instant of theirs and waits for it again makes the world stand still in none', () => {
  const world = new VirtualTime();
  const mine = new DriftingTime(world, 0.9);
  let turns = 0;
  const again = (): void => {
    turns += 1;
    mine.at(mine.now, again);
  };
  mine.after(0, again);
  world.run(100, () => {});
  expect(turns).toBeLessThanOrEqual(100);
});
