import { clusterName, type NodeName, type Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { shadowPod } from './shadow-pod.ts';

const guestNamespace = { name: 'spillway-lyon-shop', uid: 'ns-1' };

function shadowOf(pod: Partial<Pod['metadata']>, spec: object = {}, scheduler?: string) {
  const place = { node: 'node-1' as NodeName, ...(scheduler && { scheduler }) };
  return shadowPod({
    home: clusterName('lyon'),
    pod: {
      metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', ...pod },
      spec: { containers: [{ name: 'c' }], ...spec },
    },
    guestNamespace,
    place,
  });
}

describe('shadowPod', () => {
  test('is bound as it is created, by no scheduler and with nobody’s rights', () => {
    const { metadata, spec } = shadowOf({}, { serviceAccountName: 'admin' });
    expect(metadata).toMatchObject({ name: 'web-0', namespace: 'spillway-lyon-shop' });
    expect(spec).toMatchObject({
      nodeName: 'node-1',
      schedulerName: 'spillway',
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      priorityClassName: 'spillway-guest',
    });
  });

  test('is left to the host’s scheduler, with no more rights than one that is bound', () => {
    const { spec } = shadowOf({}, { serviceAccountName: 'admin' }, 'default-scheduler');
    expect(spec.nodeName).toBeUndefined();
    expect(spec).toMatchObject({
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      priorityClassName: 'spillway-guest',
    });
  });

  test('says whose it is, whatever its own labels claim', () => {
    const { metadata } = shadowOf({
      labels: { app: 'web', 'spillway.dev/home': 'rome', 'spillway.dev/home-uid': 'u-2' },
    });
    expect(metadata.labels).toEqual({
      app: 'web',
      'spillway.dev/home': 'lyon',
      'spillway.dev/home-namespace': 'shop',
      'spillway.dev/home-uid': 'u-1',
    });
  });

  test('is its namespace’s, so that drains and autoscalers take it for a controller’s', () => {
    const { metadata } = shadowOf({
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false', note: 'x' },
    });
    expect(metadata.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Namespace', ...guestNamespace, controller: true },
    ]);
    expect(metadata.annotations).toEqual({
      note: 'x',
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
      'spillway.dev/home-name': 'web-0',
      'spillway.dev/made-from': expect.any(String),
    });
  });
});
