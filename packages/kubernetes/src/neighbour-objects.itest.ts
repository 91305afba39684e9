import { execFileSync } from 'node:child_process';
import type { WallMs } from '@spillway/core';
import { ensureBinaries } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { customResourcesPath, servedCustomResources } from './custom-resources.ts';
import { asOfMsMax, gapMs, NeighbourObjects } from './neighbour-objects.ts';
import type { NeighbourFacts, NeighbourStatus } from './neighbour-status.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { BadRoad } from './testing/bad-road.ts';
import { installCrds } from './testing/crds.ts';
import { factsOf } from './testing/neighbour-facts.ts';

interface Neighbour {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly status?: NeighbourStatus;
}

const path = `${customResourcesPath}/neighbours`;
const suspectMs = 10_000;
const silentMs = 30_000;
const forgottenMs = 3_600_000;
const t0 = 1_800_000_000_000;

let agent: AgentCluster;
let road: BadRoad;
let api: ApiClient;

beforeAll(async () => {
  agent = await startAgentCluster();
  road = await BadRoad.start(agent.cluster, agent.kubeconfig);
  api = new ApiClient({ kubeconfig: road.kubeconfig });
});

afterAll(async () => {
  api.close();
  await road.stop();
  await agent.stop();
});

function keeper() {
  const objects = new NeighbourObjects({ api, suspectMs, silentMs, forgottenMs });
  return (facts: readonly NeighbourFacts[], afterMs: number) =>
    objects.keep(facts, (t0 + afterMs) as WallMs, (_, error) => {
      throw error;
    });
}

async function there(): Promise<readonly Neighbour[]> {
  return (await agent.cluster.client.get<{ items: readonly Neighbour[] }>(path)).items;
}

/** Of the object of `cluster`. */
const writes = (cluster = 'lyon'): number =>
  road.asked.filter(({ method, path: at }) => method === 'PATCH' && at.includes(`/${cluster}/`))
    .length;

describe('without the CRD', () => {
  test('nothing is served, nothing is written, and that is no fault', async () => {
    expect([...(await servedCustomResources(api))]).toEqual([]);
    expect(await keeper()([factsOf('lyon')], 0)).toBe(false);
  });
});

describe('with the CRD', () => {
  beforeAll(async () => await installCrds(agent.cluster));

  test('it is served', async () => {
    expect([...(await servedCustomResources(api))]).toContain('neighbours');
  });

  test('a neighbour is shown, and kubectl prints it on 80 columns', async () => {
    const facts = [
      factsOf('lyon'),
      factsOf('oslo', { state: 'gone', link: 'none', rttMs: 31.8, rttMeasured: false }),
      factsOf('saint-malo-2', { cordoned: true }),
    ];
    expect(await keeper()(facts, 0)).toBe(true);
    const { kubectl } = await ensureBinaries();
    const get = (...args: string[]): string =>
      execFileSync(kubectl, ['--kubeconfig', agent.cluster.kubeconfig, 'get', ...args], {
        encoding: 'utf8',
      });
    const [header = '', ...rows] = get('nb').trimEnd().split('\n');
    // The clock of this test is not the API server's: ages of two digits take the place of what it prints.
    const cordon = ',cordoned'.length;
    expect(header.indexOf('HEARD') + 'HEARD   AS OF'.length - cordon).toBeLessThanOrEqual(80);
    expect(header.split(/\s{2,}/)).toEqual([
      'NAME',
      'STATE',
      'RTT',
      'ROOM',
      'OURS',
      'THEIRS',
      'HEARD',
      'AS OF',
    ]);
    expect(rows.map((row) => row.split(/\s{2,}/).slice(0, 6))).toEqual([
      ['lyon', 'alive', '12ms', '24 x 1/1Gi, 2 GPU', '4', '1'],
      ['oslo', 'gone', '~32ms', '24 x 1/1Gi, 2 GPU', '4', '1'],
      ['saint-malo-2', 'alive,cordoned', '12ms', '24 x 1/1Gi, 2 GPU', '4', '1'],
    ]);
    const wide = get('neighbours', '-o', 'wide');
    expect(wide).toMatch(
      /LINK +GUESTS +CPU FREE +MEMORY FREE +GPU FREE +ADDRESS +AGE\n.*direct +Open +24 +48.2Gi +2 +\/ip4\/192.0.2.1\/tcp\/7420/,
    );
  });

  test('is written again only when a person would see it, and not too often', async () => {
    const keep = keeper();
    await keep([factsOf('lyon')], 10_000);
    const before = writes();
    for (let ms = 11_000; ms < 50_000; ms += 1_000) {
      await keep([factsOf('lyon', { rttMs: 12 + (ms % 3_000) / 3_000 })], ms);
    }
    expect(writes() - before).toBe(0);
    // Every second another count, for 20 s: at 50, 55, 60 and 65 s.
    for (let i = 0; i < 20; i++)
      await keep([factsOf('lyon', { podsThere: i })], 50_000 + 1_000 * i);
    expect(writes() - before).toBe(20_000 / gapMs);
  });

  test('the time last heard grows no older than a minute', async () => {
    const keep = keeper();
    const heard = (ms: number) => [factsOf('lyon', { lastHeard: (t0 + ms) as WallMs })];
    await keep(heard(100_000), 100_000);
    const before = writes();
    for (let ms = 101_000; ms <= 400_000; ms += 1_000) await keep(heard(ms), ms);
    expect(writes() - before).toBe(5);
  });

  test('says of what moment it is, even of a neighbour that says nothing', async () => {
    const keep = keeper();
    const silent = [factsOf('lyon', { state: 'gone', lastHeard: t0 as WallMs })];
    const asOf = async (): Promise<number> => {
      const lyon = (await there()).find(({ metadata }) => metadata.name === 'lyon');
      return Date.parse(lyon?.status?.asOf ?? '') - t0;
    };
    await keep(silent, 410_000);
    expect(await asOf()).toBe(410_000);
    await keep(silent, 410_000 + asOfMsMax - 1_000);
    expect(await asOf()).toBe(410_000);
    await keep(silent, 410_000 + asOfMsMax);
    expect(await asOf()).toBe(410_000 + asOfMsMax);
  });

  test('nothing that was said before stays: the status is replaced', async () => {
    const keep = keeper();
    await keep([factsOf('lyon', { attributes: { region: 'eu', tier: 'spot' } })], 500_000);
    await keep([factsOf('lyon', { attributes: { region: 'eu' } })], 506_000);
    const lyon = (await there()).find(({ metadata }) => metadata.name === 'lyon');
    expect(lyon?.status?.attributes).toEqual({ region: 'eu' });
  });

  test('is made again when someone has deleted it', async () => {
    const keep = keeper();
    await keep([factsOf('lyon')], 600_000);
    await agent.cluster.client.call('DELETE', `${path}/lyon`);
    await keep([factsOf('lyon', { podsThere: 9 })], 606_000);
    await keep([factsOf('lyon', { podsThere: 9 })], 607_000);
    const lyon = (await there()).find(({ metadata }) => metadata.name === 'lyon');
    expect(lyon?.status?.podsThere).toBe(9);
  });

  test('one that a former agent knew is gone when it stays silent, and removed in the end', async () => {
    await keeper()([factsOf('oslo', { lastHeard: (t0 + 700_000) as WallMs })], 700_000);
    const keep = keeper();
    const stateOf = async (name: string): Promise<string | undefined> =>
      (await there()).find(({ metadata }) => metadata.name === name)?.status?.state;
    await keep([], 710_000);
    expect(await stateOf('oslo')).toBe('alive');
    await keep([], 710_000 + suspectMs);
    expect(await stateOf('oslo')).toBe('suspect');
    await keep([], 710_000 + silentMs);
    expect(await stateOf('oslo')).toBe('gone');
    await keep([], 700_000 + forgottenMs + gapMs);
    expect(await there()).toEqual([]);
  });

  test('a CRD that is removed while the agent runs is noticed', async () => {
    const keep = keeper();
    await keep([], 0);
    await agent.cluster.client.call(
      'DELETE',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/neighbours.spillway.dev',
    );
    await expect
      .poll(async () => [...(await servedCustomResources(api))], { timeout: 20_000 })
      .not.toContain('neighbours');
    expect(await keep([factsOf('rome')], 1_000)).toBe(false);
  });
});
