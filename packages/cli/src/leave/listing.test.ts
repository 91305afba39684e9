import type { Pod } from '@spillway/core';
import { expect, test } from 'vitest';
import { listing } from './listing.ts';

function pod(nodeName: string, phase: string, annotations = {}): Pod {
  return {
    metadata: { name: 'web', namespace: 'shop', annotations },
    spec: { containers: [], nodeName },
    status: { phase },
  };
}

test('pods away are counted by node, those that have finished and those that are fenced also apart', () => {
  const away = [
    pod('spillway-lyon', 'Running'),
    pod('spillway-lyon', 'Running', { 'spillway.dev/partition': 'fence' }),
    pod('spillway-frankfurt', 'Failed'),
    pod('spillway-frankfurt', 'Succeeded'),
  ];
  const nothing = { guests: [], virtualNodes: [], neighbours: [], guestNamespaces: [] };
  expect(
    listing({ away, ...nothing })
      .split('\n')
      .slice(0, 3),
  ).toEqual([
    'Our pods away:        spillway-frankfurt 2, spillway-lyon 2',
    '  of them finished:   2',
    '  of them fenced:     1',
  ]);
});
