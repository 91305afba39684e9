import { clusterName, type NodeName, type Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { shadowPod } from './shadow-pod.ts';

const fieldRef = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });

function shadowOf(pod: Partial<Pod['metadata']>, spec: object = {}) {
  return shadowPod({
    home: clusterName('lyon'),
    pod: {
      metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', ...pod },
      spec: { containers: [{ name: 'c' }], ...spec },
    },
    guestNamespace: 'spillway-lyon-shop',
    node: 'node-1' as NodeName,
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

  test('tells its containers the namespace that their owner put them in', () => {
    const env = [
      { name: 'NAMESPACE', ...fieldRef('metadata.namespace') },
      { name: 'NAME', ...fieldRef('metadata.name') },
      { name: 'TEXT', value: 'metadata.namespace' },
    ];
    const { spec } = shadowOf(
      {},
      { containers: [{ name: 'c', env }], initContainers: [{ name: 'i', env }] },
    );
    const told = [{ name: 'NAMESPACE', value: 'shop' }, env[1], env[2]];
    expect(spec.containers[0]?.['env']).toEqual(told);
    expect(spec.initContainers?.[0]?.['env']).toEqual(told);
  });
});
