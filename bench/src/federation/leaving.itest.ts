/**
 * What may leave. Each test gets a pod onto a virtual node by something other than Spillway, on real
 * clusters with agents as they ship. No admission policy is installed here, so that the agent is tested. The
 * virtual node shows room that it never has, so that kube-scheduler binds there, too.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Node, type Pod, virtualNodeName, wellKnown } from '@spillway/core';
import { equalNodes, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, startFederation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 100 };
const node = virtualNodeName('lyon');
const given = 'NotPlacedBySpillway';
/** In every environment that must stay at home. */
const secret = 'not-for-others';
const allowed = 'may-be-seen-at-lyon';
const merge = 'application/merge-patch+json';
const crds = fileURLToPath(
  new URL('../../../packages/chart/spillway/files/crds/', import.meta.url),
);

let testbed: LocalTestbed;
let federation: Federation;

beforeAll(async () => {
  testbed = await startTestbed({
    auditRequests: true,
    clusters: [
      { name: 'paris', city: undefined, nodes: equalNodes(2, { cpu: '4' }) },
      { name: 'lyon', city: undefined, nodes: equalNodes(2, { cpu: '16', memory: '16Gi' }) },
    ],
  });
  for (const file of readdirSync(crds)) await home().apply(readFileSync(crds + file, 'utf8'));
  federation = await startFederation(testbed);
  await home().apply(`
apiVersion: v1
kind: Namespace
metadata: { name: private }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { ${wellKnown.offloadLabel}: enabled } }
`);
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
});

function home() {
  return testbed.cluster('paris');
}

function agent() {
  return federation.agent('paris');
}

function kubectl(...args: readonly string[]): string {
  const all = ['--kubeconfig', home().kubeconfig, ...args];
  return execFileSync(testbed.kubectl, all, { encoding: 'utf8', stdio: 'pipe' });
}

interface Ask {
  readonly name: string;
  readonly namespace?: string;
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly value?: string;
  readonly cpu?: string;
}

function template({ name, spec = {}, value = secret, cpu = '100m' }: Ask): object {
  const env = [{ name: 'PASSWORD', value }];
  const resources = { requests: { cpu, memory: '16Mi' } };
  return {
    metadata: { labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: [{ name: 'main', image: 'registry.example/main:1', env, resources }],
    },
  };
}

async function makePod(ask: Ask): Promise<Pod> {
  const { name, namespace = 'private', annotations = {} } = ask;
  const { spec } = template(ask) as { spec: object };
  return await home().client.call<Pod>('POST', `/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec,
  });
}

async function make(kind: 'Deployment' | 'DaemonSet', ask: Ask, more: object = {}): Promise<void> {
  const { name, namespace = 'private' } = ask;
  const selector = { matchLabels: { app: name } };
  await home().client.call('POST', `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { selector, template: template(ask), ...more },
  });
}

async function pods(namespace: string): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return (await home().client.get<{ items: readonly Pod[] }>(path)).items;
}

async function podWhere(
  what: string,
  holds: (pod: Pod) => boolean,
  namespace = 'private',
): Promise<Pod> {
  return await waitFor(what, async () => (await pods(namespace)).find(holds), soon);
}

function isGivenBack({ spec, status }: Pod): boolean {
  return spec.nodeName === node && status?.phase === 'Failed' && status.reason === given;
}

async function givenBack(app: string): Promise<Pod> {
  return await podWhere(
    `${app} is given back`,
    (pod) =>
      isGivenBack(pod) && (pod.metadata.name === app || pod.metadata.labels?.['app'] === app),
  );
}

async function bind(name: string, annotations: object = {}): Promise<void> {
  await home().client.call('POST', `/api/v1/namespaces/private/pods/${name}/binding`, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, annotations },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  });
}

/** Room for kube-scheduler to be taken in by; the agent writes the node only when something has changed. */
async function pretendRoom(): Promise<void> {
  const room = { cpu: '100', memory: '100Gi', pods: '100' };
  const body = { status: { capacity: room, allocatable: room } };
  await home().client.call('PATCH', `/api/v1/nodes/${node}/status`, body, merge);
}

const onVirtual = {
  nodeSelector: { [wellKnown.virtualNodeLabel]: 'true' },
  tolerations: [{ operator: 'Exists' }],
};
/** More than a node of paris has. */
const large = '5';

describe('a pod that Spillway has bound itself', () => {
  test('runs at its host, with what it needs: so the audit log would tell', async () => {
    await makePod({
      name: 'ours',
      namespace: 'shop',
      spec: { schedulerName: wellKnown.schedulerName },
      value: allowed,
      cpu: large,
    });
    const pod = await podWhere('it runs', ({ status }) => status?.phase === 'Running', 'shop');
    expect(pod.spec.nodeName).toBe(node);
    expect(pod.metadata.annotations?.[wellKnown.boundByAnnotation]).toMatch(/^[-\w]{43}$/);
    expect(readFileSync(testbed.cluster('lyon').auditLog, 'utf8')).toContain(allowed);
  });
});

describe('a pod that tolerates the virtual node', () => {
  test('is not bound there by kube-scheduler, whatever it selects', async () => {
    await makePod({ name: 'kept-off', spec: onVirtual });
    const pod = await podWhere('kube-scheduler refuses it', ({ metadata, status }) =>
      Boolean(
        metadata.name === 'kept-off' &&
          status?.conditions?.some(({ reason }) => reason === 'Unschedulable'),
      ),
    );
    expect(pod.spec.nodeName).toBeUndefined();
    kubectl('delete', 'pod', 'kept-off', '-n', 'private', '--now');
  });
});

describe('a pod that someone else binds to a virtual node fails, and nothing of it leaves', () => {
  beforeAll(pretendRoom);

  test('by kube-scheduler, since it tolerates everything', async () => {
    await make('Deployment', { name: 'tolerant', spec: onVirtual }, { replicas: 3 });
    const pod = await givenBack('tolerant');
    expect(pod.status?.message).toContain('Only Spillway may bind pods to its virtual nodes');
  });

  test('by its author, who named the node', async () => {
    await makePod({ name: 'named', spec: { nodeName: node } });
    await givenBack('named');
  });

  test('by another scheduler', async () => {
    await makePod({ name: 'other-scheduler', spec: { schedulerName: 'nobody' } });
    await bind('other-scheduler');
    await givenBack('other-scheduler');
  });

  test('by a DaemonSet', async () => {
    const spec = { tolerations: [{ operator: 'Exists' }] };
    await make('DaemonSet', { name: 'everywhere', spec });
    await waitFor(
      'the DaemonSet’s pod at the virtual node is given back',
      async () => {
        const metrics = await fetch(`${agent().httpUrl}/metrics`);
        const count = /spillway_home_pods_given_back_total\{host="lyon"\} (\d+)/.exec(
          await metrics.text(),
        );
        const events = kubectl('get', 'events', '-n', 'private', '-o', 'name');
        return Number(count?.[1] ?? 0) >= 4 && events.includes('everywhere') ? true : undefined;
      },
      soon,
    );
  });

  test('with the seal of a pod that Spillway has bound, written by its author or by the binding', async () => {
    const [ours] = (await pods('shop')).filter(({ metadata }) => metadata.name === 'ours');
    const seal = ours?.metadata.annotations?.[wellKnown.boundByAnnotation] ?? '';
    expect(seal).not.toBe('');
    const annotations = { [wellKnown.boundByAnnotation]: seal };
    await makePod({ name: 'copied', spec: { nodeName: node }, annotations });
    await givenBack('copied');
    await makePod({ name: 'copied-late', spec: { schedulerName: 'nobody' } });
    await bind('copied-late', annotations);
    await givenBack('copied-late');
  });

  test('while the agent is away, which finds it when it is back and goes on with what is its own', async () => {
    const uid = (await pods('shop'))[0]?.metadata.uid;
    await agent().end('SIGKILL');
    await makePod({ name: 'meanwhile', spec: { nodeName: node } });
    await agent().start();
    await agent().ready();
    await givenBack('meanwhile');
    const [ours] = await pods('shop');
    expect(ours?.metadata.uid).toBe(uid);
    expect(ours?.status?.phase).toBe('Running');
  });

  test('and its owner, kubectl describe and the doctor tell of it', async () => {
    await waitFor(
      'an event',
      () => {
        const selector = `reason=${given},involvedObject.name=named`;
        const events = kubectl('get', 'events', '-n', 'private', '--field-selector', selector);
        return events.includes('Nothing of it was sent to lyon') || undefined;
      },
      soon,
    );
    const { findings } = await agent().get<{ findings: readonly object[] }>('/v1/doctor');
    expect(findings).toContainEqual(
      expect.objectContaining({ check: 'foreign-pods', subject: 'private/named' }),
    );
    expect(JSON.stringify(findings)).toContain('private/ReplicaSet tolerant-');
    expect(await agent().get('/v1/explain?namespace=private&name=named')).toMatchObject({
      state: 'foreign',
      host: 'lyon',
    });
  });

  test('nothing of them is at the host: no namespace, no pod, not a byte in its audit log', async () => {
    const lyon = testbed.cluster('lyon').client;
    const { items } = await lyon.get<{ items: readonly Pod[] }>('/api/v1/pods');
    const shadows = items.filter(({ metadata }) => metadata.labels?.[wellKnown.homeLabel]);
    expect(shadows.map(({ metadata }) => metadata.name)).toEqual(['ours']);
    const namespaces = await lyon.get<{ items: readonly { metadata: { name: string } }[] }>(
      '/api/v1/namespaces',
    );
    const guests = namespaces.items.map(({ metadata }) => metadata.name);
    expect(guests.filter((name) => name.startsWith('spillway-paris-'))).toEqual([
      'spillway-paris-shop',
    ]);
    const audit = readFileSync(testbed.cluster('lyon').auditLog, 'utf8');
    expect(audit).toContain(allowed);
    expect(audit).not.toContain(secret);
    expect(audit).not.toContain('spillway-paris-private');
  });

  test('the pods of a controller that come again and again fail in rounds that are longer and longer apart', async () => {
    const owned = (await pods('private')).filter(
      ({ metadata }) => metadata.labels?.['app'] === 'tolerant',
    );
    // Three replicas in rounds at 0, 1, 3, 7, 15, 31, … s.
    expect(owned.filter(isGivenBack).length).toBeLessThanOrEqual(3 * 9);
    expect(owned.some((pod) => !isGivenBack(pod))).toBe(true);
    kubectl('delete', 'deployment,daemonset,pod', '--all', '-n', 'private', '--wait=false');
    await waitFor(
      'all are let go',
      async () => (await pods('private')).length === 0 || undefined,
      soon,
    );
  });
});

describe('a virtual node that is cordoned', () => {
  const explained = async (name: string): Promise<string> =>
    JSON.stringify(await agent().get(`/v1/explain?namespace=shop&name=${name}`));
  const web = async (): Promise<readonly Pod[]> =>
    (await pods('shop')).filter(({ metadata }) => metadata.labels?.['app'] === 'web');
  const running = async (): Promise<readonly Pod[]> =>
    (await web()).filter(
      ({ metadata, status }) => status?.phase === 'Running' && !metadata.deletionTimestamp,
    );
  const allRun = async (): Promise<void> => {
    await waitFor('all run', async () => (await running()).length === 2 || undefined, soon);
  };
  const allWait = async (why: string): Promise<void> => {
    await waitFor(
      `all wait, since ${why}`,
      async () => {
        const all = await web();
        if (all.length !== 2 || all.some(({ spec }) => spec.nodeName)) return undefined;
        const texts = await Promise.all(
          all.map(async ({ metadata }) => await explained(metadata.name ?? '')),
        );
        return texts.every((text) => text.includes(why)) || undefined;
      },
      soon,
    );
  };
  const virtualNode = async (): Promise<Node> =>
    await home().client.get<Node>(`/api/v1/nodes/${node}`);

  test('is emptied by kubectl drain, and stays empty', async () => {
    kubectl('delete', 'pod', 'ours', '-n', 'shop', '--now');
    const spec = { schedulerName: wellKnown.schedulerName };
    const ask = { name: 'web', namespace: 'shop', spec, value: allowed, cpu: large };
    await make('Deployment', ask, { replicas: 2 });
    await allRun();
    kubectl('drain', node, '--timeout=60s', '--ignore-daemonsets');
    await allWait('its virtual node is cordoned');
  });

  test('is shown as such', async () => {
    await waitFor(
      'kubectl get neighbours shows it',
      () => {
        const column = 'custom-columns=CORDONED:.status.cordoned';
        return kubectl('get', 'neighbours', 'lyon', '-o', column).includes('true') || undefined;
      },
      soon,
    );
    expect(kubectl('get', 'neighbours')).toMatch(/^lyon +alive,cordoned /m);
    expect(await agent().get('/v1/status')).toMatchObject({ cordoned: ['lyon'] });
    expect(await agent().get('/v1/neighbours')).toMatchObject([{ cordoned: true }]);
    const { findings } = await agent().get<{ findings: readonly object[] }>('/v1/doctor');
    expect(findings).toContainEqual(expect.objectContaining({ check: 'marks', subject: node }));
  });

  test('stays so when it is deleted and made again, also while no agent runs', async () => {
    const made = async (before: string | undefined): Promise<Node> =>
      await waitFor(
        'it is made again',
        async () => {
          try {
            const found = await virtualNode();
            return found.metadata.uid === before ? undefined : found;
          } catch {
            return undefined;
          }
        },
        soon,
      );
    const first = await virtualNode();
    kubectl('delete', 'node', node);
    const second = await made(first.metadata.uid);
    expect(second.spec?.unschedulable).toBe(true);
    await agent().end('SIGKILL');
    kubectl('delete', 'node', node);
    await agent().start();
    await agent().ready();
    expect((await made(second.metadata.uid)).spec?.unschedulable).toBe(true);
    await allWait('its virtual node is cordoned');
  });

  test('takes pods again once it is uncordoned', async () => {
    kubectl('uncordon', node);
    await allRun();
  });

  test('a NoExecute taint moves its pods away once', async () => {
    const before = new Set((await web()).map(({ metadata }) => metadata.uid));
    kubectl('taint', 'node', node, 'maintenance=yes:NoExecute');
    await allWait('has taint maintenance=yes:NoExecute, which the pod does not tolerate');
    const created = kubectl('get', 'events', '-n', 'shop', '-o', 'json');
    const { items } = JSON.parse(created) as {
      items: readonly { reason: string; message: string; count?: number }[];
    };
    const web2 = await web();
    expect(web2.filter(({ metadata }) => before.has(metadata.uid))).toEqual([]);
    const made = items.filter(({ reason }) => reason === 'SuccessfulCreate');
    // Two at first, two after the drain, two now.
    expect(made.filter(({ message }) => message.includes('web-'))).toHaveLength(6);
    kubectl('taint', 'node', node, 'maintenance-');
    await allRun();
  });

  test('goes on with its pods when it was deleted while no agent ran', async () => {
    const guests = async (): Promise<number> =>
      (await agent().get<{ away: Readonly<Record<string, number>> }>('/v1/status')).away['lyon'] ??
      0;
    await waitFor('all are away', async () => (await guests()) > 0 || undefined, soon);
    const before = await guests();
    await agent().end('SIGKILL');
    kubectl('delete', 'node', node);
    await agent().start();
    await agent().ready();
    await waitFor(
      'they are its own again',
      async () => (await guests()) === before || undefined,
      soon,
    );
  });
});
