import type { PodSpec } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { mergedOnce } from './merged-once.ts';

const containers = [{ name: 'main' }];
const labels = { app: 'web', rev: 'a' };
const appIsWeb = { matchLabels: { app: 'web' } };
const revIsA = { key: 'rev', operator: 'In', values: ['a'] };
const revIsNotA = { key: 'rev', operator: 'NotIn', values: ['a'] };
const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' };

function anti(term: object): PodSpec {
  return {
    containers,
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', ...term }],
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 10, podAffinityTerm: { topologyKey: 'zone', ...term } },
        ],
      },
    },
  };
}

describe('mergedOnce', () => {
  test('keeps what an API server has merged, and leaves the keys behind', () => {
    const labelSelector = { ...appIsWeb, matchExpressions: [revIsA] };
    const merged = { ...spread, labelSelector, matchLabelKeys: ['rev'] };
    const spec = mergedOnce({ containers, topologySpreadConstraints: [merged] }, labels);
    expect(spec.topologySpreadConstraints).toEqual([{ ...spread, labelSelector }]);
  });

  test('merges what an API server has not, in constraints and in all terms', () => {
    const labelSelector = { ...appIsWeb, matchExpressions: [revIsA] };
    const constraint = { ...spread, labelSelector: appIsWeb, matchLabelKeys: ['rev'] };
    const spec = mergedOnce({ containers, topologySpreadConstraints: [constraint] }, labels);
    expect(spec.topologySpreadConstraints).toEqual([{ ...spread, labelSelector }]);
    const term = { labelSelector: appIsWeb, matchLabelKeys: ['rev'] };
    expect(mergedOnce(anti(term), labels)).toEqual(anti({ labelSelector }));
  });

  test('a key whose label the pod lacks selects nothing more', () => {
    const term = { labelSelector: appIsWeb, matchLabelKeys: ['track'] };
    expect(mergedOnce(anti(term), labels)).toEqual(anti({ labelSelector: appIsWeb }));
  });

  test('mismatched keys exclude the pod’s own value, beside what their author excludes', () => {
    const own = { key: 'rev', operator: 'NotIn', values: ['a', 'b'] };
    const labelSelector = { ...appIsWeb, matchExpressions: [own] };
    const wanted = { ...appIsWeb, matchExpressions: [own, revIsNotA] };
    const once = mergedOnce(anti({ labelSelector, mismatchLabelKeys: ['rev'] }), labels);
    expect(once).toEqual(anti({ labelSelector: wanted }));
    const again = anti({ labelSelector: wanted, mismatchLabelKeys: ['rev'] });
    expect(mergedOnce(again, labels)).toEqual(once);
  });

  test('a label that was changed since selects as it did when the pod was created', () => {
    const labelSelector = { ...appIsWeb, matchExpressions: [revIsA] };
    const term = { labelSelector, matchLabelKeys: ['rev'] };
    expect(mergedOnce(anti(term), { ...labels, rev: 'b' })).toEqual(anti({ labelSelector }));
  });

  test('no selector stays none', () => {
    expect(mergedOnce(anti({ matchLabelKeys: ['rev'] }), labels)).toEqual(anti({}));
  });
});
