import { virtualNodeName } from '@spillway/core';
import { expect, test } from 'vitest';
import { cluster, node, podOf, sealedAt } from '../testing/fixtures.ts';
import { homeOf } from '../testing/home.ts';

const near = cluster('near');

function home() {
  const tested = homeOf({
    nodes: [node('n', '1')],
    neighbours: [{ name: near, cpu: '4', rttMs: 1 }],
  });
  tested.step({ kind: 'synced' });
  return tested;
}

test('a pod that is bound to a neighbour is found by its name, with its host and UID', () => {
  const { see, home: machine } = home();
  const pod = podOf('a');
  see(sealedAt(pod, near));
  expect(machine.podAway('default', 'a')).toEqual({ host: near, uid: pod.metadata.uid });
  expect(machine.podAway('other', 'a')).toBe(undefined);
});

test('a pod at home, and one that something else has bound, are not away', () => {
  const { see, home: machine } = home();
  see({ ...podOf('b'), spec: { ...podOf('b').spec, nodeName: 'n' } });
  see({ ...podOf('c'), spec: { ...podOf('c').spec, nodeName: virtualNodeName(near) } });
  expect(machine.podAway('default', 'b')).toBe(undefined);
  expect(machine.podAway('default', 'c')).toBe(undefined);
});
