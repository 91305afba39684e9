import type { Finding } from '@spillway/agent/api-schemas';
import { clusterName, type Node, type PodSpec, type Taint } from '@spillway/core';
import { virtualNodeObject } from '@spillway/kubernetes';
import { describe, expect, test } from 'vitest';
import { daemonSetFindings } from './daemon-set-findings.ts';

const everything = [{ operator: 'Exists' }] as const;
const kept = { key: 'spillway.dev/virtual-node', operator: 'DoesNotExist' } as const;

function virtualNode(...more: readonly Taint[]): Node {
  const { metadata, spec } = virtualNodeObject(clusterName('lyon'), { cordoned: false });
  return { metadata, spec: { ...spec, taints: [...(spec?.taints ?? []), ...more] } };
}

function found(spec: Partial<PodSpec>, nodes: readonly Node[] = [virtualNode()]): boolean {
  const template = { spec: { containers: [], ...spec } };
  const set = { metadata: { name: 'logs', namespace: 'ops' }, spec: { template } };
  return daemonSetFindings([set], nodes).some(({ severity }) => severity === 'warning');
}

function findingOf(spec: Partial<PodSpec>): Finding | undefined {
  const template = { spec: { containers: [], ...spec } };
  const set = { metadata: { name: 'logs', namespace: 'ops' }, spec: { template } };
  return daemonSetFindings([set], [virtualNode()])[0];
}

function requiring(...terms: readonly { key: string; operator: 'Exists' | 'DoesNotExist' }[]) {
  const nodeSelectorTerms = terms.map((term) => ({ matchExpressions: [term] }));
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } };
}

describe('a DaemonSet counts virtual nodes', () => {
  test.each<readonly [string, Partial<PodSpec>, boolean]>([
    ['when it tolerates every taint', { tolerations: everything }, true],
    [
      'when it tolerates ours by name',
      { tolerations: [{ key: 'spillway.dev/virtual-node', operator: 'Exists' }] },
      true,
    ],
    ['not when it tolerates nothing', {}, false],
    [
      'not when it tolerates only NoExecute',
      { tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] },
      false,
    ],
    [
      'not when each of its terms leaves them out',
      { tolerations: everything, affinity: requiring(kept, kept) },
      false,
    ],
    [
      'when one of its terms does not',
      {
        tolerations: everything,
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [kept] },
                { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] },
              ],
            },
          },
        },
      },
      true,
    ],
    [
      'not when it selects by a label that they lack',
      { tolerations: everything, nodeSelector: { 'kubernetes.io/os': 'linux' } },
      false,
    ],
    [
      'when it selects control planes by a label that they need',
      { tolerations: everything, nodeSelector: { 'node-role.kubernetes.io/master': '' } },
      true,
    ],
    [
      'when a term selects by the same label',
      {
        tolerations: everything,
        affinity: requiring({ key: 'node-role.kubernetes.io/master', operator: 'Exists' }),
      },
      true,
    ],
  ])('%s', (_, spec, expected) => {
    expect(found(spec)).toBe(expected);
  });

  test('also while they are cordoned or not ready', () => {
    const taints = ['unschedulable', 'unreachable'].map((condition) => ({
      key: `node.kubernetes.io/${condition}`,
      effect: 'NoSchedule' as const,
    }));
    const named = [{ key: 'spillway.dev/virtual-node', operator: 'Exists' }] as const;
    expect(found({ tolerations: named }, [virtualNode(...taints)])).toBe(true);
  });

  test('not where there is none', () => {
    expect(found({ tolerations: everything }, [])).toBe(false);
  });

  test('and is named, with the lines that cure it', () => {
    const finding = findingOf({ tolerations: everything });
    expect(finding?.subject).toBe('ops/logs');
    expect(finding?.remedy).toContain('nodeSelector:\n  kubernetes.io/os: linux');
    expect(found({ tolerations: everything, nodeSelector: { 'kubernetes.io/os': 'linux' } })).toBe(
      false,
    );
    const withTerms = { tolerations: everything, affinity: requiring({ ...kept, key: 'a' }) };
    expect(findingOf(withTerms)?.remedy).toContain(
      '- key: spillway.dev/virtual-node\n  operator: DoesNotExist',
    );
  });
});
