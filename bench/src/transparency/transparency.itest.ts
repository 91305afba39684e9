/**
 * Controllers and kubectl beside a virtual node, on two real control planes with agents as they ship: every row of
 * docs/transparency.md is tried where pods run on a local node and where they run on a virtual node.
 */
import { equalNodes, type LocalTestbed, startTestbed } from '@spillway/testbed';
import { afterAll, beforeAll, describe, type ExpectStatic, test, vi } from 'vitest';
import { type Federation, startFederation } from '../federation/federation.ts';
import { collectHistories } from '../observation/histories.ts';
import { families } from './families.ts';
import { Place, type World } from './place.ts';
import type { Row } from './row.ts';
import { doomedNode } from './rows/nodes.ts';

/** Rows that run at once: most of their time they wait for controllers. */
vi.setConfig({ maxConcurrency: 12, testTimeout: 300_000 });

const homeNodes = equalNodes(3, { cpu: '1', memory: '16Gi' }).map((node) => {
  const taints = [{ key: doomedNode.taint, effect: 'NoSchedule' as const }];
  return node.name === doomedNode.name ? { ...node, taints } : node;
});

let testbed: LocalTestbed;
let federation: Federation;
let world: World;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: 'paris', city: undefined, nodes: homeNodes },
      { name: 'lyon', city: undefined, nodes: equalNodes(2, { cpu: '256', memory: '64Gi' }) },
    ],
  });
  federation = await startFederation(testbed);
  const histories = await collectHistories(testbed.clusters);
  world = { home: testbed.cluster('paris'), host: testbed.cluster('lyon'), histories };
});

afterAll(async () => {
  await world?.histories.stop();
  await federation?.stop();
  await testbed?.stop();
});

async function observed(row: Row, kind: Place['kind']) {
  const place = new Place(world, kind, slugOf(row.feature));
  await place.prepare();
  const seen = await row.observe(place);
  return { seen, bound: place.boundTo() };
}

/** A name of a namespace. */
function slugOf(feature: string): string {
  const words = feature.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return words.join('-').slice(0, 40).replace(/-$/, '');
}

async function compare(row: Row, expect: ExpectStatic): Promise<void> {
  const [local, virtual] = await Promise.all([observed(row, 'local'), observed(row, 'virtual')]);
  expect(local.seen).toEqual(row.expected);
  expect(virtual.seen).toEqual(row.differs?.expected ?? row.expected);
  for (const { bound } of [local, virtual]) {
    expect(bound.elsewhere).toEqual([]);
    expect(bound.pods).toBeGreaterThan(0);
  }
}

describe.concurrent.each(families.filter(({ alone }) => !alone))('$name', ({ rows }) => {
  test.for(rows)('$feature', async (row, { expect }) => await compare(row, expect));
});

describe.each(families.filter(({ alone }) => alone))('$name', ({ rows }) => {
  test.for(rows)('$feature', async (row, { expect }) => await compare(row, expect));
});
