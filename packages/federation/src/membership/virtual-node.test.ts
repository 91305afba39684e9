import { wellKnown } from '@spillway/core';
import { expect, it } from 'vitest';
import { neighbourOfNode } from './virtual-node.ts';

const { virtualNodeLabel, clusterLabel } = wellKnown;

it.each([
  [{ [virtualNodeLabel]: 'true', [clusterLabel]: 'lyon' }, 'lyon'],
  [{ [virtualNodeLabel]: 'false', [clusterLabel]: 'lyon' }, undefined],
  // A node of the cluster itself may carry the label of a cluster for reasons of its own.
  [{ [clusterLabel]: 'lyon' }, undefined],
  [{ [virtualNodeLabel]: 'true' }, undefined],
  [undefined, undefined],
])('a node with labels %o stands for %s', (labels, neighbour) => {
  expect(neighbourOfNode({ metadata: { ...(labels && { labels }) } })).toBe(neighbour);
});
