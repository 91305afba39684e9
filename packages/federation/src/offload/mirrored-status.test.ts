import type { Pod, PodStatus } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { drifted, endedByHost, mirroredStatus } from './mirrored-status.ts';

const scheduled = { type: 'PodScheduled', status: 'True' };

function home(status: PodStatus): Pod {
  return { metadata: { name: 'web' }, spec: { containers: [] }, status };
}

describe('mirroredStatus', () => {
  it('brings phase, times and containers home, with exit codes, and addresses where networks are joined', () => {
    const guest: PodStatus = {
      phase: 'Failed',
      reason: 'Error',
      message: 'exit 3',
      startTime: '2026-01-01T00:00:00Z',
      podIP: '10.1.0.7',
      podIPs: [{ ip: '10.1.0.7' }],
      hostIP: '192.168.0.2',
      conditions: [{ type: 'Ready', status: 'False', reason: 'PodFailed' }],
      containerStatuses: [
        {
          name: 'main',
          image: 'web',
          imageID: '',
          ready: false,
          restartCount: 2,
          state: { terminated: { exitCode: 3, finishedAt: '2026-01-01T00:01:00Z' } },
        },
      ],
    };
    const written = mirroredStatus(
      home({ phase: 'Pending', conditions: [scheduled] }),
      guest,
      true,
    );
    expect(written).toEqual({ ...guest, conditions: [scheduled, ...(guest.conditions ?? [])] });
  });

  it('keeps what is the home’s: the binding it recorded, and readiness gates', () => {
    const gate = { type: 'example.com/gate', status: 'True' };
    const written = mirroredStatus(
      home({ phase: 'Pending', conditions: [scheduled, gate] }),
      {
        phase: 'Running',
        conditions: [
          { type: 'PodScheduled', status: 'True', reason: 'AtTheHost', observedGeneration: 4 },
          { type: 'Ready', status: 'True', observedGeneration: 4 },
          { type: 'example.com/other', status: 'True' },
        ],
      },
      true,
    );
    expect(written?.conditions).toEqual([scheduled, { type: 'Ready', status: 'True' }, gate]);
  });

  it.each(['Succeeded', 'Failed'])('a pod that has %s stays so', (phase) => {
    expect(mirroredStatus(home({ phase }), { phase: 'Running' }, true)).toBeUndefined();
  });

  it('a pod that has failed has no ready container, also where its guest says nothing of them', () => {
    const container = { name: 'main', image: 'web', imageID: '', restartCount: 0 };
    const ready = { ...container, ready: true, started: true, state: { running: {} } };
    const unready = { ...ready, ready: false, started: false };
    const running = home({ phase: 'Running', containerStatuses: [ready] });
    const evicted: PodStatus = { phase: 'Failed', reason: 'Evicted' };
    expect(mirroredStatus(running, evicted, false)).toEqual({
      ...evicted,
      containerStatuses: [unready],
    });
    const last: PodStatus = { phase: 'Failed', initContainerStatuses: [ready] };
    expect(mirroredStatus(home({}), last, false)).toEqual({
      phase: 'Failed',
      initContainerStatuses: [unready],
    });
  });

  it('writes nothing when nothing is new', () => {
    const status: PodStatus = { phase: 'Running', podIP: '10.1.0.7', conditions: [scheduled] };
    expect(
      mirroredStatus(home(status), { phase: 'Running', podIP: '10.1.0.7' }, true),
    ).toBeUndefined();
  });

  it('a guest without a status yet leaves the phase as it is', () => {
    expect(mirroredStatus(home({ phase: 'Pending' }), {}, false)).toBeUndefined();
    expect(mirroredStatus(home({}), {}, false)).toEqual({ phase: 'Pending' });
  });

  describe('addresses', () => {
    const here = { podIP: '10.1.0.7', podIPs: [{ ip: '10.1.0.7' }], hostIP: '192.168.0.2' };
    const running: PodStatus = { phase: 'Running', ...here };

    it('stay at the host where the pod networks are not joined', () => {
      expect(mirroredStatus(home({ phase: 'Pending' }), running, false)).toEqual({
        phase: 'Running',
      });
    });

    it('that were brought home before are taken away', () => {
      const written = mirroredStatus(home(running), running, false);
      expect(written).toEqual({ phase: 'Running', podIP: '', podIPs: [], hostIP: '' });
      expect(mirroredStatus(home({ ...running, ...written }), running, false)).toBeUndefined();
    });

    it('stay as they are while nothing is known of the host’s network', () => {
      expect(mirroredStatus(home(running), running, undefined)).toBeUndefined();
      expect(mirroredStatus(home({ phase: 'Pending' }), running, undefined)).toEqual({
        phase: 'Running',
      });
    });
  });

  describe('readiness gates', () => {
    const gate = 'example.com/in-the-load-balancer';
    const guest: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    const gatedPod = (...conditions: PodStatus['conditions'] & object): Pod => ({
      ...home({ phase: 'Running', conditions: [scheduled, ...conditions] }),
      spec: { containers: [], readinessGates: [{ conditionType: gate }] },
    });
    const open = { type: gate, status: 'True' };
    const readyOf = (pod: Pod) =>
      mirroredStatus(pod, guest, false)?.conditions?.find(({ type }) => type === 'Ready')?.status;

    it('hold the pod unready at home until they are open, whatever its guest is', () => {
      expect(readyOf(gatedPod())).toBe('False');
      expect(readyOf(gatedPod({ type: gate, status: 'False' }))).toBe('False');
      expect(readyOf(gatedPod(open))).toBe('True');
    });

    it('that open or close are a drift, and those that stay are none', () => {
      const ready = (status: string) => ({ type: 'Ready', status });
      expect(drifted(gatedPod(open, ready('False')), guest)).toBe(true);
      expect(drifted(gatedPod(ready('True')), guest)).toBe(true);
      expect(drifted(gatedPod(ready('False')), guest)).toBe(false);
      expect(drifted(gatedPod(open, ready('True')), guest)).toBe(false);
    });
  });
});

describe('endedByHost', () => {
  it('a guest that failed for its host’s sake failed by a disruption', () => {
    const conditions = [{ type: 'Ready', status: 'False' }];
    const status = endedByHost({ phase: 'Failed', message: 'deleted at its host', conditions });
    expect(status.conditions).toEqual([
      ...conditions,
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByHost',
        message: 'deleted at its host',
      },
    ]);
  });

  it('what Kubernetes at the host has said of it stays', () => {
    const evicted = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };
    const status = { phase: 'Failed', conditions: [evicted] };
    expect(endedByHost(status)).toEqual(status);
  });

  it.each(['Pending', 'Running', 'Succeeded'])('%s is no failure', (phase) => {
    expect(endedByHost({ phase })).toEqual({ phase });
  });
});
