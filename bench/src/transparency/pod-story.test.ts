import type { Pod } from '@spillway/core';
import { expect, test } from 'vitest';
import { fewestReady, mostUnfinished, story } from './pod-story.ts';

function change(name: string, ready: boolean, type: 'set' | 'deleted' = 'set', ending = false) {
  const pod: Pod = {
    metadata: { name, uid: name, ...(ending && { deletionTimestamp: 'now' }) },
    spec: { containers: [] },
    status: {
      phase: ready ? 'Running' : 'Pending',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
  return { type, pod };
}

const history = [
  change('a', false),
  change('a', true),
  change('b', true),
  change('a', true, 'set', true),
  change('a', true, 'deleted'),
  change('c', true),
];

test('a story has the first of each in order', () => {
  expect(story(history)).toEqual([
    'a created',
    'a ready',
    'b created',
    'b ready',
    'a deleted',
    'c created',
    'c ready',
  ]);
});

test('a pod that ends is not ready, though it still runs', () => {
  expect(fewestReady(history, 2)).toBe(1);
  expect(mostUnfinished(history)).toBe(2);
});

test('what came before all were ready does not count', () => {
  expect(fewestReady(history.slice(0, 3), 2)).toBe(2);
});
