import { type ClusterName, clusterName } from '@spillway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guestNamespaceName } from './guest-namespace.ts';

const label = (lengthMax: number) =>
  fc.stringMatching(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/).filter((text) => text.length <= lengthMax);
const home = label(40).map((text): ClusterName => clusterName(text));
const valid = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

describe('guestNamespaceName', () => {
  test('is a namespace name, whatever a neighbour calls its own', () => {
    fc.assert(
      fc.property(home, fc.oneof(label(63), fc.string()), (cluster, namespace) => {
        const name = guestNamespaceName(cluster, namespace);
        expect(name.length).toBeLessThanOrEqual(63);
        expect(name).toMatch(valid);
        expect(name.startsWith('spillway-')).toBe(true);
      }),
    );
  });

  test('differs for different homes and namespaces', () => {
    const part = fc.stringMatching(/^[ab](-?[ab]){0,3}$/);
    fc.assert(
      fc.property(part, part, part, part, (homeA, namespaceA, homeB, namespaceB) => {
        fc.pre(homeA !== homeB || namespaceA !== namespaceB);
        expect(guestNamespaceName(clusterName(homeA), namespaceA)).not.toBe(
          guestNamespaceName(clusterName(homeB), namespaceB),
        );
      }),
    );
  });

  test('can be read where nothing is ambiguous', () => {
    expect(guestNamespaceName(clusterName('lyon'), 'shop')).toBe('spillway-lyon-shop');
    // spillway- + a-b + -c is also what home a with namespace b-c would be called.
    expect(guestNamespaceName(clusterName('a-b'), 'c')).toMatch(/^spillway-a-b-c-[0-9a-f]{8}$/);
    expect(guestNamespaceName(clusterName('a'), 'b-c')).toMatch(/^spillway-a-b-c-[0-9a-f]{8}$/);
  });
});
