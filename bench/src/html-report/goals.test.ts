import { describe, expect, test } from 'vitest';
import type { Result, SystemName } from '../results/result.ts';
import { goalsOf } from './goals.ts';
import { settingsOf } from './settings.ts';
import { fakeReport } from './testing/fake-report.ts';

const [any] = fakeReport().results as [Result, ...Result[]];

describe('goalsOf', () => {
  test('allows half a point above the oracle in the same trial', () => {
    // 1.3 − 1 = 0.3, 2.4 − 2 = 0.4, 4 − 3 = 1: the median, 0.4, is within 0.5.
    const near = verdicts(
      runs('spillway', [0.013, 0.024, 0.04]),
      runs('oracle', [0.01, 0.02, 0.03]),
    );
    expect(near).toEqual([true]);
    // 1.6 − 1 = 0.6.
    expect(verdicts(runs('spillway', [0.016]), runs('oracle', [0.01]))).toEqual([false]);
  });

  test('allows a whole point on traces, and has no such goal elsewhere', () => {
    const over = [...runs('spillway', [0.018]), ...runs('oracle', [0.01])];
    const on = (scenario: string): boolean[] =>
      verdicts(over.map((result) => ({ ...result, scenario })));
    expect(on('trace')).toEqual([true]);
    expect(on('agents')).toEqual([false]);
    expect(on('fragmented')).toEqual([]);
  });

  test('wants a tenth of the best KubeFed’s where the oracle leaves none', () => {
    const against = (best: number): boolean | undefined =>
      verdicts(
        runs('spillway', [0.001]),
        runs('oracle', [0]),
        runs('kubefed-static', [0.5]),
        runs('kubefed-rsp', [best]),
      )[1];
    expect(against(0.01)).toBe(true);
    expect(against(0.009)).toBe(false);
  });

  test('does not compare with KubeFed where the oracle leaves pods pending too', () => {
    const goals = verdicts(
      runs('spillway', [0.01]),
      runs('oracle', [0.01]),
      runs('kubefed-rsp', [0.02]),
    );
    expect(goals).toEqual([true]);
  });

  test('allows offloaded pods to be a tenth farther than the nearest room', () => {
    const at = (mean: number): boolean[] =>
      verdicts(
        runs('spillway', [0]).map((result) => ({ ...result, offloadRttMs: { mean, best: 20 } })),
      );
    expect(at(22)).toEqual([true]);
    expect(at(22.2)).toEqual([false]);
  });
});

function verdicts(...results: readonly Result[][]): boolean[] {
  return settingsOf(results.flat()).flatMap(({ loads }) =>
    loads.flatMap((group) => goalsOf(group).map(({ met }) => met)),
  );
}

function runs(system: SystemName, ratios: readonly number[]): Result[] {
  return ratios.map((pendingPodRatio, seed) => ({
    ...any,
    system,
    seed,
    pendingPodRatio,
    offloadRttMs: null,
  }));
}
