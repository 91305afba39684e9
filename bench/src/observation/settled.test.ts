import type { Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { isDecided } from './settled.ts';

const alone = new Set(['default-scheduler']);
const withSpillway = new Set(['default-scheduler', 'spillway']);

function pod(spec: Partial<Pod['spec']>, status: Pod['status'] = { phase: 'Pending' }): Pod {
  return { metadata: { name: 'web' }, spec: { containers: [], ...spec }, status };
}

function refused(reason: string): Pod['status'] {
  return { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason }] };
}

describe('what a pod’s lot is', () => {
  test('is open while its scheduler has not looked at it', () => {
    expect(isDecided(pod({}), alone)).toBe(false);
    expect(isDecided(pod({ schedulerName: 'spillway' }), withSpillway)).toBe(false);
  });

  test('is decided where the scheduler that it names is not there: it stays pending', () => {
    expect(isDecided(pod({ schedulerName: 'spillway' }), alone)).toBe(true);
    expect(isDecided(pod({ schedulerName: 'volcano' }), withSpillway)).toBe(true);
  });

  test.each(['Unschedulable', 'SchedulingGated'])('is decided when it is %s', (reason) => {
    expect(isDecided(pod({}, refused(reason)), alone)).toBe(true);
  });

  test('is open while it is bound and does not run yet, no matter what bound it', () => {
    const bound = { nodeName: 'node-1', schedulerName: 'volcano' };
    expect(isDecided(pod(bound), alone)).toBe(false);
    expect(isDecided(pod(bound, { phase: 'Running' }), alone)).toBe(true);
    expect(isDecided(pod(bound, { phase: 'Failed' }), alone)).toBe(true);
  });
});
