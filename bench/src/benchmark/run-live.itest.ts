/** The same small trial on real clusters and in virtual time. */
import { expect, test } from 'vitest';
import { readScenario } from '../scenarios/load.ts';
import { agreementOf, lucks } from './agree.ts';
import type { Cell } from './cells.ts';
import { runLive } from './run-live.ts';
import { runSimulated } from './run-simulated.ts';

const scenario = readScenario(
  `
name: pair
description: Two clusters; one is asked for twice what it has.
durationS: 30
load: 1
clusters:
  - { name: lyon, latitude: 45.76, longitude: 4.84 }
  - { name: paris, latitude: 48.86, longitude: 2.35 }
nodes: [{ count: 2, cpu: 4000m, memory: 4Gi }]
demand:
  - kind: fixed
    name: crowd
    pod: { cpu: 1000m, memory: 512Mi }
    at: [lyon]
    replicas: 14
    fromS: 2
  - kind: fixed
    name: guest
    pod: { cpu: 1000m, memory: 512Mi }
    at: [paris]
    replicas: 2
    fromS: 1
    toS: 20
`,
  'pair.yaml',
);

// Known to fail since 24 November 2026: live Spillway is 5 to 8 points from the simulated course for some
// seconds, where 2 are allowed; isolated agrees. To be mended in the agent or the model, not here.
test.skip('live and simulated › isolated and spillway agree over the whole course, and at the end', async () => {
  const cells = (['isolated', 'spillway'] as const).map(
    (system): Cell => ({
      source: { kind: 'scenario', scenario },
      system,
      mode: 'live',
      load: 1,
      seed: 1,
    }),
  );
  const { signal } = new AbortController();
  const live = await runLive(cells, signal);
  const simulated = await runSimulated(
    cells.flatMap((cell) =>
      Array.from({ length: lucks }, (_, luck): Cell => ({ ...cell, mode: 'simulated', luck })),
    ),
    signal,
  );
  expect(live.map(({ system }) => system)).toEqual(['isolated', 'spillway']);
  for (const [i, real] of live.entries()) {
    const agreement = agreementOf(real, simulated.slice(i * lucks, (i + 1) * lucks));
    expect(agreement.runningLive, real.system).toEqual(agreement.runningSimulated);
    expect(agreement.apart, real.system).toBeLessThanOrEqual(0.02);
  }
  // 8 of 14 fit at lyon: 6 stay pending alone, and run at paris with Spillway.
  expect(live[0]?.series.runningAtEnd).toEqual([8, 0]);
  expect(live[1]?.series.runningAtEnd).toEqual([8, 6]);
  expect(live[1]?.pendingPodRatioAtEnd).toBe(0);
  expect(live[1]?.processes.map(({ name }) => name)).toContain('agent/lyon');
}, 300_000);
