import type { Toleration } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { bindingAnnotations, isFenced, policyVerdicts } from './fence.ts';
import { nearest } from '../policy/policy.ts';
import { podOf } from '../testing/fixtures.ts';

const fence = { ...nearest, partition: 'fence' } as const;
const unreachable = 'node.kubernetes.io/unreachable';
const notReady = 'node.kubernetes.io/not-ready';

function withTolerations(...tolerations: readonly Toleration[]) {
  const pod = podOf('a');
  return { ...pod, spec: { ...pod.spec, tolerations } };
}

const both = (change: Partial<Toleration> = {}): readonly Toleration[] =>
  [unreachable, notReady].map((key) => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    ...change,
  }));

describe('policyVerdicts', () => {
  test.each([
    ['both taints', both()],
    ['both taints with any effect', [unreachable, notReady].map((key) => ({ key }))],
    ['everything', [{ operator: 'Exists' }]],
    ['everything that is NoExecute', [{ operator: 'Exists', effect: 'NoExecute' }]],
  ])('under fence, lets a pod leave that tolerates %s without a limit', (_, tolerations) => {
    expect(policyVerdicts(withTolerations(...tolerations), fence, 'x')).toEqual([]);
  });

  test.each([
    ['nothing', [], [unreachable, notReady]],
    // What the API server gives every pod that says nothing of its own.
    ['both for 300 s', both({ tolerationSeconds: 300 }), [unreachable, notReady]],
    ['one of both', [...both()].slice(0, 1), [notReady]],
    ['only NoSchedule', both({ effect: 'NoSchedule' }), [unreachable, notReady]],
    // The taint manager goes by the shortest.
    [
      'everything, but one for 10 s',
      [{ operator: 'Exists' }, { key: unreachable, operator: 'Exists', tolerationSeconds: 10 }],
      [unreachable],
    ],
    ['another value', both({ operator: 'Equal', value: 'x' }), [unreachable, notReady]],
  ] as const)('and keeps one at home that tolerates %s', (_, tolerations, named) => {
    const [verdict] = policyVerdicts(
      withTolerations(...tolerations),
      fence,
      'OffloadPolicy shop/a',
    );
    expect(verdict).toMatchObject({ code: 'Refused', stage: 'Fence' });
    expect(verdict?.reason).toContain(`tolerate ${named.join(' and ')} (NoExecute)`);
    expect(verdict?.reason).toContain('OffloadPolicy shop/a');
  });

  test('keep asks for nothing', () => {
    expect(policyVerdicts(podOf('a'), nearest, 'x')).toEqual([]);
  });

  test('a pod that may not leave is told who says so', () => {
    const stay = { ...fence, mayLeave: false };
    expect(policyVerdicts(podOf('a'), stay, 'OffloadPolicy shop/a')).toEqual([
      {
        code: 'Refused',
        stage: 'MayLeave',
        reason: 'may not leave its home because of OffloadPolicy shop/a',
      },
    ]);
  });
});

test('a pod is fenced by what its binding wrote on it', () => {
  const pod = podOf('a');
  const bound = { ...pod, metadata: { ...pod.metadata, annotations: bindingAnnotations(fence) } };
  expect(isFenced(bound)).toBe(true);
  expect(isFenced({ ...bound, metadata: { annotations: bindingAnnotations(nearest) } })).toBe(
    false,
  );
});
