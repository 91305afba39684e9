import type { Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { type PriorityClass, withPriorities } from './priorities.ts';

const urgent = { metadata: { name: 'urgent' }, value: 1_000, preemptionPolicy: 'Never' };
const usual = { metadata: { name: 'usual' }, value: 5, globalDefault: true };

function specOf(
  spec: Partial<Pod['spec']>,
  existing: Parameters<typeof withPriorities>[1]['existing'],
  given: readonly PriorityClass[] = [],
) {
  const pod = { metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }], ...spec } };
  const { batches, unknownClasses } = withPriorities([{ name: 'pod/a', count: 1, pod }], {
    given,
    existing,
  });
  const { priority, preemptionPolicy } = batches[0]?.pod.spec ?? {};
  return { priority, preemptionPolicy, unknownClasses };
}

describe('the priority of a pod that does not exist', () => {
  test('is that of its class, which says too whether it preempts', () => {
    const spec = { priorityClassName: 'urgent' };
    expect(specOf(spec, [usual, urgent])).toMatchObject({
      priority: 1_000,
      preemptionPolicy: 'Never',
    });
  });

  test('is that of the default class where it names none, or none at all', () => {
    expect(specOf({}, [urgent, usual])).toMatchObject({
      priority: 5,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    expect(specOf({}, [urgent]).priority).toBeUndefined();
  });

  test('is its own where it says one', () => {
    expect(specOf({ priority: 7, priorityClassName: 'urgent' }, [urgent]).priority).toBe(7);
  });

  test('is not known where the classes are not, and the class is named', () => {
    expect(specOf({ priorityClassName: 'urgent' }, undefined)).toEqual({
      priority: undefined,
      preemptionPolicy: undefined,
      unknownClasses: ['urgent'],
    });
  });

  test('is that of a class that comes with the pods, also where those of the cluster are not known', () => {
    const spec = { priorityClassName: 'urgent' };
    for (const existing of [undefined, [], [{ ...urgent, value: 3 }]])
      expect(specOf(spec, existing, [urgent])).toMatchObject({
        priority: 1_000,
        unknownClasses: [],
      });
  });

  test('of a class that does not exist is refused as the API server would', () => {
    expect(() => specOf({ priorityClassName: 'none' }, [urgent])).toThrow(
      'pod/a: no PriorityClass with name none was found',
    );
  });
});
