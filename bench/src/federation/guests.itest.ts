/**
 * What guests are at their host, and offloaded pods at their home, with agents as they ship. There are three
 * clusters. `joined` has its pod network joined with the home's, and `apart` does not.
 */
import { type Pod, wellKnown } from '@spillway/core';
import { equalNodes, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectHistories, type Histories } from '../observation/histories.ts';
import { type Federation, startFederation } from './federation.ts';

const soon = { timeoutMs: 40_000, everyMs: 50 };
const [home, joined, apart] = ['home', 'joined', 'apart'] as const;

let testbed: LocalTestbed;
let histories: Histories;
let federation: Federation;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: home, city: undefined, nodes: equalNodes(1) },
      { name: joined, city: undefined, nodes: equalNodes(2) },
      { name: apart, city: undefined, nodes: equalNodes(3) },
    ],
  });
  histories = await collectHistories(testbed.clusters);
  federation = await startFederation(testbed, ['guests.emptyNamespaceMs=2000'], (cluster) =>
    cluster === apart ? {} : { 'pod-network': 'a' },
  );
  // Whatever comes, leaves.
  await testbed.cluster(home).kubectl(['cordon', 'node-1']);
  await namespace('shop');
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
});

async function namespace(name: string): Promise<void> {
  await testbed.cluster(home).apply(`apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { spillway.dev/offload: enabled } }
`);
}

interface Ask {
  readonly name: string;
  readonly host?: string;
  readonly namespace?: string;
  readonly labels?: string;
  readonly annotations?: string;
  readonly spec?: string;
  readonly container?: string;
}

async function make(ask: Ask): Promise<void> {
  const { name, host = apart, labels = '', annotations = '', spec = '', container = '' } = ask;
  await testbed.cluster(home).apply(`apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: ${ask.namespace ?? 'shop'}
  labels: { app: ${name}${labels && `, ${labels}`} }
  annotations:
    spillway.dev/policy: nearest; require name=${host}
    testbed.spillway.dev/run-time: 600s
${annotations}
spec:
  schedulerName: spillway
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
${spec}
  containers:
    - name: main
      image: registry.example/main:1
      ports: [{ containerPort: 80 }]
      resources: { requests: { cpu: 50m, memory: 32Mi } }
${container}
`);
}

function podAt(cluster: string, name: string): Pod | undefined {
  return [...histories.pods(cluster).values()].find(({ metadata }) => metadata.name === name);
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

async function guest(ask: Ask): Promise<Pod> {
  await make(ask);
  await runs(ask.name);
  return await until('its shadow is seen', () => podAt(ask.host ?? apart, ask.name));
}

interface Slices {
  readonly items: readonly {
    readonly endpoints?: readonly {
      readonly addresses: readonly string[];
      readonly targetRef?: { readonly name?: string };
    }[];
  }[];
}

describe('a Service at home', () => {
  async function endpointsOf(service: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name=${service}`;
    const { items } = await testbed.cluster(home).client.get<Slices>(path);
    const endpoints = items.flatMap((slice) => slice.endpoints ?? []);
    return new Map(endpoints.map((each) => [each.targetRef?.name ?? '', each.addresses]));
  }

  test('lists a pod away where the pod networks are joined, and no other', async () => {
    await testbed.cluster(home).apply(`apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { tier: web }, ports: [{ port: 80 }] }
`);
    // The one that must not be listed is there first, so that a list with the other would show it.
    await guest({ name: 'far', labels: 'tier: web' });
    const near = await guest({ name: 'near', labels: 'tier: web', host: joined });
    const endpoints = await waitFor(
      'the other is listed',
      async () => {
        const listed = await endpointsOf('web');
        return listed.has('near') ? listed : undefined;
      },
      soon,
    );
    expect([...endpoints]).toEqual([['near', [near.status?.podIP]]]);
    const { status } = await runs('far');
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    expect([status?.podIP, status?.hostIP]).toEqual([undefined, undefined]);
  });

  test('does not list it, and its owner is told so', async () => {
    const reasons = async (name: string): Promise<readonly string[]> => {
      const { items } = await testbed
        .cluster(home)
        .client.get<{ items: { reason: string }[] }>(
          `/api/v1/namespaces/shop/events?fieldSelector=involvedObject.name=${name}`,
        );
      return items.map(({ reason }) => reason);
    };
    await waitFor(
      'the event is there',
      async () => (await reasons('far')).includes('NoEndpoint') || undefined,
      soon,
    );
    expect(await reasons('near')).not.toContain('NoEndpoint');
    const explained = async (name: string) =>
      await federation.agent(home).get<object>(`/v1/explain?namespace=shop&name=${name}`);
    expect(await explained('far')).toMatchObject({ state: 'away', joined: false });
    expect(await explained('near')).toMatchObject({ state: 'away', joined: true });
  });
});

describe('a guest', () => {
  test('that tolerates everything runs on no cordoned and no reserved node', async () => {
    const host = testbed.cluster(apart);
    await host.kubectl(['cordon', 'node-1']);
    await host.kubectl(['taint', 'node', 'node-2', 'reserved=db:NoSchedule']);
    // It tolerates the home's cordoned node as well, so that it must ask for what the home lacks.
    await host.kubectl(['label', 'node', 'node-1', 'node-2', 'node-3', 'spillway.dev/pool=guests']);
    const spec = `  tolerations: [{ operator: Exists }]
  nodeSelector: { spillway.dev/pool: guests }`;
    for (let i = 0; i < 6; i++) await make({ name: `tolerant-${i}`, spec });
    for (let i = 0; i < 6; i++) {
      // oxlint-disable-next-line no-await-in-loop -- they run side by side
      await runs(`tolerant-${i}`);
      const shadow = await until('its shadow is seen', () => podAt(apart, `tolerant-${i}`));
      expect(shadow.spec.nodeName).toBe('node-3');
    }
    await host.kubectl(['uncordon', 'node-1']);
    await host.kubectl(['taint', 'node', 'node-2', 'reserved-']);
  });

  test('takes the room that its init containers take', async () => {
    // 2.5 of a node's 4 CPUs to begin with, a tenth afterwards: no node has room for two.
    const spec = `  initContainers:
    - name: unpack
      image: registry.example/unpack:1
      resources: { requests: { cpu: 2500m, memory: 64Mi } }`;
    const names = ['unpacks-0', 'unpacks-1', 'unpacks-2'];
    for (const name of names) await make({ name, spec });
    const nodes = new Set<string>();
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- they run side by side
      await runs(name);
      const shadow = await until('its shadow is seen', () => podAt(apart, name));
      nodes.add(shadow.spec.nodeName ?? '');
    }
    expect(nodes.size).toBe(names.length);
  });

  test('brings no label or annotation that controllers of its host obey', async () => {
    const shadow = await guest({
      name: 'loaded',
      labels: 'azure.workload.identity/use: "true"',
      annotations: `    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    iam.amazonaws.com/role: host-admin
    k8s.v1.cni.cncf.io/networks: kube-system/node-lan`,
    });
    expect(Object.keys(shadow.metadata.labels ?? {}).sort()).toEqual([
      'app',
      wellKnown.homeLabel,
      wellKnown.homeNamespaceLabel,
      wellKnown.homeUidLabel,
    ]);
    expect(shadow.metadata.annotations).toEqual({
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
      'testbed.spillway.dev/run-time': '600s',
      [wellKnown.homeNameAnnotation]: 'loaded',
      [wellKnown.madeFromAnnotation]: expect.any(String),
    });
    const told = await federation.agent(home).get<object>('/v1/explain?namespace=shop&name=loaded');
    expect(told).toMatchObject({
      state: 'away',
      leftOut: expect.arrayContaining([
        'annotation iam.amazonaws.com/role',
        'annotation k8s.v1.cni.cncf.io/networks',
      ]),
    });
  });

  test('sees of itself what the pod is at home', async () => {
    const shadow = await guest({
      name: 'informed',
      spec: `  volumes:
    - name: info
      downwardAPI: { items: [{ path: ns, fieldRef: { fieldPath: metadata.namespace } }] }`,
      container: `      env:
        - { name: NS, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
        - { name: ID, valueFrom: { fieldRef: { fieldPath: metadata.uid } } }
        - { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }`,
    });
    expect(shadow.spec.containers[0]?.['env']).toEqual([
      { name: 'NS', value: 'shop' },
      { name: 'ID', value: podAt(home, 'informed')?.metadata.uid },
      { name: 'NODE', value: `spillway-${apart}` },
    ]);
    expect(shadow.metadata.annotations).toMatchObject({ 'home.spillway.dev/field-0': 'shop' });
  });

  test('is not ended at home by the end of a copy of its shadow', async () => {
    const shadow = await guest({ name: 'copied' });
    const { namespace: there = '', labels, annotations, ownerReferences } = shadow.metadata;
    const { client } = testbed.cluster(apart);
    await client.call('POST', `/api/v1/namespaces/${there}/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'copy', labels, annotations, ownerReferences },
      spec: shadow.spec,
    });
    await until('the copy runs', () => podAt(apart, 'copy')?.status?.phase === 'Running');
    await client.call('DELETE', `/api/v1/namespaces/${there}/pods/copy`, { gracePeriodSeconds: 0 });
    await until('the copy is gone', () => !podAt(apart, 'copy'));
    // One that comes and goes after it: whatever was said of the copy has been said by then.
    await guest({ name: 'next' });
    expect(podAt(home, 'copied')?.status?.phase).toBe('Running');
    expect(podAt(apart, 'copied')?.metadata.uid).toBe(shadow.metadata.uid);
  });

  test('that has finished leaves its pod as it is when its host deletes it', async () => {
    await make({ name: 'once', annotations: '' });
    const shadow = await until('its shadow runs', () => podAt(apart, 'once'));
    await runs('once');
    const { client } = testbed.cluster(apart);
    const path = `/api/v1/namespaces/${shadow.metadata.namespace}/pods/once`;
    const status = { status: { phase: 'Succeeded' } };
    await client.call('PATCH', `${path}/status`, status, 'application/merge-patch+json');
    await until('it has succeeded', () => podAt(home, 'once')?.status?.phase === 'Succeeded');
    await client.call('DELETE', path, { gracePeriodSeconds: 0 });
    await until('its shadow is gone', () => !podAt(apart, 'once'));
    await guest({ name: 'after' });
    expect(podAt(home, 'once')?.status?.phase).toBe('Succeeded');
  });
});

test('guest namespaces go after their last guest, and come again with the next', async () => {
  await namespace('review');
  const shadow = await guest({ name: 'short', namespace: 'review' });
  const there = shadow.metadata.namespace ?? '';
  const { client } = testbed.cluster(apart);
  const path = '/api/v1/namespaces/review/pods/short';
  await testbed.cluster(home).client.call('DELETE', path);
  await waitFor(
    'it is gone',
    async () => {
      const { items } = await client.get<{ items: Pod[] }>('/api/v1/namespaces');
      return items.every(({ metadata }) => metadata.name !== there) || undefined;
    },
    soon,
  );
  await guest({ name: 'again', namespace: 'review' });
});
