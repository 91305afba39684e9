import { describe, expect, test } from 'vitest';
import { simulate } from '@spillway/simulator';
import { measure } from '../results/measure.ts';
import type { Report, Result } from '../results/result.ts';
import { loadScenario } from '../scenarios/load.ts';
import { trialOf } from '../scenarios/trial-of.ts';
import { compare } from './compare.ts';

const trial = trialOf(loadScenario('fragmented'), { load: 1, seed: 1, durationMs: 60_000 });
const sample = measure({
  system: 'isolated',
  mode: 'simulated',
  trial,
  recording: simulate(trial, 'isolated'),
});

function report(...results: readonly Partial<Result>[]): Report {
  return {
    schemaVersion: 1,
    command: '',
    startedAt: '2026-01-01T00:00:00Z',
    complete: true,
    versions: {},
    machine: { cpu: '', cores: 1, memoryGib: 1, os: '' },
    results: results.map((changes) => ({ ...sample, ...changes })),
    growth: [],
  };
}

describe('compare', () => {
  test('takes the differences of the runs that both have', () => {
    const before = report(
      { seed: 1, pendingPodRatio: 0.1 },
      { seed: 2, pendingPodRatio: 0.3 },
      { seed: 3, pendingPodRatio: 0.9 },
    );
    const after = report({ seed: 1, pendingPodRatio: 0.05 }, { seed: 2, pendingPodRatio: 0.15 });
    const pending = compare(before, after).find(({ figure }) => figure === 'pending, %');
    // 5 − 10 and 15 − 30: the median of −5 and −15.
    expect(pending?.difference.median).toBeCloseTo(-10);
    expect(pending?.pairs).toBe(2);
    expect(pending?.before).toBeCloseTo(20);
  });

  test('finds nothing in runs of different loads', () => {
    expect(compare(report({ load: 0.5 }), report({ load: 0.6 }))).toEqual([]);
  });
});
