import { type Pod, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { guestChanges, madeFrom } from './guest-changes.ts';

const pod: Pod = {
  metadata: { name: 'web', labels: { app: 'web', track: 'old' }, annotations: { note: 'a' } },
  spec: {
    containers: [
      { name: 'main', image: 'web:1' },
      { name: 'side', image: 'log:1' },
    ],
    initContainers: [{ name: 'setup', image: 'setup:1' }],
    tolerations: [{ key: 'gpu', operator: 'Exists' }],
  },
};

/** Of `pod`, and what a host's people and webhooks have put on it. */
const shadow: Pod = {
  metadata: {
    labels: { ...pod.metadata.labels, 'example.com/team': 'hosts' },
    annotations: {
      ...pod.metadata.annotations,
      'sidecar/status': 'injected',
      [wellKnown.madeFromAnnotation]: madeFrom(pod),
    },
  },
  spec: {
    ...pod.spec,
    containers: [
      { name: 'main', image: 'mirror.host/web:1' },
      { name: 'side', image: 'log:1' },
      { name: 'injected', image: 'mesh:1' },
    ],
    tolerations: [...(pod.spec.tolerations ?? []), { key: 'hosts', operator: 'Exists' }],
  },
};

const note = { [wellKnown.madeFromAnnotation]: expect.any(String) };
const changed = (metadata: Partial<Pod['metadata']>, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { ...pod.metadata, ...metadata },
  spec: { ...pod.spec, ...spec },
});

describe('guestChanges', () => {
  test('nothing, whatever the host has put on the shadow', () => {
    expect(guestChanges(shadow, pod)).toBeUndefined();
  });

  test('labels and annotations that came, were changed, or went', () => {
    const labels = { app: 'web', tier: 'front' };
    expect(guestChanges(shadow, changed({ labels, annotations: { note: 'b' } }))).toEqual({
      metadata: { labels: { tier: 'front', track: null }, annotations: { note: 'b', ...note } },
    });
  });

  test('images, of the containers whose image is another', () => {
    const containers = [
      { name: 'main', image: 'web:2' },
      { name: 'side', image: 'log:1' },
    ];
    const initContainers = [{ name: 'setup', image: 'setup:2' }];
    expect(guestChanges(shadow, changed({}, { containers, initContainers }))?.spec).toEqual({
      containers: [{ name: 'main', image: 'web:2' }],
      initContainers,
    });
  });

  test('no image when only something else was changed: the host may have rewritten it', () => {
    expect(guestChanges(shadow, changed({ labels: { app: 'web' } }))?.spec).toBeUndefined();
  });

  test('a deadline, and tolerations beside those of the host', () => {
    const added = { key: 'spot', operator: 'Exists' };
    const tolerations = [...(pod.spec.tolerations ?? []), added];
    expect(
      guestChanges(shadow, changed({}, { activeDeadlineSeconds: 60, tolerations }))?.spec,
    ).toEqual({
      activeDeadlineSeconds: 60,
      tolerations: [...(shadow.spec.tolerations ?? []), added],
    });
  });

  test('once patched, nothing more', () => {
    const wanted = changed({ labels: { app: 'other' } });
    const { metadata } = guestChanges(shadow, wanted) ?? { metadata: { annotations: {} } };
    const annotations = { ...shadow.metadata.annotations, ...metadata.annotations };
    const patched = { ...shadow, metadata: { ...shadow.metadata, annotations } } as Pod;
    expect(guestChanges(patched, wanted)).toBeUndefined();
  });

  test.each([
    ['an older agent made', undefined],
    ['somebody wrote over', '{"all":'],
    ['somebody wrote other JSON on', '[]'],
  ])('no images and no removals on a shadow that %s, since nobody knows', (_, text) => {
    const { [wellKnown.madeFromAnnotation]: _made, ...rest } = shadow.metadata.annotations ?? {};
    const annotations =
      text === undefined ? rest : { ...rest, [wellKnown.madeFromAnnotation]: text };
    const old = { ...shadow, metadata: { ...shadow.metadata, annotations } };
    const labels = { app: 'web', tier: 'front' };
    expect(guestChanges(old, changed({ labels }))).toEqual({
      metadata: { labels: { tier: 'front' }, annotations: note },
    });
  });
});
