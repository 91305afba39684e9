import type { Pod } from '@spillway/core';
import { isServiceAccountToken } from '@spillway/federation';
import { describe, expect, test } from 'vitest';
import { withoutToken, withToken } from './service-account-token.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

function pod(spec: object = {}, annotations = {}): Pod {
  const containers = [{ name: 'main' }];
  return {
    metadata: { name: 'web', namespace: 'shop', annotations },
    spec: { containers, ...spec },
  };
}

function mountsToken(given: Pod, tokenless: readonly string[] = []): boolean {
  const { spec } = withToken(given, new Set(tokenless));
  return spec.volumes?.some(isServiceAccountToken) ?? false;
}

describe('a pod of a manifest', () => {
  test('mounts its account’s token in each container, init containers too', () => {
    const { spec } = withToken(pod({ initContainers: [{ name: 'first' }] }), new Set());
    const [volume] = spec.volumes ?? [];
    expect(volume && isServiceAccountToken(volume)).toBe(true);
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])])
      expect(container['volumeMounts']).toEqual([
        { name: volume?.name, mountPath, readOnly: true },
      ]);
  });

  test.each([
    ['says so', pod({ automountServiceAccountToken: false })],
    [
      'mounts something else there',
      pod({ containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath }] }] }),
    ],
    ['is the mirror of a static pod', pod({}, { 'kubernetes.io/config.mirror': 'x' })],
  ])('mounts none if it %s', (_, given) => {
    expect(mountsToken(given)).toBe(false);
  });

  test('mounts none if its account says so, unless the pod asks for one', () => {
    const named = { serviceAccountName: 'quiet' };
    expect(mountsToken(pod(named), ['shop/quiet'])).toBe(false);
    expect(mountsToken(pod({ ...named, automountServiceAccountToken: true }), ['shop/quiet'])).toBe(
      true,
    );
    expect(mountsToken(pod(named), ['other/quiet'])).toBe(true);
  });

  test('names its account also by the field’s older name', () => {
    const given = pod({ serviceAccount: 'robot' });
    expect(withToken(given, new Set()).spec.serviceAccountName).toBe('robot');
  });

  test('keeps a token volume that it has already', () => {
    const volumes = [{ name: 'kube-api-access-x', projected: { sources: [] } }];
    const { spec } = withToken(pod({ volumes }), new Set());
    expect(spec.volumes).toEqual(volumes);
    expect(spec.containers[0]?.['volumeMounts']).toMatchObject([{ name: 'kube-api-access-x' }]);
  });
});

test('only ServiceAccounts that switch the token off are without', () => {
  const accounts = [
    { name: 'off', automountServiceAccountToken: false },
    { name: 'on', automountServiceAccountToken: true },
    { name: 'unsaid' },
  ];
  const objects = accounts.map(({ name, ...rest }) => ({
    manifest: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, ...rest },
    where: '',
  }));
  expect([...withoutToken(objects, 'shop')]).toEqual(['shop/off']);
});
