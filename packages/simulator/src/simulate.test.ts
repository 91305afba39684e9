import { describe, expect, test } from 'vitest';
import type { Recording } from './recording.ts';
import { simulate, simulatedSystems } from './simulate.ts';
import type { App, Trial } from './trial.ts';

const node = { milliCpu: 4_000, memoryMib: 4_096, milliGpu: 0 };
const pod = { milliCpu: 1_000, memoryMib: 1_024, milliGpu: 0 };

/** Three clusters of two nodes for four pods each, on a line: 10 ms from one to the next. */
function trialWith(apps: readonly App[], changes: Partial<Trial> = {}): Trial {
  return {
    scenario: 'line',
    load: 1,
    seed: 7,
    durationMs: 300_000,
    clusters: ['a', 'b', 'c'].map((name) => ({ name, nodes: [node, node] })),
    rttMs: (a, b) => 10 * Math.abs(a - b),
    links: { jitter: 0, loss: 0, cuts: [] },
    apps,
    ...changes,
  };
}

function app(name: string, home: number, replicas: number, changes: Partial<App> = {}): App {
  return { name, pod, homes: [home], steps: [{ atMs: 1_000, replicas }], ...changes };
}

function running({ pods, endMs }: Recording): number {
  return pods.filter(
    ({ runningMs, endedMs }) => runningMs !== undefined && (endedMs ?? endMs) >= endMs,
  ).length;
}

function hostsOf({ pods }: Recording): readonly number[] {
  return [0, 1, 2].map((host) => pods.filter((each) => each.host === host).length);
}

describe.each(simulatedSystems)('simulate › %s', (system) => {
  const trial = trialWith([
    app('crowd', 0, 12),
    app('few', 1, 2, {
      steps: [
        { atMs: 2_000, replicas: 2 },
        { atMs: 150_000, replicas: 0 },
      ],
    }),
  ]);

  test('gives the same recording of the same trial', () => {
    expect(simulate(trial, system)).toEqual(simulate(trial, system));
  });

  test('runs what fits, fills no node too far, and takes away what is not wanted any more', () => {
    const recording = simulate(trial, system);
    const few = recording.pods.filter(({ app: of, home }) => of === 1 && home === 1);
    expect(few.every(({ endedMs }) => endedMs !== undefined)).toBe(true);
    for (const host of [0, 1, 2]) {
      for (const on of [0, 1]) {
        const alive = recording.pods.filter(
          (each) => each.host === host && each.node === on && each.endedMs === undefined,
        );
        expect(alive.length).toBeLessThanOrEqual(4);
      }
    }
    expect(recording.pods.filter(({ evicted }) => evicted)).toEqual([]);
  });
});

describe('simulate', () => {
  test('isolated › leaves pending what its own cluster has no room for', () => {
    const recording = simulate(trialWith([app('crowd', 0, 12)]), 'isolated');
    expect(hostsOf(recording)).toEqual([8, 0, 0]);
    expect(recording.pods.filter(({ runningMs }) => runningMs === undefined)).toHaveLength(4);
  });

  test('spillway › offloads to the nearest first, within a second', () => {
    const recording = simulate(trialWith([app('crowd', 0, 18)]), 'spillway');
    expect(hostsOf(recording)).toEqual([8, 8, 2]);
    expect(running(recording)).toBe(18);
    for (const { createdMs, boundMs = Number.NaN } of recording.pods) {
      expect(boundMs - createdMs).toBeLessThan(1_000);
    }
  });

  test('spillway › sends nothing where it can’t run: fragmented room is no room', () => {
    const big = { ...pod, milliCpu: 3_000 };
    const small = { ...pod, milliCpu: 1_500 };
    // One small pod on each of six nodes leaves 2.5 CPUs each: 15 in all, and no room for 3.
    const apps = [0, 1, 2].map((home) => app(`small-${home}`, home, 2, { pod: small }));
    const late = { pod: big, steps: [{ atMs: 60_000, replicas: 3 }] };
    const recording = simulate(trialWith([...apps, app('big', 0, 3, late)]), 'spillway');
    const bigs = recording.pods.filter(({ app: of }) => of === 3);
    expect(bigs).toHaveLength(3);
    expect(bigs.every(({ host }) => host === undefined)).toBe(true);
  });

  test.each(['handed', 'fetched'] as const)(
    'spillway › does without whom a cut keeps away, and comes back to them: adverts %s',
    (adverts) => {
      const cuts = [{ fromMs: 0, toMs: 120_000, clusters: [1] }];
      const apps = [
        app('crowd', 0, 18),
        app('later', 0, 2, { steps: [{ atMs: 240_000, replicas: 2 }] }),
      ];
      const links = { jitter: 0, loss: 0, cuts };
      const recording = simulate(trialWith(apps, { links }), 'spillway', { adverts });
      const early = recording.pods.filter(
        ({ boundMs = 0, host }) => host === 1 && boundMs < 120_000,
      );
      expect(early).toEqual([]);
      // 8 at home and 8 at c; the 4 others run at b when the cut has healed.
      expect(hostsOf(recording)).toEqual([8, 4, 8]);
      expect(running(recording)).toBe(20);
    },
  );

  test('spillway › agents that fetch adverts do what those do that are handed them, to the byte', () => {
    // All want more than they have, at different times, and let go of it: many wait, are refused, and hear news.
    const apps = [0, 1, 2].map((home) =>
      app(`tide-${home}`, home, 0, {
        steps: [0, 1, 2, 3, 4, 5].map((step) => ({
          atMs: 7_000 * (home + 3 * step),
          replicas: step % 2 === 0 ? 11 : 3,
        })),
      }),
    );
    const links = { jitter: 0.2, loss: 0.02, cuts: [] };
    const trial = trialWith(apps, { links, rttMs: (a, b) => 33.3 * Math.abs(a - b) });
    const handed = simulate(trial, 'spillway', { adverts: 'handed' });
    expect(handed.gossip?.slotsRefused).toBeGreaterThan(10);
    expect(simulate(trial, 'spillway', { adverts: 'fetched' })).toEqual(handed);
  });

  test('kubefed-rsp-rebalance › keeps asking for what could not run, on top', () => {
    const recording = simulate(trialWith([app('crowd', 0, 12)]), 'kubefed-rsp-rebalance');
    const pending = recording.pods.filter(
      ({ runningMs, endedMs }) => runningMs === undefined && endedMs === undefined,
    );
    expect(running(recording)).toBe(12);
    expect(pending).toHaveLength(4);
  });

  test('mck8s › deploys all or nothing', () => {
    const recording = simulate(trialWith([app('crowd', 0, 30)]), 'mck8s');
    expect(recording.pods).toEqual([]);
  });
});
