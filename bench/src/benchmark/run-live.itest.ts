/** The same small trial on real clusters and in virtual time. */
import { askedKubernetes } from '@spillway/testbed';
import { expect, test } from 'vitest';
import { readScenario } from '../scenarios/load.ts';
import { agreementOf, lucks } from './agree.ts';
import type { Cell } from './cells.ts';
import { runLive } from './run-live.ts';
import { runSimulated } from './run-simulated.ts';

/** Two pods a second, so that many exist when the crowd comes: of few, one sample of a quarter of a second is points. */
function grounds(cluster: string, apps: number): string {
  return Array.from(
    { length: apps },
    (_, i) => `
  - kind: fixed
    name: ground-${cluster}-${i}
    pod: { cpu: 1000m, memory: 512Mi }
    at: [${cluster}]
    replicas: 2
    fromS: ${i + 1}`,
  ).join('');
}

const scenario = readScenario(
  `
name: pair
description: Two clusters; one is asked for more than it has.
durationS: 50
load: 1
clusters:
  - { name: lyon, latitude: 45.76, longitude: 4.84 }
  - { name: paris, latitude: 48.86, longitude: 2.35 }
nodes: [{ count: 6, cpu: 4000m, memory: 4Gi }]
demand:${grounds('lyon', 8)}${grounds('paris', 7)}
  - kind: fixed
    name: crowd
    pod: { cpu: 1000m, memory: 512Mi }
    at: [lyon]
    replicas: 14
    fromS: 25
  - kind: fixed
    name: guest
    pod: { cpu: 1000m, memory: 512Mi }
    at: [paris]
    replicas: 2
    fromS: 20
    toS: 40
`,
  'pair.yaml',
);

test('live and simulated › isolated and spillway agree over the whole course, and at the end', async () => {
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
  const live = await runLive(cells, askedKubernetes(), signal);
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
  // Beside 16 at lyon 8 of 14 fit: 6 stay pending alone, and run beside the 14 of paris with Spillway.
  expect(live[0]?.series.runningAtEnd).toEqual([16 + 8, 14]);
  expect(live[1]?.series.runningAtEnd).toEqual([16 + 8, 14 + 6]);
  expect(live[1]?.pendingPodRatioAtEnd).toBe(0);
  expect(live[1]?.processes.map(({ name }) => name)).toContain('agent/lyon');
}, 300_000);
