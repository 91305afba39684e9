/** Three real clusters, of which one is revoked: what ends, and how soon. */
import { clusterName, type Pod, wellKnown } from '@spillway/core';
import { revocationsText, signRevocation } from '@spillway/mesh';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Setting } from '../drills/setting.ts';
import { deploymentYaml } from './deployment-yaml.ts';
import type { Federation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 50 };
const replicas = 12;

let setting: Setting;
let federation: Federation;
let home: string;
let gone: string;
let stays: string;

interface Row {
  readonly cluster: string;
  readonly liveness: string;
}

interface Status {
  readonly revocations: {
    readonly count: number;
    readonly kept: boolean;
    readonly own: { readonly reason: string } | null;
    readonly neighbours: readonly { readonly cluster: string }[];
  };
}

beforeAll(async () => {
  setting = await Setting.start({ clusters: 3, pods: 60, say: () => {} });
  home = setting.home;
  [gone = '', stays = ''] = setting.hosts;
  federation = await setting.federation();
  for (const cluster of setting.testbed.clusters) {
    await cluster.apply(`apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { spillway.dev/offload: enabled } }
`);
  }
});

afterAll(async () => await setting?.stop());

const podsAt = (cluster: string): readonly Pod[] =>
  [...setting.histories.pods(cluster).values()].filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  );

function ours(at: string, phase = 'Running'): readonly Pod[] {
  return podsAt(home).filter(
    ({ metadata, spec, status }) =>
      metadata.namespace === 'shop' &&
      spec.nodeName === `spillway-${at}` &&
      status?.phase === phase,
  );
}

function guestsOf(of: string, at: string): readonly Pod[] {
  return podsAt(at).filter(({ metadata }) => metadata.labels?.['spillway.dev/home'] === of);
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await waitFor(what, async () => (await holds()) || undefined, soon);
}

/** Pods that prefer one host. */
async function deploy(
  cluster: string,
  options: { name: string; prefer: string; count: number; cpu: string },
): Promise<void> {
  const { name, prefer, count, cpu } = options;
  const manifest = deploymentYaml({
    namespace: 'shop',
    name,
    replicas: count,
    cpu,
    memory: '64Mi',
    annotations: [
      `spillway.dev/policy: 'nearest; prefer name=${prefer}'`,
      'testbed.spillway.dev/run-time: 3600s',
    ],
    spec: ['terminationGracePeriodSeconds: 1'],
  });
  await setting.testbed.cluster(cluster).apply(manifest);
}

const statusOf = async (cluster: string): Promise<Status> =>
  await federation.agent(cluster).get<Status>('/v1/status');

async function refuses(cluster: string): Promise<boolean> {
  const rows = await federation.agent(cluster).get<Row[]>('/v1/neighbours');
  return rows.every((row) => row.cluster !== gone || row.liveness === 'revoked');
}

describe('a cluster that is revoked', () => {
  const seconds: Record<string, number> = {};

  test('loses its guests elsewhere, and our pods there are replaced elsewhere', async () => {
    await deploy(home, { name: 'web', prefer: gone, count: replicas, cpu: '250m' });
    await until('our pods run there', () => ours(gone).length >= 4);
    // More than its own two nodes of 4 CPUs take.
    await deploy(gone, { name: 'away', prefer: stays, count: 4, cpu: '2500m' });
    await until('it has guests elsewhere', () => guestsOf(gone, stays).length > 0);
    const before = ours(gone).length;
    const running = podsAt(home).filter(
      ({ metadata, status }) => metadata.namespace === 'shop' && status?.phase === 'Running',
    ).length;

    const revocation = { cluster: clusterName(gone), revokedMs: Date.now(), reason: 'sold' };
    const list = revocationsText(await signRevocation(federation.root, revocation));
    const began = performance.now();
    const took = (what: string): void => {
      seconds[what] = Math.round((performance.now() - began) / 100) / 10;
    };
    // Given to the one agent that has least to do with it.
    await give(stays, list);
    await until('all refuse it', async () => (await refuses(home)) && (await refuses(stays)));
    took('refused by all');
    await until('it knows', async () => (await statusOf(gone)).revocations.own?.reason === 'sold');
    took('known to itself');
    await until('our pods there have failed', () => ours(gone).length === 0);
    took('our pods there failed');
    await until('its guests are gone', () => guestsOf(gone, stays).length === 0);
    await until('our guests there are gone', () => guestsOf(home, gone).length === 0);
    took('guests of both gone');
    await until(
      'as many run as before',
      () =>
        podsAt(home).filter(
          ({ metadata, status }) => metadata.namespace === 'shop' && status?.phase === 'Running',
        ).length >= running,
    );
    took('replaced elsewhere');
    process.stdout.write(`${before} pods away: seconds until ${JSON.stringify(seconds)}\n`);
    // What failed stays to be looked at until its controller tidies up.
    const reasons = ours(gone, 'Failed').map(({ status }) => status?.reason);
    expect(new Set(reasons)).toEqual(new Set(['HostRevoked']));
    expect(reasons.length).toBeGreaterThanOrEqual(before);
  });

  test('is shown as revoked where people look', async () => {
    const { status } = await setting.homeCluster.client.call<{
      status: { conditions: readonly { type: string; reason: string; message: string }[] };
    }>('GET', `/api/v1/nodes/spillway-${gone}`);
    expect(status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'NeighbourRevoked',
      message: expect.stringContaining('sold'),
    });
    expect((await statusOf(home)).revocations).toMatchObject({
      count: 1,
      kept: true,
      neighbours: [{ cluster: gone, reason: 'sold' }],
    });
    const metrics = await (await fetch(`${federation.agent(gone).httpUrl}/metrics`)).text();
    expect(metrics).toContain('spillway_revoked 1');
  });

  test('stays so when all agents were killed and started again, by what their clusters kept', async () => {
    for (const agent of federation.agents) await agent.end('SIGKILL');
    await Promise.all(federation.agents.map((agent) => agent.start()));
    await Promise.all(federation.agents.map((agent) => agent.ready()));
    for (const cluster of [home, stays, gone]) {
      expect((await statusOf(cluster)).revocations.count).toBe(1);
    }
    expect((await statusOf(gone)).revocations.own?.reason).toBe('sold');
    await until('the two meet again', async () =>
      (await federation.agent(home).get<Row[]>('/v1/neighbours')).some(
        ({ cluster, liveness }) => cluster === stays && liveness === 'alive',
      ),
    );
    expect(await refuses(home)).toBe(true);
    expect(guestsOf(home, gone)).toEqual([]);
    // Its own pods it places at home as before.
    await setting.testbed.cluster(gone).apply(`apiVersion: v1
kind: Pod
metadata: { name: own, namespace: shop }
spec:
  schedulerName: spillway
  containers: [{ name: main, image: registry.example/main:1 }]
`);
    await until('its own pod runs', () =>
      podsAt(gone).some(
        ({ metadata, status }) => metadata.name === 'own' && status?.phase === 'Running',
      ),
    );
  });
});

/** As an operator does it by `spillway federation revoke … -o yaml | kubectl apply -f -`. */
async function give(cluster: string, list: string): Promise<void> {
  await setting.testbed.cluster(cluster).apply(`apiVersion: v1
kind: ConfigMap
metadata: { name: ${wellKnown.revocationsConfigMap}, namespace: spillway-system }
data:
  ${wellKnown.revocationsKey}: |
${list.trimEnd().replaceAll(/^/gm, '    ')}
`);
}
