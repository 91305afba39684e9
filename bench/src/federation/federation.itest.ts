/** A federation of two real clusters and two agents as they ship: what a pod's owner sees. */
import { type Pod, wellKnown } from '@spillway/core';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Setting } from '../drills/setting.ts';
import { auditFigures } from '../report/figures.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Federation } from './federation.ts';

const soon = { timeoutMs: 40_000, everyMs: 50 };
/** Short, so that a standby's turn comes soon. */
const lease = ['lease.durationMs=4000', 'lease.renewMs=3000', 'lease.retryMs=500'];

let setting: Setting;
let federation: Federation;
let home: string;
let host: string;

beforeAll(async () => {
  setting = await Setting.start({ clusters: 2, pods: 40, say: () => {} });
  [home, host] = [setting.home, setting.hosts[0] ?? ''];
  federation = await setting.federation(lease);
  for (const cluster of setting.testbed.clusters) {
    await cluster.apply(`apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { spillway.dev/offload: enabled } }
`);
  }
});

afterAll(async () => await setting?.stop());

interface Ask {
  readonly name: string;
  readonly spec?: string;
  readonly annotations?: string;
  readonly cluster?: string;
}

async function make({ name, spec = '', annotations = '{}', cluster = home }: Ask): Promise<void> {
  await setting.testbed.cluster(cluster).apply(`apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, annotations: ${annotations} }
spec:
  restartPolicy: Never
${spec}
  containers:
    - name: main
      image: registry.example/main:1
      resources: { requests: { cpu: 250m, memory: 64Mi } }
`);
}

function podAt(cluster: string, name: string): Pod | undefined {
  return [...setting.histories.pods(cluster).values()].find(
    ({ metadata }) => metadata.namespace === 'shop' && metadata.name === name,
  );
}

function shadowOf(name: string): Pod | undefined {
  const uid = podAt(home, name)?.metadata.uid;
  return [...setting.histories.pods(host).values()].find(
    ({ metadata }) => uid !== undefined && metadata.labels?.[wellKnown.homeUidLabel] === uid,
  );
}

async function until<T>(what: string, find: () => T | undefined | false): Promise<T> {
  return await waitFor(what, () => find() || undefined, soon);
}

async function runs(name: string): Promise<Pod> {
  return await until(`${name} runs`, () => {
    const pod = podAt(home, name);
    return pod?.status?.phase === 'Running' && pod;
  });
}

const long = '{ testbed.spillway.dev/run-time: 600s }';

describe('a pod that does not fit at home', () => {
  test.each([
    ['names spillway as its scheduler', 'named', '  schedulerName: spillway'],
    ['lies in a labelled namespace', 'offered', ''],
  ])('runs at the neighbour when it %s', async (_, name, spec) => {
    await make({ name, spec, annotations: long });
    const pod = await runs(name);
    expect(pod.spec.nodeName).toBe(`spillway-${host}`);
    expect(pod.status?.podIP).toBeUndefined();
    const shadow = shadowOf(name);
    expect(shadow?.spec.nodeName).toMatch(/^node-/);
    expect(shadow?.metadata.namespace).toBe(`spillway-${home}-shop`);
    expect(shadow?.metadata.labels).toMatchObject({
      [wellKnown.homeLabel]: home,
      [wellKnown.homeNamespaceLabel]: 'shop',
    });
    expect(shadow?.spec.priorityClassName).toBe(wellKnown.guestPriorityClass);
    expect(shadow?.spec.automountServiceAccountToken).toBe(false);
    expect(shadow?.spec.volumes ?? []).toEqual([]);
  });

  test('stays where it is when there is room at home', async () => {
    await make({
      name: 'stays',
      spec: '  schedulerName: spillway',
      annotations: long,
      cluster: host,
    });
    const pod = await until('it runs', () => {
      const found = podAt(host, 'stays');
      return found?.status?.phase === 'Running' && found;
    });
    expect(pod.spec.nodeName).toMatch(/^node-/);
  });

  test.each([
    ['Succeeded', '"0"', 0],
    ['Failed', '"3"', 3],
  ])('ends at home as it ended there: %s', async (phase, code, exitCode) => {
    const name = `ends-${exitCode}`;
    await make({
      name,
      annotations: `{ testbed.spillway.dev/run-time: 1s, testbed.spillway.dev/exit-code: ${code} }`,
    });
    const pod = await until(`${name} ended`, () => {
      const found = podAt(home, name);
      return found?.status?.phase === phase && found;
    });
    const [container] = pod.status?.containerStatuses ?? [];
    expect(container?.state).toMatchObject({
      terminated: { exitCode, finishedAt: expect.any(String) },
    });
  });

  test('takes its shadow with it when it is deleted', async () => {
    await make({ name: 'deleted', annotations: long });
    await runs('deleted');
    const uid = shadowOf('deleted')?.metadata.uid ?? '';
    await setting.homeCluster.client.call('DELETE', '/api/v1/namespaces/shop/pods/deleted');
    await until(
      'both are gone',
      () => !podAt(home, 'deleted') && !setting.histories.pods(host).has(uid),
    );
  });

  test('fails with the reason when the host ends its shadow', async () => {
    await make({ name: 'evicted', annotations: long });
    await runs('evicted');
    const { namespace, name } = shadowOf('evicted')?.metadata ?? {};
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    await setting.testbed.cluster(host).client.call('DELETE', path, { gracePeriodSeconds: 0 });
    const pod = await until('it has failed', () => {
      const found = podAt(home, 'evicted');
      return found?.status?.phase === 'Failed' && found;
    });
    expect(pod.status?.reason).toBeTruthy();
    expect(pod.status?.message).toBeTruthy();
  });
});

describe('a pod that must wait', () => {
  test.each([
    [
      'for a ConfigMap that the host lacks',
      'needs-map',
      '  volumes: [{ name: conf, configMap: { name: settings } }]',
      'ConfigMap settings',
    ],
    [
      'because its storage is at home',
      'needs-claim',
      '  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]',
      'PersistentVolumeClaim data',
    ],
  ])('%s is told so', async (_, name, spec, reason) => {
    await setting.homeCluster.apply(`apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: shop }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`);
    await make({ name, spec: `  schedulerName: spillway\n${spec}` });
    const condition = await until('it is told', () =>
      podAt(home, name)?.status?.conditions?.find(
        ({ type, status, message }) => type === 'PodScheduled' && status === 'False' && message,
      ),
    );
    expect(podAt(home, name)?.spec.nodeName).toBeUndefined();
    const explained = await federation
      .agent(home)
      .get<object>(`/v1/explain?namespace=shop&name=${name}`);
    expect(`${condition.message} ${JSON.stringify(explained)}`).toContain(reason);
    await setting.homeCluster.client.call('DELETE', `/api/v1/namespaces/shop/pods/${name}`);
  });
});

describe('agents that are killed', () => {
  test('go on where they were: the same shadow, and the next pod', async () => {
    const uid = shadowOf('named')?.metadata.uid;
    for (const agent of federation.agents) await agent.end('SIGKILL');
    await make({ name: 'meanwhile', annotations: long });
    await Promise.all(federation.agents.map((agent) => agent.start()));
    await Promise.all(federation.agents.map((agent) => agent.ready()));
    await runs('meanwhile');
    expect(shadowOf('named')?.metadata.uid).toBe(uid);
    expect(podAt(home, 'named')?.status?.phase).toBe('Running');
  });

  test('are replaced by a standby when their Lease has run out, and by no two', async () => {
    const standby = await federation.standby(home);
    await standsBy(standby);
    await federation.agent(home).end('SIGKILL');
    await standby.ready();
    await make({ name: 'after', annotations: long });
    await runs('after');
    await federation.agent(home).start();
    await standsBy(federation.agent(home));
    expect(await activeOf(standby)).toBe(true);
    await standby.end('SIGTERM');
    await federation.agent(home).ready();
  });

  test('nothing was lost, doubled, overcommitted or orphaned in all this', async () => {
    await until('all is settled', () => setting.shadows() === setting.away());
    const { podsChecked, ...faults } = auditFigures(setting.histories);
    expect(faults).toEqual({ lost: 0, doubled: 0, overcommittedNodes: 0, orphans: 0 });
    expect(podsChecked).toBeGreaterThan(25);
  });
});

async function standsBy(agent: AgentProcess): Promise<void> {
  await waitFor('it stands by', async () => !(await activeOf(agent)) || undefined, soon);
}

async function activeOf(agent: AgentProcess): Promise<boolean> {
  return (await agent.get<{ active: boolean }>('/v1/status')).active;
}
