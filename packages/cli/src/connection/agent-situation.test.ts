import type { Pod, PodStatus } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { type AgentObjects, agentSituation } from './agent-situation.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const namespace = 'spillway-system';

function leaseOf(holder: string, secondsAgo: number): AgentObjects['lease'] {
  const renewTime = new Date(now - secondsAgo * 1000).toISOString();
  return { spec: { holderIdentity: `${holder}_4711`, renewTime, leaseDurationSeconds: 15 } };
}

function daemonSet(desiredNumberScheduled: number): AgentObjects['daemonSet'] {
  return { metadata: { name: 'spillway-agent' }, status: { desiredNumberScheduled } };
}

function pod(name: string, status: PodStatus, nodeName?: string): Pod {
  return {
    metadata: { name },
    spec: { containers: [{ name: 'agent' }], ...(nodeName !== undefined && { nodeName }) },
    status,
  };
}

const ready: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
const running: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] };

function waiting(reason: string, restartCount = 0): PodStatus {
  const status = { name: 'agent', ready: false, restartCount, image: '', imageID: '' };
  return {
    phase: restartCount > 0 ? 'Running' : 'Pending',
    containerStatuses: [
      { ...status, state: { waiting: { reason } }, lastState: { terminated: { exitCode: 2 } } },
    ],
  };
}

function situation(objects: Partial<AgentObjects>) {
  const none = { namespace, daemonSet: undefined, pods: [], lease: undefined };
  return agentSituation({ ...none, ...objects }, now);
}

describe('agentSituation', () => {
  it.each<[string, Partial<AgentObjects>, string, string]>([
    ['notInstalled', {}, 'no agent is installed in namespace spillway-system:', 'helm install'],
    [
      'noneDesired',
      { daemonSet: daemonSet(0) },
      'DaemonSet spillway-system/spillway-agent wants no pod',
      'describe daemonset spillway-agent',
    ],
    [
      'notCreated',
      { daemonSet: daemonSet(3) },
      'wants 3 pods, but none was created',
      'describe daemonset spillway-agent',
    ],
    [
      'pending',
      {
        pods: [
          pod('a', {
            phase: 'Pending',
            conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes fit.' }],
          }),
        ],
      },
      'no agent is active: pod a has no node yet: 0/1 nodes fit.',
      'describe pod a',
    ],
    [
      'pending',
      { pods: [pod('a', waiting('ContainerCreating'), 'n')] },
      'no agent is active: pod a is Pending on node n: container agent waits: ContainerCreating',
      'describe pod a',
    ],
    [
      'cannotStart',
      { pods: [pod('a', waiting('ImagePullBackOff'), 'n')] },
      'no agent is active: pod a cannot pull its image (ImagePullBackOff)',
      'describe pod a',
    ],
    [
      'cannotStart',
      { pods: [pod('a', waiting('CreateContainerConfigError'), 'n')] },
      'pod a cannot start (CreateContainerConfigError)',
      'describe pod a',
    ],
    [
      'crashing',
      { pods: [pod('a', waiting('CrashLoopBackOff', 7), 'n')], lease: leaseOf('a', 90) },
      'no agent is active: pod a keeps crashing (7 restarts, exit code 2)',
      'logs a --previous',
    ],
    [
      'crashing',
      { pods: [pod('a', running, 'n'), pod('b', waiting('CrashLoopBackOff', 1), 'n')] },
      '(one of 2 pods, none of which is ready)',
      'logs b --previous',
    ],
    [
      'notReady',
      { pods: [pod('a', running, 'n')] },
      'no agent is active: pod a runs but is not ready',
      'logs a',
    ],
    [
      'notReady',
      { pods: [pod('a', running, 'n')], lease: leaseOf('a', 3) },
      'pod a is active but not ready yet',
      'logs a',
    ],
    [
      'standbyOnly',
      { pods: [pod('a', ready, 'n'), pod('b', ready, 'n')], lease: leaseOf('gone', 40) },
      'no agent is active: 2 of 2 pods stand by, and gone held the Lease last and renewed it 40 s ago',
      'takes over',
    ],
    [
      'active',
      { pods: [pod('a', ready, 'n'), pod('b', ready, 'n')], lease: leaseOf('a', 3) },
      'pod a is active and renewed the Lease 3 s ago',
      'logs a',
    ],
    ['process', { lease: leaseOf('host', 3) }, 'the active agent host is not a pod', '--agent URL'],
    [
      'processSilent',
      { lease: leaseOf('host', 300) },
      'no agent is active: host, which is not a pod in namespace spillway-system, last renewed the Lease 300 s ago',
      'Start it again',
    ],
  ])('%s', (state, objects, message, remedy) => {
    const found = situation(objects);
    expect(found.state).toBe(state);
    expect(found.message).toContain(message);
    expect(found.remedy).toContain(remedy);
  });

  it('names the pod to ask only where one is active', () => {
    const pods = [pod('a', ready, 'n')];
    expect(situation({ pods, lease: leaseOf('a', 3) }).pod).toBe('a');
    expect(situation({ pods, lease: leaseOf('a', 30) }).pod).toBeUndefined();
  });

  it('counts a pod that is being deleted no more', () => {
    const going = pod('a', ready, 'n');
    const deleted = { ...going, metadata: { ...going.metadata, deletionTimestamp: 'now' } };
    expect(situation({ pods: [deleted], daemonSet: daemonSet(0) }).state).toBe('noneDesired');
  });
});
