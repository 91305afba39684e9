/**
 * What operators and pods' owners are told by two agents as they ship. The log has a line for each decision.
 * Events say in words what a host has done. A setting without effect is found.
 */
import { readFileSync } from 'node:fs';
import { type Pod, wellKnown } from '@spillway/core';
import { equalNodes, startTestbed, type Testbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, startFederation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 250 };
let testbed: Testbed;
let federation: Federation;

interface Line {
  readonly msg: string;
  readonly decision?: string;
  readonly pod?: string;
  readonly host?: string;
  readonly home?: string;
  readonly reason?: string;
  readonly neighbour?: string;
}

interface Event {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: 'paris', city: 'paris', nodes: equalNodes(1, { cpu: '1' }) },
      { name: 'lyon', city: 'lyon', nodes: equalNodes(2) },
    ],
  });
  federation = await startFederation(testbed);
  await testbed.cluster('paris').apply(`apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { spillway.dev/offload: enabled } }
`);
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
});

/** Of 2 CPU, which no node at home has. */
async function make(name: string, image = 'main'): Promise<void> {
  await testbed.cluster('paris').apply(`apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec:
  schedulerName: spillway
  containers: [{ name: main, image: registry.example/${image}:1, resources: { requests: { cpu: 2 } } }]
`);
}

function lines(cluster: string): readonly Line[] {
  const text = readFileSync(federation.agent(cluster).log, 'utf8');
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
}

async function decided(
  cluster: string,
  decision: string,
  of: (line: Line) => boolean = () => true,
): Promise<Line> {
  return await waitFor(
    `${cluster} says ${decision}`,
    () => lines(cluster).find((line) => line.decision === decision && of(line)),
    soon,
  );
}

async function eventsIn(namespace: string): Promise<readonly Event[]> {
  const path = `/api/v1/namespaces/${namespace}/events`;
  return (await testbed.cluster('paris').client.get<{ items: Event[] }>(path)).items;
}

async function shadowOf(name: string): Promise<Pod> {
  const path = `/api/v1/pods?labelSelector=${wellKnown.homeLabel}%3Dparis`;
  return await waitFor(
    `${name} is at lyon`,
    async () => {
      const { items } = await testbed.cluster('lyon').client.get<{ items: Pod[] }>(path);
      return items.find(({ metadata }) => metadata.name === name);
    },
    soon,
  );
}

test('a pod that leaves has a line at home when it is bound and when it runs, and one at its host', async () => {
  await make('web');
  await shadowOf('web');
  const ofWeb = ({ pod }: Line): boolean => pod === 'shop/web';
  expect(await decided('paris', 'bound', ofWeb)).toMatchObject({ host: 'lyon' });
  expect((await decided('paris', 'offloaded', ofWeb)).msg).toBe('pod runs at a neighbour');
  expect(await decided('lyon', 'guestCreated', ofWeb)).toMatchObject({ home: 'paris' });
});

test('a guest that its host deletes is told at home, in words, and logged at both', async () => {
  const shadow = await shadowOf('web');
  const { namespace = '', name = '' } = shadow.metadata;
  await testbed
    .cluster('lyon')
    .client.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
      gracePeriodSeconds: 0,
    });
  expect((await decided('lyon', 'guestGone')).home).toBe('paris');
  const { reason = '' } = await decided('paris', 'guestLost');
  expect(reason).toMatch(/^no longer at lyon: deleted at its host/);
  const told = await waitFor(
    'the event',
    async () => (await eventsIn('shop')).find((event) => event.reason === 'GuestLost'),
    soon,
  );
  expect(told).toMatchObject({ type: 'Warning', message: reason });
});

test('what the host’s API server refuses is told in its words, and never as a path', async () => {
  const shadowNamespace = 'spillway-paris-shop';
  await testbed.cluster('lyon').apply(`apiVersion: v1
kind: ResourceQuota
metadata: { name: none, namespace: ${shadowNamespace} }
spec: { hard: { pods: 0 } }
`);
  // Alike to a pod that lyon has taken: the refusal comes after the binding.
  await make('db');
  const afterwards = await decided('paris', 'guestRefused', ({ pod }) => pod === 'shop/db');
  expect(afterwards.reason).toMatch(/^lyon refuses it.*exceeded quota: none/);
  // Another: lyon has tried it before.
  await make('cache', 'another');
  const before = await decided('paris', 'refusedThere', ({ reason = '' }) =>
    reason.includes('quota'),
  );
  expect(before.host).toBe('lyon');
  const { reason } = await decided('paris', 'waits', ({ pod }) => pod === 'shop/cache');
  expect(reason).toContain('exceeded quota: none');
  for (const { message } of await eventsIn('shop')) expect(message).not.toMatch(/\/apis?\/|POST /);
});

test('a virtual node that someone deletes is made again, and the log says so', async () => {
  await testbed.cluster('paris').client.call('DELETE', '/api/v1/nodes/spillway-lyon');
  expect((await decided('paris', 'nodeDeleted')).neighbour).toBe('lyon');
  await waitFor(
    'the node is back',
    async () => {
      const path = '/api/v1/nodes?fieldSelector=metadata.name%3Dspillway-lyon';
      const { items } = await testbed.cluster('paris').client.get<{ items: unknown[] }>(path);
      return items.length > 0 || undefined;
    },
    soon,
  );
});

describe('a setting that means nothing', () => {
  interface Doctor {
    readonly findings: readonly {
      readonly check: string;
      readonly subject: string;
      readonly message: string;
    }[];
  }

  async function found(subject: string): Promise<string | undefined> {
    const { findings } = await federation.agent('paris').get<Doctor>('/v1/doctor');
    return findings.find((each) => each.check === 'settings' && each.subject === subject)?.message;
  }

  test('on a namespace is found by the doctor and told by an event there, until it is mended', async () => {
    const cluster = testbed.cluster('paris');
    await cluster.apply(`apiVersion: v1
kind: Namespace
metadata: { name: lab, labels: { spillway.dev/offload: 'true' } }
`);
    const message =
      'label spillway.dev/offload=true has no effect: spillway.dev/offload=enabled lets pods leave';
    expect(await waitFor('it is found', async () => await found('namespace lab'), soon)).toBe(
      message,
    );
    const event = await waitFor('the event', async () => (await eventsIn('lab'))[0], soon);
    expect(event).toMatchObject({
      type: 'Warning',
      reason: 'InvalidSetting',
      message,
      involvedObject: { kind: 'Namespace', name: 'lab' },
    });
    await cluster.apply(`apiVersion: v1
kind: Namespace
metadata: { name: lab, labels: { spillway.dev/offload: enabled } }
`);
    await waitFor('it is mended', async () => !(await found('namespace lab')) || undefined, soon);
  });

  test('on a pod is told on the pod, with any scheduler', async () => {
    await testbed.cluster('paris').apply(`apiVersion: v1
kind: Pod
metadata: { name: odd, namespace: default, annotations: { spillway.dev/policy: closest } }
spec: { containers: [{ name: main, image: registry.example/main:1 }] }
`);
    const said = await waitFor('it is found', async () => await found('pod default/odd'), soon);
    expect(said).toMatch(/^annotation spillway\.dev\/policy can't be read: /);
    const event = await waitFor(
      'the event',
      async () => (await eventsIn('default')).find(({ reason }) => reason === 'InvalidSetting'),
      soon,
    );
    expect(event.involvedObject).toMatchObject({ kind: 'Pod', name: 'odd' });
  });
});
