import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from '@spillway/core';
import type { Cluster } from './cluster.ts';
import { type KubeFed, startKubeFed } from './kubefed.ts';
import { startTime } from './reaper.ts';
import { equalNodes } from './spec.ts';
import type { LocalTestbed } from './local-testbed.ts';
import { startTestbed } from './testbed.ts';
import { waitFor } from './wait-for.ts';

let testbed: LocalTestbed;
let kubefed: KubeFed;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: 'kubefed', city: undefined, nodes: [] },
      { name: 'paris', city: undefined, nodes: equalNodes(2) },
      { name: 'lyon', city: undefined, nodes: equalNodes(2) },
    ],
  });
  kubefed = await startKubeFed(testbed, 'kubefed');
  await kubefed.host.apply(`
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedNamespace
metadata: { name: shop, namespace: shop }
spec: { placement: { clusters: [{ name: paris }, { name: lyon }] } }
`);
});

afterAll(async () => await testbed.stop());

function federatedDeployment(name: string, spec: string): string {
  return `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedDeployment
metadata: { name: ${name}, namespace: shop }
spec:
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      replicas: 1
      selector: { matchLabels: { app: ${name} } }
      template:
        metadata: { labels: { app: ${name} } }
        spec: { containers: [{ name: main, image: registry.example/shop:1 }] }
${spec}
`;
}

async function runningIn(cluster: Cluster, app: string): Promise<number> {
  const path = `/api/v1/namespaces/shop/pods?labelSelector=app%3D${app}`;
  const { items } = await cluster.client.get<{ items: Pod[] }>(path);
  return items.filter(({ status }) => status?.phase === 'Running').length;
}

/** Running pods of `app` by member, once they are `wanted` in sum. */
async function spreadOf(app: string, wanted: number): Promise<Readonly<Record<string, number>>> {
  return await waitFor(
    `${wanted} pods of ${app} run`,
    async () => {
      const counts = await Promise.all(
        kubefed.members.map(async (member) => [member.name, await runningIn(member, app)] as const),
      );
      const sum = counts.reduce((before, [, count]) => before + count, 0);
      return sum === wanted ? Object.fromEntries(counts) : undefined;
    },
    { timeoutMs: 60_000 },
  );
}

describe('startKubeFed', () => {
  test('joins every cluster but the host, and runs beside it', () => {
    expect(kubefed.host.name).toBe('kubefed');
    expect(kubefed.members.map(({ name }) => name)).toEqual(['paris', 'lyon']);
    expect(startTime(kubefed.pid ?? 0)).not.toBe('');
  });

  test('a FederatedDeployment arrives at each member with the replicas of its override', async () => {
    await kubefed.host.apply(
      federatedDeployment(
        'web',
        `
  placement: { clusters: [{ name: paris }, { name: lyon }] }
  overrides:
    - { clusterName: paris, clusterOverrides: [{ path: /spec/replicas, value: 3 }] }`,
      ),
    );
    // Lyon has no override and takes the template's one.
    expect(await spreadOf('web', 4)).toEqual({ paris: 3, lyon: 1 });
  });

  test('a ReplicaSchedulingPreference spreads replicas by weight', async () => {
    await kubefed.host.apply(`
apiVersion: scheduling.kubefed.io/v1alpha1
kind: ReplicaSchedulingPreference
metadata: { name: api, namespace: shop }
spec:
  targetKind: FederatedDeployment
  totalReplicas: 8
  clusters: { paris: { weight: 3 }, lyon: { weight: 1 } }
---${federatedDeployment('api', '  placement: { clusters: [] }')}`);
    // 8 × 3 / 4 = 6, and 8 × 1 / 4 = 2.
    expect(await spreadOf('api', 8)).toEqual({ paris: 6, lyon: 2 });
  });

  test('refuses a host that is no cluster of the test bed', async () => {
    await expect(startKubeFed(testbed, 'nowhere')).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('says which member cannot be joined, and why', async () => {
    const [paris] = kubefed.members;
    await paris?.stop('kube-apiserver');
    await expect(startKubeFed(testbed, 'kubefed')).rejects.toThrow(
      /kubefedctl could not join paris: .*connection refused/,
    );
    await paris?.startAll();
  });

  test('stops, and goes on where it was when it is started again', async () => {
    await kubefed.stop();
    await kubefed.stop();
    expect(kubefed.pid).toBeUndefined();
    kubefed = await startKubeFed(testbed, 'kubefed');
    await kubefed.host.apply(
      federatedDeployment(
        'late',
        `
  placement: { clusters: [{ name: paris }, { name: lyon }] }`,
      ),
    );
    expect(await spreadOf('late', 2)).toEqual({ paris: 1, lyon: 1 });
  });

  test('ends with the test bed', async () => {
    const { pid = 0 } = kubefed;
    await testbed.stop();
    await waitFor('KubeFed is gone', () => (startTime(pid) === '' ? true : undefined), {
      timeoutMs: 5_000,
    });
    expect(kubefed.pid).toBeUndefined();
  });
});
