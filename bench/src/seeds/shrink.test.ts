import { faultKinds } from '@spillway/simulator';
import { expect, test } from 'vitest';
import { smallerStories } from './shrink.ts';

test('smallerStories › each is smaller in exactly one way', () => {
  const story = {
    seed: 5,
    policy: 'fence',
    clusters: 3,
    podsPerCluster: 8,
    troubleMs: 10_000,
    without: ['cut'],
  } as const;
  const found = [...smallerStories(story)];
  expect(found.filter(({ without }) => without?.length === 2)).toHaveLength(faultKinds.length - 1);
  expect(found.filter(({ clusters }) => clusters === 2)).toHaveLength(1);
  expect(found.map(({ podsPerCluster }) => podsPerCluster).filter((pods) => pods !== 8)).toEqual([
    1, 2, 4, 7,
  ]);
  expect(found.map(({ troubleMs }) => troubleMs).filter((ms) => ms !== 10_000)).toEqual([
    5_000, 7_500, 9_000,
  ]);
});

test('smallerStories › the smallest world has only faults left to lose', () => {
  const smallest = {
    seed: 5,
    policy: 'none',
    clusters: 2,
    podsPerCluster: 1,
    troubleMs: 2_600,
    without: faultKinds,
  } as const;
  expect([...smallerStories(smallest)]).toEqual([]);
});
