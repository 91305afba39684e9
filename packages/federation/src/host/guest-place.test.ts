import { type Pod, type PodUid, wellKnown } from '@spillway/core';
import { expect, test } from 'vitest';
import { at, cluster, ledgerOf, node, podOf } from '../testing/fixtures.ts';
import { hostDefaults } from './config.ts';
import { Host } from './host.ts';

const [home, other] = [cluster('home'), cluster('other')];

function shadowOf(pod: Pod, nodeName: string | undefined): Pod {
  const labels = {
    [wellKnown.homeLabel]: home,
    [wellKnown.homeNamespaceLabel]: 'default',
    [wellKnown.homeUidLabel]: pod.metadata.uid ?? '',
  };
  const { name = '' } = pod.metadata;
  const annotations = { [wellKnown.homeNameAnnotation]: name };
  return {
    metadata: { name, namespace: 'home-default', uid: 'shadow', labels, annotations },
    spec: { ...pod.spec, ...(nodeName && { nodeName }) },
  };
}

function hostWith(shadow: Pod): Host {
  const ledger = ledgerOf(node('n', '2'));
  const host = new Host({
    ledger,
    config: hostDefaults,
    incarnation: 'i',
    guestNamespace: (of, namespace) => `${of}-${namespace}`,
    cluster: cluster('host'),
  });
  ledger.apply({ kind: 'Pod', type: 'set', object: shadow });
  host.step({ kind: 'shadow', pod: shadow }, at(0));
  return host;
}

const pod = podOf('a');
const uid = pod.metadata.uid as PodUid;

test('a home finds its guest by the UID of its pod, and no other home does', () => {
  const host = hostWith(shadowOf(pod, 'n'));
  expect(host.placeOf(home, uid)).toEqual({ namespace: 'home-default', name: 'a' });
  expect(host.placeOf(other, uid)).toBe(undefined);
  expect(host.placeOf(home, 'shadow' as PodUid)).toBe(undefined);
});

test('a guest that has no node yet, is gone, or whose home is revoked, is not found', () => {
  expect(hostWith(shadowOf(pod, undefined)).placeOf(home, uid)).toBe(undefined);
  const gone = hostWith(shadowOf(pod, 'n'));
  gone.step({ kind: 'shadowDeleted', pod: shadowOf(pod, 'n') }, at(1));
  expect(gone.placeOf(home, uid)).toBe(undefined);
  const revoked = hostWith(shadowOf(pod, 'n'));
  revoked.step({ kind: 'revoked', clusters: new Set([home]) }, at(1));
  expect(revoked.placeOf(home, uid)).toBe(undefined);
});
