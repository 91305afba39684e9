import type { PodRecord, Trial } from '@spillway/simulator';
import { describe, expect, test } from 'vitest';
import { measure } from './measure.ts';

/** Two clusters of one node for two pods each, and an app of 2 replicas at the first for all 100 s. */
const node = { milliCpu: 2_000, memoryMib: 2_048, milliGpu: 0 };
const trial: Trial = {
  scenario: 'two',
  load: 0.5,
  seed: 1,
  durationMs: 100_000,
  clusters: [
    { name: 'a', nodes: [node] },
    { name: 'b', nodes: [node] },
    { name: 'c', nodes: [node] },
  ],
  rttMs: (a, b) => 10 * Math.abs(a - b),
  links: { jitter: 0, loss: 0, cuts: [] },
  apps: [
    {
      name: 'web',
      pod: { milliCpu: 1_000, memoryMib: 1_024, milliGpu: 0 },
      homes: [0],
      steps: [{ atMs: 0, replicas: 2 }],
    },
  ],
};

function pod(changes: Partial<PodRecord>): PodRecord {
  return {
    app: 0,
    home: 0,
    createdMs: 0,
    boundMs: undefined,
    runningMs: undefined,
    host: undefined,
    node: undefined,
    endedMs: undefined,
    evicted: false,
    ...changes,
  };
}

function measured(...pods: readonly PodRecord[]) {
  return measure({
    system: 'spillway',
    mode: 'simulated',
    trial,
    recording: { pods, endMs: 100_000 },
  });
}

describe('measure', () => {
  test('weighs pending pods by time', () => {
    // One runs from 10 s on, one never: pending 10 + 100 of 100 + 100 existing seconds.
    const result = measured(pod({ boundMs: 1_000, runningMs: 10_000, host: 0, node: 0 }), pod({}));
    expect(result.pendingPodRatio).toBeCloseTo(110 / 200);
    expect(result.pendingPodRatioAtEnd).toBe(1 / 2);
    expect(result.neverRan).toBe(1);
    // 2 replicas demanded for 100 s; one ran for 90 s.
    expect(result.unservedReplicaRatio).toBeCloseTo(1 - 90 / 200);
    expect(result.waitMs).toEqual({ p50: 10_000, p95: 10_000, p99: 10_000 });
    expect(result.createdToBoundMs?.p50).toBe(1_000);
  });

  test('counts no replica beyond demand as served, and none that was not created as pending', () => {
    const running = pod({ boundMs: 0, runningMs: 0, host: 0, node: 0 });
    expect(measured(running, running, running).unservedReplicaRatio).toBe(0);
    expect(measured().pendingPodRatio).toBe(0);
    expect(measured().unservedReplicaRatio).toBe(1);
  });

  test('takes room for none that another pod was on its way to', () => {
    // b is full with the two that are bound there at 20.5 s. The one to c at 20 s comes within their second.
    // The one at 19 s does not.
    const near = pod({ createdMs: 18_000, boundMs: 20_500, host: 1, node: 0 });
    const away = (boundMs: number) => pod({ createdMs: 18_000, boundMs, host: 2, node: 0 });
    expect(measured(near, near, away(20_000)).offloadRttMs?.best).toBeCloseTo(
      (10 + 10 + 20) / 3,
      1,
    );
    expect(measured(near, near, away(19_000)).offloadRttMs?.best).toBe(10);
  });

  test('compares the offloads’ RTT with the nearest room there was', () => {
    // Two fill b at 20 s and 30 s, so at 40 s only c has room. The pod at 20 s could have gone to b.
    const result = measured(
      pod({ boundMs: 20_000, runningMs: 20_000, host: 2, node: 0 }),
      pod({ boundMs: 30_000, runningMs: 30_000, host: 1, node: 0 }),
      pod({ boundMs: 35_000, runningMs: 35_000, host: 1, node: 0 }),
      pod({ boundMs: 40_000, runningMs: 40_000, host: 2, node: 0 }),
    );
    expect(result.offloadedShare).toBe(1);
    expect(result.offloadRttMs).toEqual({
      mean: (20 + 10 + 10 + 20) / 4,
      best: (10 + 10 + 10 + 20) / 4,
    });
    expect(result.series.flows[0]).toEqual([0, 2, 2]);
  });

  test('ends a pod’s existence with the trial', () => {
    const late = pod({ createdMs: 90_000, runningMs: 120_000, boundMs: 91_000, host: 0, node: 0 });
    const result = measured(late);
    expect(result.pendingPodRatio).toBe(1);
    expect(result.series.course.at(-1)).toEqual({
      atMs: 100_000,
      existing: 1,
      pending: 1,
      demanded: 2,
      served: 0,
    });
  });

  test('uses the most used resource for utilisation', () => {
    // 1 of 6 CPUs and 1 of 6 GiB for half the time.
    const half = pod({ boundMs: 50_000, runningMs: 50_000, host: 0, node: 0 });
    expect(measured(half).utilisation).toBeCloseTo(1 / 12);
  });
});
