import type { Affinity, LabelSelector, Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { asReadBy } from './known-faults.ts';

const notIn: LabelSelector = {
  matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['red'] }],
};
const term = (namespaceSelector: LabelSelector | undefined) => ({
  topologyKey: 'zone',
  labelSelector: { matchLabels: { app: 'web' } },
  ...(namespaceSelector && { namespaceSelector }),
});

describe('asReadBy', () => {
  test.each(['podAffinity', 'podAntiAffinity'] as const)(
    'up to 1.36 a required term of %s that excludes namespaces speaks of every namespace',
    (field) => {
      const pod = podOf({
        [field]: { requiredDuringSchedulingIgnoredDuringExecution: [term(notIn), term({})] },
      });
      for (const minor of [35, 36]) {
        expect(asReadBy(minor, pod)).toEqual(
          podOf({
            [field]: { requiredDuringSchedulingIgnoredDuringExecution: [term({}), term({})] },
          }),
        );
      }
    },
  );

  test('from 1.37 on every pod is read as it is written', () => {
    const pod = podOf({
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(notIn)] },
    });
    expect(asReadBy(37, pod)).toBe(pod);
  });

  test.each<[string, LabelSelector | undefined]>([
    ['no selector', undefined],
    ['an empty selector', {}],
    ['a label', { matchLabels: { tier: 'gold' } }],
    [
      'a label beside an exclusion',
      {
        matchExpressions: [...(notIn.matchExpressions ?? []), { key: 'tier', operator: 'Exists' }],
      },
    ],
  ])('what the fault does not touch is left alone: %s', (_what, selector) => {
    const pod = podOf({
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(selector)] },
    });
    expect(asReadBy(36, pod)).toBe(pod);
  });
});

function podOf(affinity: Affinity): Pod {
  return { metadata: { name: 'web' }, spec: { containers: [{ name: 'one' }], affinity } };
}
