/** What a host's API server says of a pod before anything is made, and of a pod that another has completed. */
import { clusterName, type NodeName, type Pod } from '@spillway/core';
import { portablePod, saidOfTemplate } from '@spillway/federation';
import {
  equalNodes,
  installAgentRights,
  type LocalCluster,
  type LocalTestbed,
  startTestbed,
  waitFor,
} from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { Pods } from './pods.ts';

const paris = clusterName('paris');
const node = 'node-1' as NodeName;
const soon = { timeoutMs: 20_000 };

let testbed: LocalTestbed;
let home: LocalCluster;
let host: LocalCluster;
let api: ApiClient;
let pods: Pods;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: ['paris', 'lyon'].map((name) => ({ name, city: undefined, nodes: equalNodes(1) })),
  });
  [home, host] = [testbed.cluster('paris'), testbed.cluster('lyon')];
  api = new ApiClient({ kubeconfig: await installAgentRights(host) });
  pods = new Pods(api);
  await home.apply('{apiVersion: v1, kind: Namespace, metadata: {name: shop}}');
  await waitFor(
    'shop’s service account',
    () => home.client.get('/api/v1/namespaces/shop/serviceaccounts/default'),
    soon,
  );
});

afterAll(async () => {
  api?.close();
  await testbed?.stop();
});

let made = 0;

/** A user's pod as the home's API server answers it. Nobody schedules it. */
async function atHome(spec: object = {}, metadata: object = {}): Promise<Pod> {
  return await home.client.call<Pod>('POST', '/api/v1/namespaces/shop/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${made++}`, labels: { app: 'web', rev: 'a' }, ...metadata },
    spec: {
      schedulerName: 'nobody',
      containers: [{ name: 'c', image: 'registry.example/c:1' }],
      ...spec,
    },
  });
}

async function tried(pod: Pod, namespace = 'shop') {
  const travelling = { ...pod, metadata: { ...pod.metadata, namespace } };
  return await pods.tryShadow({ home: paris, pod: portablePod(travelling), place: { node } });
}

/** The shadow as the host's API server has it. */
async function createdThere(pod: Pod): Promise<Pod> {
  const made = await pods.createShadow({ home: paris, pod: portablePod(pod), place: { node } });
  expect(made).toEqual({ kind: 'created' });
  const there = await pods.getPod('spillway-paris-shop', pod.metadata.name ?? '');
  if (there === undefined) throw new Error('the shadow is not there');
  return there;
}

async function guestNamespaceIs(namespace: string, manifest: string): Promise<void> {
  expect(await tried(await atHome(), namespace)).toEqual({ kind: 'accepted' });
  await host.apply(manifest);
}

describe('tryShadow', () => {
  test('makes nothing but the guest namespace', async () => {
    expect(await tried(await atHome())).toEqual({ kind: 'accepted' });
    const { items } = await host.client.get<{ items: Pod[] }>(
      '/api/v1/namespaces/spillway-paris-shop/pods',
    );
    expect(items).toEqual([]);
  });

  test('a shadow that is there already is no reason against its next one', async () => {
    const pod = await atHome();
    await createdThere(pod);
    expect(await tried(pod)).toEqual({ kind: 'accepted' });
  });

  test('names what the pod needs and does not find there', async () => {
    await guestNamespaceIs(
      'stocked',
      '{apiVersion: v1, kind: Secret, metadata: {name: key, namespace: spillway-paris-stocked}}',
    );
    const envFrom = [{ configMapRef: { name: 'settings' } }, { secretRef: { name: 'key' } }];
    const pod = await atHome({ containers: [{ name: 'c', image: 'c', envFrom }] });
    expect(await tried(pod, 'stocked')).toEqual({ kind: 'lacks', missing: ['ConfigMap settings'] });
    const nobody = [{ secretRef: { name: '../../../kube-system/secrets/x' } }];
    const sly = { ...pod, spec: { containers: [{ name: 'c', image: 'c', envFrom: nobody }] } };
    expect(await tried(sly, 'stocked')).toMatchObject({ kind: 'lacks' });
  });

  test('says what quota would refuse', async () => {
    await guestNamespaceIs(
      'full',
      `apiVersion: v1
kind: ResourceQuota
metadata: { name: guests, namespace: spillway-paris-full }
spec: { hard: { pods: "0" } }
`,
    );
    const pod = await atHome();
    const outcome = await waitFor(
      'the quota is in force',
      async () => {
        const said = await tried(pod, 'full');
        return said.kind === 'rejected' ? said : undefined;
      },
      soon,
    );
    expect(saidOfTemplate(outcome.reason, pod)).toMatch(
      /^such a pod is forbidden: exceeded quota: guests/,
    );
  });

  test.each([
    ['privileged', { privileged: true }],
    ['with capabilities added', { capabilities: { add: ['NET_ADMIN'] } }],
  ])('says that Pod Security would refuse a container %s', async (_, securityContext) => {
    const pod = await atHome({ containers: [{ name: 'c', image: 'c', securityContext }] });
    const outcome = await tried(pod);
    expect(outcome).toMatchObject({
      kind: 'rejected',
      reason: expect.stringContaining('violates PodSecurity "baseline'),
    });
    // The host's words, and nothing of how they were asked for.
    expect(JSON.stringify(outcome)).not.toContain('/api/v1');
  });

  describe('of a pod with a RuntimeClass', () => {
    const runtimeClass = (name: string, cpu?: string) => `apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: { name: ${name} }
handler: sandbox
${cpu === undefined ? '' : `overhead: { podFixed: { cpu: ${cpu} } }`}
`;
    const classed = async (runtimeClassName: string): Promise<Pod> =>
      await waitFor(
        `paris knows RuntimeClass ${runtimeClassName}`,
        async () => {
          const pod = await atHome({ runtimeClassName });
          return pod.spec.overhead === undefined ? undefined : pod;
        },
        soon,
      );

    test('that the host has alike, nothing', async () => {
      await home.apply(runtimeClass('alike', '250m'));
      await host.apply(runtimeClass('alike', '250m'));
      const pod = await classed('alike');
      await waitFor(
        'lyon takes it',
        async () => (await tried(pod)).kind === 'accepted' || undefined,
        soon,
      );
      expect((await createdThere(pod)).spec.overhead).toEqual({ cpu: '250m' });
    });

    test.each([
      ['lacks', undefined],
      ['has without overhead', ''],
      ['has with another overhead', '500m'],
    ])('that the host %s, its name', async (_, overhead) => {
      const name = `class-${made}`;
      await home.apply(runtimeClass(name, '250m'));
      if (overhead !== undefined) await host.apply(runtimeClass(name, overhead || undefined));
      const outcome = await tried(await classed(name));
      expect(outcome).toMatchObject({ kind: 'rejected', reason: expect.stringContaining(name) });
    });
  });

  test('a webhook that does not answer is no word about the pod', async () => {
    await host.apply(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: with-side-effects }
webhooks:
  - name: side-effects.example.com
    sideEffects: NoneOnDryRun
    admissionReviewVersions: [v1]
    failurePolicy: Fail
    clientConfig: { url: "https://127.0.0.1:1/" }
    namespaceSelector: { matchLabels: { spillway.dev/home-namespace: hooked } }
    rules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods] }]
`);
    const pod = await atHome();
    const error = await waitFor(
      'the webhook is in force',
      async () => await tried(pod, 'hooked').then(() => undefined, String),
      soon,
    );
    expect(error).toContain('failed calling webhook');
    await host.client.call(
      'DELETE',
      '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/with-side-effects',
    );
  });
});

/** docs/two-api-servers.md: what the home's API server has completed, the host's does not complete again. */
describe('a pod of one API server is taken by a second one', () => {
  const selector = { matchLabels: { app: 'web' } };
  const merged = {
    matchLabels: { app: 'web' },
    matchExpressions: [{ key: 'rev', operator: 'In', values: ['a'] }],
  };
  const hostname = 'kubernetes.io/hostname';

  test('with matchLabelKeys in its spread constraints', async () => {
    const constraint = { maxSkew: 1, topologyKey: hostname, whenUnsatisfiable: 'ScheduleAnyway' };
    const written = { ...constraint, labelSelector: selector, matchLabelKeys: ['rev'] };
    const pod = await atHome({ topologySpreadConstraints: [written] });
    expect(pod.spec.topologySpreadConstraints?.[0]?.labelSelector).toEqual(merged);
    expect(await tried(pod)).toEqual({ kind: 'accepted' });
    const shadow = await createdThere(pod);
    expect(shadow.spec.topologySpreadConstraints).toEqual([
      { ...constraint, labelSelector: merged },
    ]);
  });

  test('with matchLabelKeys and mismatchLabelKeys in its (anti-)affinity', async () => {
    const term = { topologyKey: hostname, labelSelector: selector, matchLabelKeys: ['rev'] };
    const unlike = { topologyKey: hostname, labelSelector: selector, mismatchLabelKeys: ['rev'] };
    const weighted = (podAffinityTerm: object) => [{ weight: 10, podAffinityTerm }];
    const pod = await atHome({
      affinity: {
        podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: weighted(term) },
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [term],
          preferredDuringSchedulingIgnoredDuringExecution: weighted(unlike),
        },
      },
    });
    expect(await tried(pod)).toEqual({ kind: 'accepted' });
    const { affinity } = (await createdThere(pod)).spec;
    const mergedTerm = { topologyKey: hostname, labelSelector: merged };
    const notIn = { key: 'rev', operator: 'NotIn', values: ['a'] };
    const mergedUnlike = {
      topologyKey: hostname,
      labelSelector: { ...selector, matchExpressions: [notIn] },
    };
    expect(affinity).toEqual({
      podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: weighted(mergedTerm) },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [mergedTerm],
        preferredDuringSchedulingIgnoredDuringExecution: weighted(mergedUnlike),
      },
    });
  });

  test('with pod-level resources, extended resources and limits without requests', async () => {
    const limits = { cpu: '100m', memory: '64Mi', 'example.com/gpu': '1' };
    const pod = await atHome({
      resources: { limits: { cpu: '1', memory: '1Gi' } },
      containers: [{ name: 'c', image: 'c', resources: { limits } }],
    });
    expect(await tried(pod)).toEqual({ kind: 'accepted' });
    const shadow = await createdThere(pod);
    expect(shadow.spec.resources).toEqual(pod.spec.resources);
    expect(shadow.spec.containers[0]?.resources).toEqual(pod.spec.containers[0]?.resources);
  });

  test('with its tolerations of lost nodes once, and priority as the host gives it', async () => {
    const pod = await atHome({ priorityClassName: 'system-cluster-critical' });
    const shadow = await createdThere(pod);
    expect(pod.spec.tolerations?.map(({ key }) => key)).toEqual([
      'node.kubernetes.io/not-ready',
      'node.kubernetes.io/unreachable',
    ]);
    expect(shadow.spec.tolerations).toEqual(pod.spec.tolerations);
    expect(shadow.spec.priority).toBe(-1000);
  });

  test('without the labels that its home’s node gave it', async () => {
    const zone = 'topology.kubernetes.io/zone';
    const pod = await atHome({}, { labels: { app: 'web', [zone]: 'of-paris' } });
    const { labels } = (await createdThere(pod)).metadata;
    expect(labels?.['app']).toBe('web');
    expect(labels?.[zone]).not.toBe('of-paris');
  });
});
