import { readFileSync } from 'node:fs';
import { isFault } from '@spillway/core';
import type { App, Trial } from '@spillway/simulator';
import { describe, expect, test } from 'vitest';
import { builtInNames, loadScenario, readScenario } from './load.ts';
import { publishedSchemas } from './publish-schema.ts';
import { placeable } from './room.ts';
import { trialOf } from './trial-of.ts';

function builtIn(name: string, load?: number, seed = 1): Trial {
  const scenario = loadScenario(name);
  return trialOf(scenario, { load: load ?? scenario.load, seed });
}

/** Replicas demanded at all homes together at a moment. */
function demandedAt(apps: readonly App[], ms: number): number {
  return apps.reduce((sum, { steps, homes }) => {
    const step = steps.findLast(({ atMs }) => atMs <= ms);
    return sum + (step?.replicas ?? 0) * homes.length;
  }, 0);
}

function meanDemand(trial: Trial, apps: readonly App[]): number {
  const times = Array.from({ length: 500 }, (_, i) => (trial.durationMs * (i + 0.5)) / 500);
  return times.reduce((sum, ms) => sum + demandedAt(apps, ms), 0) / times.length;
}

describe.each(builtInNames())('scenario %s', (name) => {
  test('makes the same trial of the same seed, and another of another', () => {
    expect(builtIn(name).apps).toEqual(builtIn(name).apps);
    if (name !== 'fragmented')
      expect(builtIn(name, undefined, 2).apps).not.toEqual(builtIn(name).apps);
  });

  test('has apps with unique names, homes that exist, and steps in order', () => {
    const { apps, clusters } = builtIn(name);
    expect(new Set(apps.map((app) => app.name)).size).toBe(apps.length);
    for (const { name: app, homes, steps } of apps) {
      expect(app).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      expect(new Set(homes).size).toBe(homes.length);
      expect(homes.every((home) => clusters[home] !== undefined)).toBe(true);
      expect(steps.map(({ atMs }) => atMs)).toEqual(
        steps.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
      );
    }
  });
});

describe('the load', () => {
  test('mck8s › is what is demanded of what fits, once all have come', () => {
    const trial = builtIn('mck8s', 0.8);
    const [app] = trial.apps;
    // 5 clusters · 5 nodes · 3 pods of 1 CPU and 1 GiB in 3.92 CPUs and 3 GiB: 75, of which 60 are asked.
    expect(app && placeable(trial.clusters, app.pod)).toBe(75);
    expect(demandedAt(trial.apps, trial.durationMs / 2)).toBe(60);
    expect(demandedAt(trial.apps, trial.durationMs - 1)).toBe(60);
  });

  test('mck8s › the first location is asked for the most', () => {
    const seeds = Array.from({ length: 10 }, (_, i) => builtIn('mck8s', undefined, i + 1));
    const asked = [0, 1, 2, 3, 4].map((home) =>
      seeds.reduce((sum, { apps }) => {
        const here = apps.filter(({ homes }) => homes.includes(home));
        return (
          sum +
          demandedAt(
            here.map((app) => ({ ...app, homes: [home] })),
            1_800_000,
          )
        );
      }, 0),
    );
    expect(asked[0]).toBe(Math.max(...asked));
    // More than its own 15, ten times.
    expect(asked[0]).toBeGreaterThan(150);
  });

  test('agents › is the mean of the sessions that are there at once', () => {
    const trial = builtIn('agents', 0.9);
    const cpu = trial.apps.filter(({ pod }) => pod.milliGpu === 0);
    const [app] = cpu;
    const wanted = 0.9 * 0.65 * (app === undefined ? 0 : placeable(trial.clusters, app.pod));
    expect(meanDemand(trial, cpu) / wanted).toBeGreaterThan(0.8);
    expect(meanDemand(trial, cpu) / wanted).toBeLessThan(1.2);
  });

  test('edge-day › is the highest of the sum, flash crowds apart', () => {
    const trial = builtIn('edge-day', 0.8);
    const medium = trial.apps.filter(({ pod }) => pod.milliCpu === 1_000);
    const [app] = medium;
    const wanted = 0.8 * 0.7 * (app === undefined ? 0 : placeable(trial.clusters, app.pod));
    const sums = Array.from({ length: 144 }, (_, i) => demandedAt(medium, i * 600_000));
    expect(Math.max(...sums) / wanted).toBeGreaterThan(0.95);
    expect(Math.max(...sums) / wanted).toBeLessThan(1.15);
  });

  test('growth › is the same for each cluster, however many there are', () => {
    const scenario = loadScenario('growth');
    const means = [50, 400].map((clusters) => {
      const trial = trialOf(scenario, { load: 0.7, seed: 1, clusters });
      return meanDemand(trial, trial.apps) / clusters;
    });
    // 9 fit in each cluster (3 nodes · 3 pods of 1.2 CPUs): 6.3 are asked.
    for (const mean of means) expect(mean).toBeCloseTo(6.3, 0);
  });
});

describe('a scenario file', () => {
  test('that is wrong says where and what', () => {
    const text = readFileSync(new URL('../../scenarios/mck8s.yaml', import.meta.url), 'utf8');
    const bad = text.replace('skew: 1', 'skewed: 1').replace('cpu: 3920m', 'cpu: lots');
    expect(() => readScenario(bad, 'mine.yaml')).toThrow(/mine\.yaml is no scenario/);
    try {
      readScenario(bad, 'mine.yaml');
    } catch (error) {
      expect(isFault(error) && error.message).toContain(
        'nodes.0.cpu: expected a Kubernetes quantity',
      );
      expect(isFault(error) && error.message).toContain('demand.0');
    }
  });

  test('that is not there is told, with those that are', () => {
    expect(() => loadScenario('nothing')).toThrow(
      /no scenario nothing: there are agents, edge-day/,
    );
  });

  test.each(publishedSchemas())(
    'has a published schema that is up to date: $file',
    ({ file, text }) => {
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );
});
