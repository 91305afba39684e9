import { describe, expect, test } from 'vitest';
import { namespaceOf } from './manifests.ts';

describe('the namespace that the summary names', () => {
  const namespace = '{ kind: Namespace, metadata: { name: a } }';
  test.each([
    ['that of the first workload', '{ kind: Job, metadata: { name: j, namespace: b } }', 'b'],
    ['default, where the workload names none', '{ kind: Pod, metadata: { name: p } }', 'default'],
    ['default, where there is no workload', '{ kind: Service, metadata: { name: s } }', 'default'],
  ])('is %s', (_, workload, expected) => {
    const manifests = new Map([['paris', `${namespace}\n---\n${workload}`]]);
    expect(namespaceOf(manifests)).toBe(expected);
  });
});
