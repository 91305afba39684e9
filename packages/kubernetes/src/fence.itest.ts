/** What docs/adr/0021 says of Kubernetes: whom a lost virtual node's pods are evicted from, and the ways out. */
import type { NodeName, Pod, PodUid } from '@spillway/core';
import { clusterName } from '@spillway/core';
import { isFenced } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pods } from './pods.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { VirtualNodes } from './virtual-nodes.ts';

const lyon = clusterName('lyon');
const node = 'spillway-lyon' as NodeName;
const path = '/api/v1/namespaces/default/pods';
const slow = { timeoutMs: 60_000, everyMs: 500 };

let agent: AgentCluster;

beforeAll(async () => {
  agent = await startAgentCluster({ nodeGraceSeconds: 15 });
});

afterAll(async () => await agent.stop());

async function bound(name: string, tolerationSeconds: number | undefined): Promise<void> {
  const made = await agent.cluster.client.call<Pod>('POST', path, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations: { kept: 'yes' } },
    spec: {
      schedulerName: 'spillway',
      tolerations: ['not-ready', 'unreachable'].map((state) => ({
        key: `node.kubernetes.io/${state}`,
        operator: 'Exists',
        effect: 'NoExecute',
        ...(tolerationSeconds !== undefined && { tolerationSeconds }),
      })),
      containers: [{ name: 'c', image: 'i' }],
    },
  });
  const ref = { namespace: 'default', name, uid: made.metadata.uid as PodUid };
  const pods = new Pods(agent.api);
  expect(await pods.bindPod(ref, node, { 'spillway.dev/partition': 'fence' })).toBe('bound');
}

async function pod(name: string): Promise<Pod | undefined> {
  const { items } = await agent.cluster.client.get<{ items: readonly Pod[] }>(path);
  return items.find(({ metadata }) => metadata.name === name);
}

const leaving = async (name: string): Promise<true | undefined> => {
  const found = await pod(name);
  return found === undefined || found.metadata.deletionTimestamp !== undefined || undefined;
};

describe('of the pods at a virtual node that is lost', () => {
  beforeAll(async () => {
    const nodes = new VirtualNodes(agent.api);
    await nodes.keep(
      { cluster: lyon, addresses: [], reachable: true, cordoned: false },
      new Date(),
    );
    await bound('evictable', 1);
    for (const name of ['fenced', 'forced', 'out']) await bound(name, undefined);
    await nodes.keep(
      { cluster: lyon, addresses: [], reachable: false, cordoned: false },
      new Date(),
    );
  });

  test('each says that it is fenced, by its binding, beside what it said before', async () => {
    const found = await pod('fenced');
    expect(found && isFenced(found)).toBe(true);
    expect(found?.metadata.annotations?.['kept']).toBe('yes');
  });

  test('those that tolerate it for a time are evicted, those that do so without a limit are not', async () => {
    await waitFor('the first is evicted', () => leaving('evictable'), slow);
    for (const name of ['fenced', 'forced', 'out']) expect(await leaving(name)).toBeUndefined();
  });

  test('one that is deleted waits for its host, unless it is deleted by force', async () => {
    await agent.cluster.client.call('DELETE', `${path}/fenced`);
    await agent.cluster.client.call('DELETE', `${path}/forced`, { gracePeriodSeconds: 0 });
    expect(await pod('forced')).toBeUndefined();
    expect((await pod('fenced'))?.metadata.deletionTimestamp).toBeDefined();
  });

  test('all are let go when an operator says that the host is out of service', async () => {
    const taint = {
      key: 'node.kubernetes.io/out-of-service',
      value: 'nodeshutdown',
      effect: 'NoExecute',
    };
    const { spec } = await agent.cluster.client.get<{ spec: { taints: readonly object[] } }>(
      `/api/v1/nodes/${node}`,
    );
    await agent.cluster.client.call(
      'PATCH',
      `/api/v1/nodes/${node}`,
      { spec: { taints: [...spec.taints, taint] } },
      'application/merge-patch+json',
    );
    await waitFor(
      'they are gone',
      async () => ((await pod('fenced')) ?? (await pod('out'))) === undefined || undefined,
      slow,
    );
  });
});
