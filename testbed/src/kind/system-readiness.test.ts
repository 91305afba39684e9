import { describe, expect, test } from 'vitest';
import { notReady, type SystemState } from './system-readiness.ts';

const ready = { conditions: [{ type: 'Ready', status: 'True' as const }] };
const startedAt = '2026-01-01T00:00:10Z';

function state(changes: Partial<SystemState> = {}): SystemState {
  return {
    nodes: [{ metadata: { name: 'n1' }, status: ready }],
    deployments: [
      { metadata: { name: 'coredns' }, spec: { replicas: 2 }, status: { readyReplicas: 2 } },
    ],
    daemonSets: [
      { metadata: { name: 'kube-proxy' }, status: { desiredNumberScheduled: 1, numberReady: 1 } },
    ],
    pods: [
      {
        metadata: { name: 'etcd-n1' },
        spec: { nodeName: 'n1' },
        status: { ...ready, containerStatuses: [{ state: { running: { startedAt } } }] },
      },
    ],
    ...changes,
  };
}

describe('notReady', () => {
  test('nothing when nodes, workloads and pods are', () => {
    expect(notReady(state(), { nodes: ['n1'] })).toEqual([]);
  });

  test('an API server that knows nothing yet is not ready', () => {
    const empty = { nodes: [], pods: [], deployments: [], daemonSets: [] };
    expect(notReady(empty, { nodes: ['n1'] })).toEqual([
      'node n1',
      'deployment coredns',
      'daemon sets of the network',
    ]);
  });

  test('names what is behind: a worker, a replica, a daemon set that has no pod yet, a pod', () => {
    const behind = state({
      deployments: [
        { metadata: { name: 'coredns' }, spec: { replicas: 2 }, status: { readyReplicas: 1 } },
      ],
      daemonSets: [{ metadata: { name: 'kindnet' }, status: { desiredNumberScheduled: 0 } }],
      pods: [{ metadata: { name: 'coredns-1' } }],
    });
    expect(notReady(behind, { nodes: ['n1', 'n2'] })).toEqual([
      'node n2',
      'deployment coredns',
      'daemon set kindnet',
      'pod coredns-1',
    ]);
  });

  test('after a restart, what the API server still shows of before does not count', () => {
    const at = (text: string) => ({ nodes: ['n1'], restarted: { node: 'n1', at: new Date(text) } });
    expect(notReady(state(), at('2026-01-01T00:00:11.500Z'))).toEqual(['pod etcd-n1']);
    // Started in the same second, of which the API shows no parts.
    expect(notReady(state(), at('2026-01-01T00:00:10.500Z'))).toEqual([]);
  });
});
