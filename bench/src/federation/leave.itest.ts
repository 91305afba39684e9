/** Clusters that leave their federation, by `spillway leave` as the chart's hook runs it, and after an agent that is gone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartFolder, helm } from '@spillway/chart';
import { type Pod, wellKnown } from '@spillway/core';
import { type Cluster, type Ran, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Setting } from '../drills/setting.ts';
import { runSpillway } from '../installed/spillway-command.ts';
import { deploymentYaml } from './deployment-yaml.ts';
import { acquainted, type Federation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 100 };
const replicas = 3;
const namespace = 'spillway-system';
/** Short, so that an agent that was killed is soon seen to be gone. */
const lease = ['lease.durationMs=4000', 'lease.renewMs=3000', 'lease.retryMs=500'];

let setting: Setting;
let federation: Federation;
let home: Cluster;
let host: Cluster;

beforeAll(async () => {
  setting = await Setting.start({ clusters: 2, pods: 20, say: () => {} });
  const crds = ['neighbours', 'offloadpolicies'].map((name) =>
    readFileSync(join(chartFolder, 'files', 'crds', `${name}.yaml`), 'utf8'),
  );
  [home, host] = [setting.homeCluster, setting.testbed.cluster(setting.hosts[0] ?? '')];
  for (const crd of crds) for (const cluster of [home, host]) await cluster.apply(crd);
  federation = await setting.federation(lease);
  await home.apply(web);
  await allAway();
});

afterAll(async () => await setting?.stop());

const web = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { spillway.dev/offload: enabled } }
---
${deploymentYaml({
  namespace: 'shop',
  name: 'web',
  replicas,
  cpu: '250m',
  memory: '64Mi',
  annotations: ['testbed.spillway.dev/run-time: 3600s'],
  spec: ['terminationGracePeriodSeconds: 1'],
})}`;

async function pods(cluster: Cluster, selector = ''): Promise<readonly Pod[]> {
  const path = `/api/v1/pods?labelSelector=${encodeURIComponent(selector)}`;
  return (await cluster.client.get<{ items: Pod[] }>(path)).items;
}

const ours = async (): Promise<readonly Pod[]> => await pods(home, 'app=web');
const guests = async (): Promise<readonly Pod[]> => await pods(host, wellKnown.homeLabel);

async function names(cluster: Cluster, path: string): Promise<readonly string[]> {
  const { items } = await cluster.client.get<{ items: { metadata: { name: string } }[] }>(path);
  return items.map(({ metadata }) => metadata.name);
}

const virtualNodes = (cluster: Cluster): Promise<readonly string[]> =>
  names(cluster, `/api/v1/nodes?labelSelector=${wellKnown.virtualNodeLabel}%3Dtrue`);
const neighbours = (cluster: Cluster): Promise<readonly string[]> =>
  names(cluster, '/apis/spillway.dev/v1alpha1/neighbours');
const guestNamespaces = (cluster: Cluster): Promise<readonly string[]> =>
  names(cluster, `/api/v1/namespaces?labelSelector=${wellKnown.homeLabel}`);

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  await waitFor(what, async () => (await holds()) || undefined, soon);
}

async function allAway(): Promise<void> {
  await until('all run away', async () => {
    const found = await ours();
    return (
      found.length === replicas &&
      found.every(
        ({ spec, status }) =>
          spec.nodeName === `spillway-${host.name}` && status?.phase === 'Running',
      )
    );
  });
}

/** Its controller has made them again, and they wait for room at home. */
async function allWaitAtHome(): Promise<void> {
  await until('all wait at home', async () => {
    const found = await ours();
    return found.length === replicas && found.every(({ spec }) => !spec.nodeName);
  });
}

async function leave(kubeconfig: string, ...args: readonly string[]): Promise<Ran> {
  return await runSpillway(['leave', ...args], { kubeconfig });
}

/** Of the service account that the chart's hook runs as, with its rights and no others. */
async function hooksKubeconfig(cluster: Cluster): Promise<string> {
  const file = 'templates/leave.yaml';
  const args = ['spillway', chartFolder, `--namespace=${namespace}`, '--set=cluster=any'];
  const rendered = await helm(['template', ...args, '--show-only', file]);
  for (const document of parseAllDocuments(rendered)) {
    const object = document.toJS() as { kind: string };
    if (object.kind !== 'Job') await cluster.apply(JSON.stringify(object));
  }
  return await cluster.serviceAccountKubeconfig(namespace, 'spillway-leave');
}

/** As docs/operations.md has it. */
async function comeBack(cluster: Cluster): Promise<void> {
  const agent = federation.agent(cluster.name);
  await agent.end('SIGTERM');
  await cluster.apply(`apiVersion: v1
kind: ConfigMap
metadata: { name: spillway-leaving, namespace: ${namespace} }
data: { leaving: "false" }
`);
  await agent.start();
  await agent.ready();
  await acquainted(federation.agents);
}

describe('spillway leave', () => {
  test('--dry-run shows what there is, and changes nothing', async () => {
    const { code, stdout } = await leave(home.kubeconfig, '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Our pods away: +spillway-${host.name} ${replicas}$`, 'm'));
    expect(stdout).toMatch(/Guests here: +none$/m);
    expect(await virtualNodes(home)).toEqual([`spillway-${host.name}`]);
    await allAway();
  });

  test('asks before it does anything', async () => {
    const { code, stderr } = await leave(home.kubeconfig);
    expect(code).toBe(2);
    expect(stderr).toContain('use --yes to confirm');
    await allAway();
  });

  test('--without-agent leaves alone what a living agent cares for', async () => {
    const { code, stderr } = await leave(home.kubeconfig, '--without-agent', '--yes');
    expect(code).toBe(1);
    expect(stderr).toContain('an agent is active in this cluster');
    await allAway();
  });

  test('--without-agent brings home what an agent that is gone has left, fenced pods when told to', async () => {
    await federation.agent(home.name).end('SIGKILL');
    const [fenced] = await ours();
    const name = fenced?.metadata.name ?? '';
    await home.kubectl(['annotate', 'pod', name, '-n', 'shop', 'spillway.dev/partition=fence']);
    const held = await leave(home.kubeconfig, '--without-agent', '--yes');
    expect(held.code, held.stdout).toBe(1);
    expect(held.stderr).toContain(`shop/${name}: partition policy fence`);
    expect(await virtualNodes(home)).toEqual([`spillway-${host.name}`]);
    const forced = await leave(home.kubeconfig, '--without-agent', '--yes', '--fenced');
    expect(forced.code, forced.stderr).toBe(0);
    await allWaitAtHome();
    expect(await virtualNodes(home)).toEqual([]);
    expect(await neighbours(home)).toEqual([]);
    await until('the Leases of virtual nodes are gone', async () => {
      const all = await names(
        home,
        '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
      );
      return all.every((lease) => !lease.startsWith('spillway-'));
    });
    expect(await guests()).toHaveLength(replicas);
  });

  test('guests of a home that was cleaned so end when it is heard again', async () => {
    const before = new Set((await guests()).map(({ metadata }) => metadata.uid));
    await federation.agent(home.name).start();
    await allAway();
    await until('only guests of living pods are left', async () => {
      const found = await guests();
      return found.length === replicas && found.every(({ metadata }) => !before.has(metadata.uid));
    });
  });

  test('ends what is away through the agent, by the rights of the chart’s hook', async () => {
    const kubeconfig = await hooksKubeconfig(home);
    const { code, stdout, stderr } = await leave(kubeconfig, '--yes', '--guests');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`${replicas} pods away, 0 guests here`);
    expect(stdout).toContain('removed: 0 pods away, 1 virtual nodes');
    // Each was released before its node went.
    expect(await guests()).toEqual([]);
    await allWaitAtHome();
    expect(await neighbours(home)).toEqual([]);
  });

  test('holds while the agent runs, and for one that takes over', async () => {
    const agent = federation.agent(home.name);
    await agent.end('SIGTERM');
    await agent.start();
    await agent.ready();
    await until('it hears its neighbour', async () => {
      const rows = await agent.get<{ cluster: string; liveness: string }[]>('/v1/neighbours');
      return rows.some(({ liveness }) => liveness === 'alive');
    });
    await until('it says why pods stay', async () => {
      const [pod] = await ours();
      const path = `/v1/explain?namespace=shop&name=${pod?.metadata.name}`;
      const { message } = await agent.get<{ message: string }>(path);
      return message.includes('this cluster leaves the federation');
    });
    expect(await virtualNodes(home)).toEqual([]);
    await allWaitAtHome();
  });

  test('of a host ends its guests with the reason, and their namespaces; they wait at home', async () => {
    await comeBack(home);
    await allAway();
    const kubeconfig = await hooksKubeconfig(host);
    const { code, stdout, stderr } = await leave(kubeconfig, '--yes', '--guests');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`0 pods away, ${replicas} guests here`);
    await until(
      'its guest namespaces are gone',
      async () => (await guestNamespaces(host)).length === 0,
    );
    await until('their pods have failed with the reason, and were made again', async () => {
      const found = await ours();
      const failed = found.filter(({ status }) => status?.phase === 'Failed');
      const waiting = found.filter(({ spec }) => !spec.nodeName);
      return (
        waiting.length === replicas && failed.every(({ status }) => status?.reason === 'HostLeft')
      );
    });
    expect(await virtualNodes(host)).toEqual([]);
  });

  test('says where Spillway is not installed, and how to clean up there', async () => {
    const elsewhere = ['--agent-namespace', 'default', '--yes'];
    const { code, stderr } = await leave(host.kubeconfig, ...elsewhere);
    expect(code).toBe(4);
    expect(stderr).toContain('namespace default has no ConfigMap spillway-leaving');
    const slow = await leave(host.kubeconfig, '--timeout', '1e9');
    expect(slow.code).toBe(2);
  });
});
