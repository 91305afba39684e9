import {
  type LabelSelector,
  type Pod,
  type PodAffinity,
  type PodAffinityTerm,
  shapeOf,
} from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../evaluation.ts';
import { Snapshot } from '../snapshot.ts';

const hostname = 'kubernetes.io/hostname';
const notRed: LabelSelector = {
  matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['red'] }],
};
const withoutTeam: LabelSelector = {
  matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }],
};

/** One node for each namespace, with one pod of it: `red` and `blue` say their team, `plain` does not. */
const namespaces = { red: { team: 'red' }, blue: { team: 'blue' }, plain: {} } as const;
const snapshot = Object.entries(namespaces).reduce(
  (before, [name, labels]) =>
    before
      .withNamespace({ metadata: { name, labels } })
      .withNode({
        metadata: { name: `node-${name}`, labels: { [hostname]: `node-${name}` } },
        status: { allocatable: { cpu: '4', pods: '10' } },
      })
      .withPod(podOf(name, { nodeName: `node-${name}` })),
  Snapshot.empty,
);

describe('a namespaceSelector with NotIn or DoesNotExist means the namespaces that it matches', () => {
  test.each<[string, LabelSelector, readonly string[]]>([
    ['NotIn', notRed, ['node-red']],
    ['DoesNotExist', withoutTeam, ['node-blue', 'node-red']],
  ])('required anti-affinity, %s', (_operator, namespaceSelector, expected) => {
    const podAntiAffinity = required(namespaceSelector);
    expect(feasible(podOf('red', { affinity: { podAntiAffinity } }))).toEqual(expected);
  });

  test.each<[string, LabelSelector, readonly string[]]>([
    ['NotIn', notRed, ['node-blue', 'node-plain']],
    ['DoesNotExist', withoutTeam, ['node-plain']],
  ])('required affinity, %s', (_operator, namespaceSelector, expected) => {
    const podAffinity = required(namespaceSelector);
    expect(feasible(podOf('red', { affinity: { podAffinity } }))).toEqual(expected);
  });

  test('anti-affinity of a pod that is already there', () => {
    const repelling = podOf('blue', {
      nodeName: 'node-blue',
      affinity: { podAntiAffinity: required(notRed) },
    });
    const crowded = snapshot.withPod({
      ...repelling,
      metadata: { ...repelling.metadata, uid: 'r' },
    });
    expect(feasible(podOf('red', {}), crowded)).toContain('node-blue');
    expect(feasible(podOf('plain', {}), crowded)).not.toContain('node-blue');
  });
});

function required(namespaceSelector: LabelSelector): PodAffinity {
  const term: PodAffinityTerm = {
    topologyKey: hostname,
    labelSelector: { matchLabels: { app: 'web' } },
    namespaceSelector,
  };
  return { requiredDuringSchedulingIgnoredDuringExecution: [term] };
}

function feasible(pod: Pod, on = snapshot): readonly string[] {
  return [...evaluate(on, shapeOf(pod)).feasible].toSorted();
}

function podOf(namespace: string, spec: Partial<Pod['spec']>): Pod {
  return {
    metadata: { name: `web-${namespace}`, uid: namespace, namespace, labels: { app: 'web' } },
    spec: { containers: [{ name: 'one' }], ...spec },
  };
}
