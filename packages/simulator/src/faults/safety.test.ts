import { type Pod, virtualNodeName, wellKnown } from '@spillway/core';
import { beforeEach, describe, expect, test } from 'vitest';
import { modelSeals } from '../agent/model-seals.ts';
import { copyOfAnnotation } from './controllers.ts';
import type { ModelCluster } from './model-world.ts';
import { overlapChecker, safetyChecker } from './safety.ts';
import { ModelWorld } from './world.ts';

let world: ModelWorld;
let home: ModelCluster;
let host: ModelCluster;
let check: () => string | undefined;

beforeEach(() => {
  world = new ModelWorld({
    seed: 1,
    clusters: 2,
    nodesPerCluster: 1,
    podsPerCluster: 0,
    rivals: false,
    schedulersBindGuests: false,
    troubleMs: 0,
  });
  [home, host] = world.clusters as [ModelCluster, ModelCluster];
  check = safetyChecker(world);
  // Later checks only see what has changed since this one.
  expect(check()).toBeUndefined();
});

function created(
  { api }: ModelCluster,
  name: string,
  { metadata = {}, nodeName, cpu = '100m' }: Partial<Pod> & { nodeName?: string; cpu?: string },
): Pod {
  return api.create({
    metadata: { name, namespace: 'default', ...metadata },
    spec: {
      schedulerName: wellKnown.schedulerName,
      ...(nodeName && { nodeName }),
      containers: [{ name: 'c', resources: { requests: { cpu } } }],
    },
  }) as Pod;
}

function shadowOf({ metadata: { uid = '', name = '' } }: Pod): Partial<Pod> {
  const { homeLabel, homeNamespaceLabel, homeUidLabel } = wellKnown;
  const labels = { [homeLabel]: home.name, [homeNamespaceLabel]: 'default', [homeUidLabel]: uid };
  return { metadata: { name, namespace: 'guests', labels } };
}

function sealed(pod: Pod): void {
  const { uid = '', name = '', namespace = '' } = pod.metadata;
  const seal = modelSeals(home.name).seal(uid as never, host.name);
  const annotations = { [wellKnown.boundByAnnotation]: seal };
  home.api.bind({ uid: uid as never, name, namespace }, virtualNodeName(host.name), annotations);
}

describe('at every step', () => {
  test('a pod that runs at home and at its host runs twice', () => {
    const pod = created(home, 'web', { nodeName: `${home.name}-n0` });
    expect(check()).toBeUndefined();
    created(host, 'web', { ...shadowOf(pod), nodeName: `${host.name}-n0` });
    expect(check()).toBe(`${pod.metadata.uid} runs twice: at ${home.name} and ${host.name}`);
  });

  test('a shadow of a pod that our agent did not bind there was not asked for', () => {
    const pod = created(home, 'web', {});
    created(host, 'web', { ...shadowOf(pod), nodeName: `${host.name}-n0` });
    expect(check()).toContain('where its agent did not bind it');
  });

  test('a shadow is looked at again when only the pod at its home has changed', () => {
    const pod = created(home, 'web', {});
    sealed(pod);
    created(host, 'web', { ...shadowOf(pod), nodeName: `${host.name}-n0` });
    expect(check()).toBeUndefined();
    const { uid = '' } = pod.metadata;
    home.api.patch(
      { uid: uid as never, namespace: 'default', name: 'web' },
      { metadata: { labels: {}, annotations: { [wellKnown.boundByAnnotation]: 'forged' } } },
    );
    expect(check()).toContain('where its agent did not bind it');
  });

  test('pods of ours above the allocatable of their node are found', () => {
    created(home, 'a', { nodeName: `${home.name}-n0`, cpu: '1500m' });
    expect(check()).toBeUndefined();
    created(home, 'b', { nodeName: `${home.name}-n0`, cpu: '600m' });
    expect(check()).toBe(`${home.name}-n0 has 2100m of 2000m bound`);
  });

  test('two copies that run at once are found when the second one starts', () => {
    const metadata = { annotations: { [copyOfAnnotation]: 'c0/web' } };
    const copies = overlapChecker(world);
    created(home, 'a', {
      metadata: { ...metadata, name: 'a', namespace: 'default' },
      nodeName: `${home.name}-n0`,
    });
    world.time.run(2_000, () => {});
    expect(copies()).toBeUndefined();
    created(host, 'b', {
      metadata: { ...metadata, name: 'b', namespace: 'default' },
      nodeName: `${host.name}-n0`,
    });
    world.time.run(4_000, () => {});
    expect(copies()).toMatch(
      /^two copies of c0\/web run: default\/a .* at c0, and default\/b .* at c1$/,
    );
  });
});
