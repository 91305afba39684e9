/** The chart's admission policies on a real API server: who may put what on a virtual node. */
import { ApiClient } from '@spillway/kubernetes';
import {
  equalNodes,
  installAgentRights,
  type LocalTestbed,
  run,
  startTestbed,
  waitFor,
} from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chartFolder, helm } from './helm.ts';

const soon = { timeoutMs: 60_000, everyMs: 200 };
const served = ['ValidatingAdmissionPolicy', 'MutatingAdmissionPolicy'];
const virtual = 'spillway-lyon';
/** A real node of someone whose nodes are called so. */
const lookalike = 'spillway-worker-1';
const setsPath = '/apis/apps/v1/namespaces/default/daemonsets';

let testbed: LocalTestbed;
let agentKubeconfig: string;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [{ name: 'paris', city: undefined, nodes: equalNodes(2) }],
  });
  agentKubeconfig = await installAgentRights(paris());
  for (const [name, labels] of [
    [virtual, { 'spillway.dev/virtual-node': 'true' }],
    [lookalike, {}],
  ] as const) {
    await paris().apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }),
    );
  }
  // As one that was there before Spillway.
  await makeSet('older', tolerant);
  await waitFor('it is counted', async () => (await statusOf('older'))?.desired, soon);
  await paris().apply(await policies());
  await waitFor(
    'the policies are in force',
    async () => {
      const dry = '?dryRun=All';
      const [denied, mutated] = await Promise.all([
        tried('POST', `/api/v1/namespaces/default/pods${dry}`, podOn(virtual, 'probe')),
        tried('POST', `${setsPath}${dry}`, daemonSet('probe', tolerant)),
      ]);
      const terms = JSON.stringify((mutated as Shown)?.spec?.template.spec.affinity ?? '');
      return denied === 403 && terms.includes('DoesNotExist') ? true : undefined;
    },
    soon,
  );
});

afterAll(async () => await testbed?.stop());

function paris() {
  return testbed.cluster('paris');
}

/** As Helm renders them for an API server that serves `kinds`. */
async function policies(kinds: readonly string[] = served): Promise<string> {
  const rendered = await helm([
    'template',
    'spillway',
    chartFolder,
    '--namespace=spillway-system',
    '--set=cluster=paris',
    ...kinds.map((kind) => `--api-versions=admissionregistration.k8s.io/v1/${kind}`),
  ]);
  return parseAllDocuments(rendered)
    .map((document) => document.toJS() as { kind?: string } | null)
    .filter((object) => object?.kind?.includes('AdmissionPolicy'))
    .map((object) => JSON.stringify(object))
    .join('\n---\n');
}

/** Its answer, or the status code of a refusal. */
async function tried(method: string, path: string, body: unknown): Promise<unknown> {
  try {
    return await paris().client.call(method, path, body);
  } catch (error) {
    return (error as { status?: number }).status;
  }
}

interface Shown {
  readonly metadata: { readonly generation: number };
  readonly spec: {
    readonly template: {
      readonly metadata: object;
      readonly spec: { readonly affinity?: unknown };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
  };
}

const tolerant = { tolerations: [{ operator: 'Exists' }] };

function podOn(nodeName: string | undefined, name: string): object {
  const containers = [{ name: 'c', image: 'i' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { ...(nodeName !== undefined && { nodeName }), schedulerName: 'nobody', containers },
  };
}

function daemonSet(name: string, spec: object, annotations: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { ...spec, containers: [{ name: 'c', image: 'i' }] },
      },
    },
  };
}

async function makeSet(name: string, spec: object): Promise<void> {
  await paris().client.call('POST', setsPath, daemonSet(name, spec));
}

async function setNamed(name: string): Promise<Shown> {
  return await paris().client.get<Shown>(`${setsPath}/${name}`);
}

/** Once the controller has seen its last generation. */
async function statusOf(name: string): Promise<{ readonly desired: number } | undefined> {
  const { metadata, status } = await setNamed(name);
  if (status?.observedGeneration !== metadata.generation) return undefined;
  return { desired: status.desiredNumberScheduled };
}

async function counted(name: string): Promise<number> {
  const { desired } = await waitFor(`${name} is counted`, () => statusOf(name), soon);
  return desired;
}

/** The names of both real nodes, which KWOK runs, and of the lookalike. */
const realNodes = 3;

function binding(name: string, node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  };
}

const guestRights = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'spillway-guests' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'spillway-guests' },
  subjects: [{ kind: 'ServiceAccount', name: 'spillway-agent', namespace: 'spillway-system' }],
};

async function asAgent(words: readonly string[], input = '') {
  return await run(testbed.kubectl, [`--kubeconfig=${agentKubeconfig}`, ...words], { input });
}

describe('with the chart’s admission policies', () => {
  test('nobody but the agent binds a pod to a virtual node', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    for (const name of ['a', 'b']) {
      await paris().client.call('POST', pods, podOn(undefined, name));
    }
    const path = (name: string): string => `${pods}/${name}/binding`;
    await expect(
      paris().client.call('POST', path('a'), binding('a', virtual)),
    ).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('only Spillway may bind pods to its virtual node'),
    });
    await paris().client.call('POST', path('a'), binding('a', lookalike));
    const body = JSON.stringify(binding('b', virtual));
    const bound = await asAgent(['create', '--raw', path('b'), '-f', '-'], body);
    expect(bound).toMatchObject({ code: 0 });
  });

  test('the agent takes its rights of guest namespaces in no other namespace', async () => {
    const take = async (namespace: string) => {
      const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
      return await asAgent(['create', '--raw', path, '-f', '-'], JSON.stringify(guestRights));
    };
    const refused = await take('kube-system');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('the agent takes rights in guest namespaces only');
    const guests = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'spillway-lyon-shop', labels: { 'spillway.dev/home': 'lyon' } },
    };
    await asAgent(['create', '--raw', '/api/v1/namespaces', '-f', '-'], JSON.stringify(guests));
    expect(await take('spillway-lyon-shop')).toMatchObject({ code: 0 });
  });

  test('the agent deletes and changes virtual nodes only', async () => {
    const refused = await asAgent(['delete', 'node', lookalike]);
    expect(refused.stderr).toContain('the agent changes and deletes virtual nodes only');
    const api = new ApiClient({ kubeconfig: agentKubeconfig });
    const change = async (node: string): Promise<unknown> =>
      await api.call({
        method: 'PATCH',
        path: `/api/v1/nodes/${node}/status`,
        contentType: 'application/merge-patch+json',
        body: { status: { phase: 'Running' } },
      });
    try {
      await expect(change(lookalike)).rejects.toThrow('changes and deletes virtual nodes only');
      await expect(change(virtual)).resolves.toMatchObject({ metadata: { name: virtual } });
    } finally {
      api.close();
    }
  });

  test('nobody makes a pod that names one', async () => {
    const path = '/api/v1/namespaces/default/pods';
    await expect(paris().client.call('POST', path, podOn(virtual, 'named'))).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('only Spillway may bind pods to its virtual node'),
    });
    await paris().client.call('POST', path, podOn(lookalike, 'named'));
  });

  test.each<readonly [string, object]>([
    ['everything', tolerant],
    ['our-taint', { tolerations: [{ key: 'spillway.dev/virtual-node', operator: 'Exists' }] }],
    [
      'pod-affinity',
      {
        ...tolerant,
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector: {} } },
            ],
          },
        },
      },
    ],
    [
      'preferred',
      {
        ...tolerant,
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                preference: { matchExpressions: [{ key: 'fast', operator: 'Exists' }] },
              },
            ],
          },
        },
      },
    ],
    [
      'terms',
      {
        ...tolerant,
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'never', operator: 'Exists' }] },
                { matchExpressions: [{ key: 'gone', operator: 'DoesNotExist' }] },
                {
                  matchFields: [{ key: 'metadata.name', operator: 'In', values: [virtual] }],
                },
              ],
            },
          },
        },
      },
    ],
  ])('a DaemonSet counts real nodes only: %s', async (name, spec) => {
    await makeSet(name, spec);
    expect(await counted(name)).toBe(realNodes);
  });

  test('one that does not tolerate virtual nodes is left as its author wrote it', async () => {
    await makeSet('plain', {});
    expect((await setNamed('plain')).spec.template.spec.affinity).toBeUndefined();
  });

  test('one that is older stays as it is until its template changes, so that none of its pods restart', async () => {
    expect(await counted('older')).toBe(realNodes + 1);
    const path = `${setsPath}/older`;
    const merge = 'application/merge-patch+json';
    const { metadata } = await setNamed('older');
    await paris().client.call('PATCH', path, { metadata: { labels: { a: 'b' } } }, merge);
    expect((await setNamed('older')).metadata.generation).toBe(metadata.generation);
    const template = { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } };
    await paris().client.call('PATCH', path, { spec: { template } }, merge);
    expect(await counted('older')).toBe(realNodes);
  });

  test('one that is written again without the term does not change, and restarts no pod', async () => {
    await makeSet('again', tolerant);
    const before = await setNamed('again');
    await paris().client.call('PUT', `${setsPath}/again`, daemonSet('again', tolerant));
    const after = await setNamed('again');
    expect(after.spec.template).toEqual(before.spec.template);
    expect(after.metadata.generation).toBe(before.metadata.generation);
  });
});

describe('the chart', () => {
  test('installs the policies that the API server serves, unless they are switched off', async () => {
    const kinds = async (...of: readonly string[]): Promise<string> => await policies(of);
    expect(await kinds()).toBe('');
    const older = await kinds('ValidatingAdmissionPolicy');
    expect(older).toContain('spillway-binding');
    expect(older).not.toContain('MutatingAdmissionPolicy');
    const off = await helm([
      'template',
      'spillway',
      chartFolder,
      '--set=cluster=paris',
      '--set=admissionPolicies.enabled=false',
      ...served.map((kind) => `--api-versions=admissionregistration.k8s.io/v1/${kind}`),
    ]);
    expect(off).not.toContain('AdmissionPolicy');
  });
});
