import { describe, expect, test } from 'vitest';
import { workloadNamed } from './workloads.ts';

describe('what kubectl takes', () => {
  test.each([
    ['pod', 'web-7', 'Pod'],
    ['po/web-7', undefined, 'Pod'],
    ['pods/web-7', undefined, 'Pod'],
    ['Deployment', 'web-7', 'Deployment'],
    ['deployments.apps/web-7', undefined, 'Deployment'],
    ['deployment.v1.apps', 'web-7', 'Deployment'],
    ['rs', 'web-7', 'ReplicaSet'],
    ['sts/web-7', undefined, 'StatefulSet'],
    ['ds', 'web-7', 'DaemonSet'],
    ['job/web-7', undefined, 'Job'],
  ])('%s %s is a %s', (given, then, kind) => {
    const { type, name } = workloadNamed(given, then);
    expect([type.kind, name]).toEqual([kind, 'web-7']);
  });
});

test.each([
  ['pod', undefined, 'expected TYPE NAME or TYPE/NAME, got "pod"'],
  ['pod/', undefined, 'expected TYPE NAME or TYPE/NAME, got "pod/"'],
  ['pod/web', 'api', 'expected TYPE NAME or TYPE/NAME, got "pod/web api"'],
  ['pod/web/api', undefined, 'expected TYPE NAME or TYPE/NAME, got "pod/web/api"'],
  ['svc', 'web', 'unknown type "svc". Expected one of pod, deployment, replicaset'],
])('%s %s is refused', (given, then, message) => {
  expect(() => workloadNamed(given, then)).toThrow(message);
});

test('a Job wants no more at once than it is to complete', () => {
  const { wanted } = workloadNamed('job', 'x').type;
  const spec = { selector: {} };
  expect(wanted?.({ spec: { ...spec, parallelism: 4, completions: 2 } })).toBe(2);
  expect(wanted?.({ spec: { ...spec, parallelism: 4 } })).toBe(4);
});
