/** Agents as they ship on clusters that first lack the CRDs and then have them: what kubectl shows. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { NeighbourStatus } from '@spillway/kubernetes';
import { ensureBinaries, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Setting } from '../drills/setting.ts';
import type { Federation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 100 };
const crds = fileURLToPath(new URL('../../../packages/chart/crds/', import.meta.url));

let setting: Setting;
let federation: Federation;
let home: string;
let kubectl: (...args: string[]) => string;

beforeAll(async () => {
  setting = await Setting.start({ clusters: 3, pods: 20, say: () => {} });
  home = setting.home;
  federation = await setting.federation();
  const binaries = await ensureBinaries();
  kubectl = (...args) =>
    execFileSync(binaries.kubectl, ['--kubeconfig', setting.homeCluster.kubeconfig, ...args], {
      encoding: 'utf8',
    });
});

afterAll(async () => await setting?.stop());

interface Neighbour {
  readonly metadata: { readonly name: string };
  readonly status?: NeighbourStatus;
}

function neighbours(): readonly Neighbour[] {
  const { items } = JSON.parse(kubectl('get', 'neighbours', '-o', 'json')) as {
    items: readonly Neighbour[];
  };
  return items;
}

describe('an agent whose cluster has no CRDs', () => {
  test('works, and says that they are missing', async () => {
    const status = await federation
      .agent(home)
      .get<{ ready: boolean; customResources: string[] }>('/v1/status');
    expect(status).toMatchObject({ ready: true, customResources: [] });
    const lines = readFileSync(federation.agent(home).log, 'utf8').split('\n');
    const told = lines.filter((line) => line.includes('custom resources are missing'));
    expect(told).toHaveLength(1);
  });
});

describe('once they are installed, without a restart', () => {
  beforeAll(async () => {
    for (const file of readdirSync(crds)) {
      await setting.homeCluster.apply(readFileSync(crds + file, 'utf8'));
    }
  });

  test('every neighbour is there, alive, with its round-trip time and room', async () => {
    const found = await waitFor(
      'Neighbours with measured RTTs',
      () => {
        const all = neighbours();
        const measured = all.filter(({ status }) => status?.rttMeasured && status.connected);
        return measured.length === setting.hosts.length ? all : undefined;
      },
      soon,
    );
    expect(found.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      [...setting.hosts].toSorted(),
    );
    for (const { status } of found) {
      expect(status).toMatchObject({ state: 'alive', guestsHere: 0, podsThere: 0 });
      expect(status?.rttMs).toBeGreaterThan(0);
      expect(status?.room.summary).toMatch(/^\d+ x 1\/1Gi$/);
      expect(Date.now() - Date.parse(status?.lastHeard ?? '')).toBeLessThan(90_000);
    }
    const table = kubectl('get', 'neighbours');
    expect(table).toMatch(/^NAME +STATE +RTT +ROOM +OURS THERE +THEIRS HERE +HEARD\n/);
  });

  test('one whose agent has died is suspect, and then no longer connected', async () => {
    const [victim = ''] = setting.hosts;
    await federation.agent(victim).end('SIGKILL');
    const status = await waitFor(
      `${victim} is suspect`,
      () => {
        const found = neighbours().find(({ metadata }) => metadata.name === victim);
        return found?.status?.state === 'suspect' ? found.status : undefined;
      },
      soon,
    );
    expect(status).toMatchObject({ connected: false, link: 'none' });
    expect(status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Reachable', status: 'Unknown', reason: 'Silent' }),
    );
    await federation.agent(victim).start();
    await federation.agent(victim).ready();
  });
});
