import type { Pod } from '@spillway/core';
import { type App, type Trial, trialNamespace } from '@spillway/simulator';
import {
  equalNodes,
  type KubeFed,
  startKubeFed,
  startTestbed,
  type LocalTestbed,
} from '@spillway/testbed';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KubeFedDriver } from './kubefed-driver.ts';
import type { KubeFedVariant } from './kubefed-objects.ts';

const names = ['paris', 'lyon'];
let testbed: LocalTestbed;
let kubefed: KubeFed;
let driver: KubeFedDriver;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: 'kubefed', city: undefined, nodes: [] },
      ...names.map((name) => ({ name, city: undefined, nodes: equalNodes(2) })),
    ],
  });
  kubefed = await startKubeFed(testbed, 'kubefed');
});

afterEach(async () => {
  await driver.clear();
  expect(await podsByMember()).toEqual({});
});

afterAll(async () => await testbed.stop());

function app(name: string, homes: readonly number[], ...steps: readonly [number, number][]): App {
  return {
    name,
    pod: { milliCpu: 500, memoryMib: 64, milliGpu: 0 },
    homes,
    steps: steps.map(([atMs, replicas]) => ({ atMs, replicas })),
  };
}

function trialOf(durationMs: number, ...apps: readonly App[]): Trial {
  return {
    scenario: 'tried',
    load: 1,
    seed: 1,
    durationMs,
    clusters: names.map((name) => ({ name, nodes: [] })),
    rttMs: () => 0,
    links: { jitter: 0, loss: 0, cuts: [] },
    apps,
  };
}

async function play(variant: KubeFedVariant, trial: Trial): Promise<void> {
  driver = new KubeFedDriver({ kubefed, trial, variant });
  await driver.start();
  await driver.play(new AbortController().signal);
}

/** Running pods, by `member/app`. */
async function podsByMember(): Promise<Readonly<Record<string, number>>> {
  const counts = new Map<string, number>();
  for (const { name, client } of kubefed.members) {
    const path = `/api/v1/namespaces/${trialNamespace}/pods`;
    const { items } = await client.get<{ items: Pod[] }>(path);
    for (const { metadata, status } of items) {
      const key = `${name}/${metadata.labels?.['app']}`;
      const running = status?.phase === 'Running' && metadata.deletionTimestamp === undefined;
      counts.set(key, (counts.get(key) ?? 0) + (running ? 1 : 0));
    }
  }
  return Object.fromEntries(counts);
}

describe('KubeFedDriver', () => {
  test('static: as many at each home as asked there, followed step by step', async () => {
    const trial = trialOf(
      9_000,
      app('both', [0, 1], [0, 2], [3_000, 3]),
      app('one', [1], [0, 1], [500, 4]),
      app('gone', [0], [0, 2], [4_000, 0]),
    );
    await play('kubefed-static', trial);
    expect(await podsByMember()).toEqual({ 'paris/both': 3, 'lyon/both': 3, 'lyon/one': 4 });
  });

  test('by preference: the sum over the homes, at the homes but for what KubeFed plans as pods start', async () => {
    const trial = trialOf(
      9_000,
      app('both', [0, 1], [0, 2]),
      app('one', [1], [500, 4]),
      app('gone', [0], [0, 2], [4_000, 0]),
    );
    await play('kubefed-rsp', trial);
    const { 'paris/one': away = 0, ...atHome } = await podsByMember();
    // A plan that is made while only some of lyon's 4 run keeps those, and counts them against lyon's share of
    // the rest. So it rounds one up for paris, which then stays there.
    expect(away).toBeLessThanOrEqual(1);
    expect(atHome).toEqual({ 'paris/both': 2, 'lyon/both': 2, 'lyon/one': 4 - away });
    const path = `/apis/scheduling.kubefed.io/v1alpha1/namespaces/${trialNamespace}/replicaschedulingpreferences`;
    const { items } = await kubefed.host.client.get<{ items: { spec: object }[] }>(path);
    expect(items.map(({ spec }) => spec)).toEqual([
      {
        targetKind: 'FederatedDeployment',
        // 2 at each of two homes.
        totalReplicas: 4,
        rebalance: false,
        clusters: { paris: { weight: 1_000 }, lyon: { weight: 1_000 } },
      },
      {
        targetKind: 'FederatedDeployment',
        totalReplicas: 4,
        rebalance: false,
        clusters: { paris: { weight: 1 }, lyon: { weight: 1_000 } },
      },
    ]);
  });

  test('with rebalance: a step up and a step down, and one that comes again after it went', async () => {
    const trial = trialOf(
      20_000,
      app('swings', [0], [0, 1], [2_000, 4], [6_000, 2]),
      app('again', [1], [0, 2], [3_000, 0], [3_500, 1]),
    );
    await play('kubefed-rsp-rebalance', trial);
    expect(await podsByMember()).toEqual({ 'paris/swings': 2, 'lyon/again': 1 });
  });

  test('ends when it is told to, and with the reason', async () => {
    driver = new KubeFedDriver({
      kubefed,
      trial: trialOf(600_000, app('long', [0], [0, 1])),
      variant: 'kubefed-static',
    });
    await driver.start();
    const controller = new AbortController();
    const played = driver.play(controller.signal);
    controller.abort(new Error('interrupted'));
    await expect(played).rejects.toThrow('interrupted');
  });

  test('a trial during which KubeFed ended counts for nothing', async () => {
    await kubefed.stop();
    await expect(play('kubefed-static', trialOf(100))).rejects.toThrow('KubeFed has ended');
    kubefed = await startKubeFed(testbed, 'kubefed');
  });

  test('refuses a trial with a cluster that is no member', () => {
    const trial = { ...trialOf(1_000), clusters: [{ name: 'rome', nodes: [] }] };
    expect(() => new KubeFedDriver({ kubefed, trial, variant: 'kubefed-static' })).toThrow(
      'tried: rome is no member of KubeFed',
    );
  });
});
