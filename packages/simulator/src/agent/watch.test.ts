import { type ClusterEvent, type Pod, randomStream } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { beforeEach, expect, test } from 'vitest';
import { ModelApiServer } from '../cluster/api-server.ts';
import { VirtualTime } from '../virtual-time.ts';
import { ModelWatch } from './watch.ts';

let time: VirtualTime;
let api: ModelApiServer;
let watch: ModelWatch;
let told: string[];
let deleted: Pod[];

beforeEach(() => {
  time = new VirtualTime();
  api = new ModelApiServer({ uidPrefix: 'c', nodes: [], namespaces: [] });
  [told, deleted] = [[], []];
  create('old');
  watch = new ModelWatch({
    api,
    time,
    random: randomStream(1, 'watch'),
    watchMsMax: 50,
    alive: () => true,
    take,
    synced: () => told.push('synced'),
  });
  settle();
  told = [];
});

function take({ type, object }: ClusterEvent): void {
  const { name, labels } = object.metadata;
  told.push([type, name, labels?.['l']].filter(Boolean).join(' '));
  if (type === 'deleted') deleted.push(object as Pod);
}

function create(name: string): Pod {
  const metadata = { name, namespace: 'default', labels: { app: 'a' } };
  return api.create({ metadata, spec: { containers: [] } }) as Pod;
}

function relabel(pod: Pod, l: string): void {
  api.patch(refOf(pod), { metadata: { labels: { l }, annotations: {} } });
}

function settle(): void {
  time.run(time.now + 60_000, () => {});
}

test('a watch that breaks tells all that it missed, in order', () => {
  api.endWatches('breaks', 'Pod');
  const pod = create('new');
  relabel(pod, '1');
  relabel(pod, '2');
  api.delete(refOf(pod), 0);
  settle();
  expect(told).toEqual(['set new', 'set new 1', 'set new 2', 'deleted new 2']);
});

test('a watch that expires lists again: what came and went is skipped, what is as it was is not told again', () => {
  const gone = create('gone');
  settle();
  told = [];
  api.endWatches('expires', 'Pod');
  const pod = create('new');
  relabel(pod, '1');
  relabel(pod, '2');
  api.delete(refOf(create('brief')), 0);
  api.delete(refOf(gone), 0);
  settle();
  expect(told).toEqual(['set new 2', 'deleted gone']);
  // Of a deletion that was missed, the reflector knows the metadata, and no annotations.
  const { uid, labels } = gone.metadata;
  expect(deleted).toMatchObject([{ metadata: { uid, labels } }]);
  expect(deleted[0]).not.toHaveProperty('spec');
});

test('another pod of the same name is told after the deletion of the first', () => {
  const first = create('same');
  settle();
  told = [];
  api.endWatches('expires', 'Pod');
  api.delete(refOf(first), 0);
  create('same');
  settle();
  expect(told).toEqual(['deleted same', 'set same']);
});

test('a watch that is stopped tells nothing more', () => {
  watch.stop();
  create('new');
  settle();
  expect(told).toEqual([]);
});

test('a server that is away is asked until it is back', () => {
  api.goDown('breaks');
  settle();
  expect(told).toEqual([]);
  api.comeUp();
  create('new');
  settle();
  expect(told).toEqual(['set new']);
});
