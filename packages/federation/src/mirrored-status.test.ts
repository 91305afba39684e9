import type { Pod, PodStatus } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { mirroredStatus } from './mirrored-status.ts';

const scheduled = { type: 'PodScheduled', status: 'True' };

function home(status: PodStatus): Pod {
  return { metadata: { name: 'web' }, spec: { containers: [] }, status };
}

describe('mirroredStatus', () => {
  it('brings phase, times, addresses and containers home, with exit codes', () => {
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
    const written = mirroredStatus(home({ phase: 'Pending', conditions: [scheduled] }), guest);
    expect(written).toEqual({ ...guest, conditions: [scheduled, ...(guest.conditions ?? [])] });
  });

  it('keeps what is the home’s: the binding it recorded, and readiness gates', () => {
    const gate = { type: 'example.com/gate', status: 'True' };
    const written = mirroredStatus(home({ phase: 'Pending', conditions: [scheduled, gate] }), {
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True', reason: 'AtTheHost', observedGeneration: 4 },
        { type: 'Ready', status: 'True', observedGeneration: 4 },
        { type: 'example.com/other', status: 'True' },
      ],
    });
    expect(written?.conditions).toEqual([scheduled, { type: 'Ready', status: 'True' }, gate]);
  });

  it.each(['Succeeded', 'Failed'])('a pod that has %s stays so', (phase) => {
    expect(mirroredStatus(home({ phase }), { phase: 'Running' })).toBeUndefined();
  });

  it('writes nothing when nothing is new', () => {
    const status: PodStatus = { phase: 'Running', podIP: '10.1.0.7', conditions: [scheduled] };
    expect(mirroredStatus(home(status), { phase: 'Running', podIP: '10.1.0.7' })).toBeUndefined();
  });

  it('a guest without a status yet leaves the phase as it is', () => {
    expect(mirroredStatus(home({ phase: 'Pending' }), {})).toBeUndefined();
    expect(mirroredStatus(home({}), {})).toEqual({ phase: 'Pending' });
  });
});
