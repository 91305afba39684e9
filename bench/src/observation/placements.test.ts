import type { Pod } from '@spillway/core';
import { expect, test } from 'vitest';
import type { Change } from './histories.ts';
import { placementsIn } from './placements.ts';

function pod(uid: string, nodeName: string, labels: Record<string, string> = {}): Pod {
  return { metadata: { name: 'web', uid, labels }, spec: { nodeName, containers: [] } };
}

function set(atMs: number, object: Pod): Change {
  return { kind: 'Pod', type: 'set', object, atMs, sinceMs: atMs };
}

test('a pod that is away is placed once its shadow has a node', () => {
  const labels = { 'spillway.dev/home': 'a', 'spillway.dev/home-uid': '1' };
  const home = [set(0, pod('1', '')), set(40, pod('1', 'spillway-b'))];
  const host = [set(50, pod('s', '', labels)), set(70, pod('s', 'node-1', labels))];
  const histories = [
    { cluster: 'a', gaps: 0, changes: home },
    { cluster: 'b', gaps: 0, changes: host },
  ];
  expect(placementsIn({ histories })).toEqual([
    { uid: '1', home: 'a', host: 'b', createdMs: 0, boundMs: 70 },
  ]);
});
