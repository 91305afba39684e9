/**
 * A pod that two API servers must accept. The home learns what the host's API server would refuse before it
 * binds anything. What that still refuses is not sent there again. What is changed at home reaches the
 * guest.
 */
import { type Pod, wellKnown } from '@spillway/core';
import { homeDefaults } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Setting } from '../drills/setting.ts';
import { deploymentYaml } from './deployment-yaml.ts';
import type { Federation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 50 };
const namespaces = ['keys', 'quota', 'race', 'security', 'changes', 'jobs'];

let setting: Setting;
let federation: Federation;
let home: string;
let hosts: readonly string[];

beforeAll(async () => {
  setting = await Setting.start({ clusters: 3, pods: 60, say: () => {} });
  ({ home, hosts } = setting);
  federation = await setting.federation();
  for (const name of namespaces) {
    await setting.homeCluster.apply(`apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { spillway.dev/offload: enabled } }
`);
  }
});

afterAll(async () => await setting?.stop());

const container =
  '{ name: main, image: registry.example/main:1, resources: { requests: { cpu: 100m, memory: 16Mi } } }';
const long = '{ testbed.spillway.dev/run-time: 600s }';

async function makePod(namespace: string, name: string, spec = `containers: [${container}]`) {
  await setting.homeCluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name}, rev: a }, annotations: ${long} }
spec:
  ${spec}
`);
}

async function makeDeployment(namespace: string, name: string, replicas: number, spec: string) {
  const pod = { cpu: '100m', memory: '16Mi', spec: [spec] };
  await setting.homeCluster.apply(deploymentYaml({ namespace, name, replicas, ...pod }));
}

/** Those that are there now, by the label `app`. */
function podsOf(app: string): readonly Pod[] {
  return [...setting.histories.pods(home).values()].filter(
    ({ metadata }) => metadata.labels?.['app'] === app,
  );
}

function shadowsOf(pod: Pod | undefined): readonly (Pod & { readonly host: string })[] {
  const uid = pod?.metadata.uid;
  return hosts.flatMap((host) =>
    [...setting.histories.pods(host).values()]
      .filter(({ metadata }) => uid && metadata.labels?.[wellKnown.homeUidLabel] === uid)
      .map((shadow) => ({ ...shadow, host })),
  );
}

function hostOf({ spec }: Pod): string | undefined {
  return hosts.find((host) => spec.nodeName === `spillway-${host}`);
}

async function until<T>(what: string, find: () => T | undefined | false): Promise<T> {
  return await waitFor(what, () => find() || undefined, soon);
}

async function running(app: string, count: number): Promise<readonly Pod[]> {
  return await until(`${count} of ${app} run`, () => {
    const pods = podsOf(app).filter(({ status }) => status?.phase === 'Running');
    return pods.length === count && pods;
  });
}

async function explanation(namespace: string, name: string): Promise<string> {
  const path = `/v1/explain?namespace=${namespace}&name=${name}`;
  return JSON.stringify(await federation.agent(home).get<object>(path));
}

async function atHost(host: string, manifest: string): Promise<void> {
  await setting.testbed.cluster(host).apply(manifest);
}

describe('what the home’s API server has merged in', () => {
  test.each([
    [
      'spread',
      'topologySpreadConstraints: [{ maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: spread } }, matchLabelKeys: [pod-template-hash] }]',
    ],
    [
      'apart',
      'affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: { topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: apart } }, matchLabelKeys: [pod-template-hash] } }] } }',
    ],
  ])('is not merged a second time: Deployment %s', async (name, spec) => {
    await makeDeployment('keys', name, 3, spec);
    const pods = await running(name, 3);
    expect(pods.every((pod) => hostOf(pod) !== undefined)).toBe(true);
    expect(podsOf(name)).toHaveLength(3);
  });
});

describe('what a host’s API server would refuse', () => {
  test('by its quota goes to the next neighbour, and nothing is bound at this one', async () => {
    await makePod('quota', 'first');
    const [first] = await running('first', 1);
    const full = first && hostOf(first);
    const [shadow] = shadowsOf(first);
    await atHost(
      full ?? '',
      `apiVersion: v1
kind: ResourceQuota
metadata: { name: guests, namespace: ${shadow?.metadata.namespace} }
spec: { hard: { pods: "1" } }
`,
    );
    await waitFor(
      'the quota is in force',
      async () => {
        const path = `/api/v1/namespaces/${shadow?.metadata.namespace}/resourcequotas/guests`;
        const quota = await setting.testbed
          .cluster(full ?? '')
          .client.get<{ status?: { used?: { pods?: string } } }>(path);
        return quota.status?.used?.pods === '1' || undefined;
      },
      soon,
    );
    const other = 'terminationGracePeriodSeconds: 5';
    await makeDeployment('quota', 'web', 4, other);
    await makePod('quota', 'bare', `${other}\n  containers: [${container}]`);
    const pods = [...(await running('web', 4)), ...(await running('bare', 1))];
    expect(new Set(pods.map(hostOf))).toEqual(new Set(hosts.filter((host) => host !== full)));
    // No replacement was needed: these are the first ones.
    expect(podsOf('web')).toHaveLength(4);
  });

  test.each([
    ['privileged', '{ privileged: true }', 'violates PodSecurity'],
    ['capable', '{ capabilities: { add: [NET_ADMIN] } }', 'violates PodSecurity'],
  ])('by Pod Security stays unbound and says why: %s', async (name, context, why) => {
    const secured = container.replace('{ name', `{ securityContext: ${context}, name`);
    await makePod('security', name, `containers: [${secured}]`);
    const said = await waitFor(
      'it is explained',
      async () => {
        const text = await explanation('security', name);
        return hosts.every((host) => text.includes(`${host}":"`)) && text.includes(why)
          ? text
          : undefined;
      },
      soon,
    );
    expect(said.split(why).length).toBeGreaterThan(hosts.length);
    const [pod] = podsOf(name);
    expect(pod?.spec.nodeName).toBeUndefined();
    expect(pod?.status?.phase).toBe('Pending');
    expect(shadowsOf(pod)).toEqual([]);
  });

  test('for its RuntimeClass stays unbound, by name', async () => {
    await setting.homeCluster.apply(`apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: { name: sandbox }
handler: sandbox
overhead: { podFixed: { cpu: 50m } }
`);
    await waitFor(
      'a pod of it is taken at home',
      async () => {
        await makePod(
          'security',
          'boxed',
          `runtimeClassName: sandbox\n  containers: [${container}]`,
        );
        return podsOf('boxed')[0];
      },
      soon,
    );
    await waitFor(
      'it is explained',
      async () => {
        const text = await explanation('security', 'boxed');
        return text.split('RuntimeClass').length > hosts.length && text.includes('sandbox')
          ? text
          : undefined;
      },
      soon,
    );
    expect(podsOf('boxed')[0]?.spec.nodeName).toBeUndefined();
  });

  test('although it would have taken the first of them: few are bound there, fail, and are replaced elsewhere', async () => {
    await makePod('race', 'scout');
    const [scout] = await running('scout', 1);
    const [shadow] = shadowsOf(scout);
    await atHost(
      shadow?.host ?? '',
      `apiVersion: v1
kind: ResourceQuota
metadata: { name: guests, namespace: ${shadow?.metadata.namespace} }
spec: { hard: { pods: "3" } }
`,
    );
    // One of 25 is tried, and would be taken; two are. The first ones show that the others would not be.
    await makeDeployment('race', 'many', 25, 'terminationGracePeriodSeconds: 5');
    const pods = await running('many', 25);
    const here = pods.filter((pod) => hostOf(pod) === shadow?.host);
    expect(here.length).toBeLessThanOrEqual(2);
    const failed = podsOf('many').filter(({ status }) => status?.phase === 'Failed');
    for (const { status } of failed) {
      expect(status?.reason).toBe('GuestRefused');
      expect(status?.message).toContain('exceeded quota');
    }
    expect(failed.length).toBeLessThanOrEqual(homeDefaults.firstPodsMax);
  });
});

describe('what is changed at home', () => {
  test('reaches the guest: image, labels, annotations and deadline', async () => {
    await makePod('changes', 'app');
    await running('app', 1);
    await setting.homeCluster.client.call(
      'PATCH',
      '/api/v1/namespaces/changes/pods/app',
      {
        metadata: { labels: { rev: null, track: 'new' } },
        spec: {
          activeDeadlineSeconds: 500,
          containers: [{ name: 'main', image: 'registry.example/main:2' }],
        },
      },
      'application/strategic-merge-patch+json',
    );
    const shadow = await until('the guest is changed', () => {
      const [found] = shadowsOf(podsOf('app')[0]);
      return found?.spec.containers[0]?.image === 'registry.example/main:2' && found;
    });
    expect(shadow.spec['activeDeadlineSeconds']).toBe(500);
    expect(shadow.metadata.labels).toMatchObject({ app: 'app', track: 'new' });
    expect(shadow.metadata.labels).not.toHaveProperty('rev');
  });
});

describe('a Job whose policy ignores disruptions goes on', () => {
  const job = (name: string, namespace: string) => `apiVersion: batch/v1
kind: Job
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  backoffLimit: 0
  podFailurePolicy: { rules: [{ action: Ignore, onPodConditions: [{ type: DisruptionTarget, status: "True" }] }] }
  template:
    metadata: { labels: { app: ${name} }, annotations: ${long} }
    spec:
      restartPolicy: Never
      containers: [${container}]
`;
  interface Job {
    readonly status?: { readonly conditions?: readonly { readonly type: string }[] };
  }

  async function replaced(cluster: string, name: string, namespace: string, uid: string) {
    const at = () =>
      [...setting.histories.pods(cluster).values()].filter(
        ({ metadata }) => metadata.labels?.['app'] === name && metadata.namespace === namespace,
      );
    await until(`${name} has a new pod that runs`, () =>
      at().some(({ metadata, status }) => metadata.uid !== uid && status?.phase === 'Running'),
    );
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`;
    const { status } = await setting.testbed.cluster(cluster).client.get<Job>(path);
    return status?.conditions?.map(({ type }) => type) ?? [];
  }

  test.each([
    ['deletes', 'ended'],
    ['evicts', 'evicted'],
  ])('when the host %s its guest', async (what, name) => {
    await setting.homeCluster.apply(job(name, 'jobs'));
    const [pod] = await running(name, 1);
    const [shadow] = shadowsOf(pod);
    const { namespace, name: shadowName } = shadow?.metadata ?? {};
    const path = `/api/v1/namespaces/${namespace}/pods/${shadowName}`;
    const { client } = setting.testbed.cluster(shadow?.host ?? '');
    if (what === 'deletes') await client.call('DELETE', path, { gracePeriodSeconds: 0 });
    else {
      await client.call('POST', `${path}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { namespace, name: shadowName },
      });
    }
    expect(await replaced(home, name, 'jobs', pod?.metadata.uid ?? '')).toEqual([]);
  });

  test('as it does when a pod of the cluster’s own is evicted', async () => {
    const [host = ''] = hosts.slice(-1);
    const cluster = setting.testbed.cluster(host);
    await cluster.apply(job('own', 'default'));
    const pod = await until('it runs', () =>
      [...setting.histories.pods(host).values()].find(
        ({ metadata, status }) => metadata.labels?.['app'] === 'own' && status?.phase === 'Running',
      ),
    );
    const { name, uid = '' } = pod.metadata;
    await cluster.client.call('POST', `/api/v1/namespaces/default/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace: 'default', name },
    });
    // What a kubelet writes when it has stopped the containers, and a node of the test bed does not.
    await cluster.client.call(
      'PATCH',
      `/api/v1/namespaces/default/pods/${name}/status`,
      { status: { phase: 'Failed' } },
      'application/strategic-merge-patch+json',
    );
    expect(await replaced(host, 'own', 'default', uid)).toEqual([]);
  });
});

describe('a neighbour that is only asked', () => {
  test('has no namespace for the pod and nothing of it', async () => {
    // 'changes' has had one pod: at one host.
    const [shadow] = shadowsOf(podsOf('app')[0]);
    for (const host of hosts) {
      const { items } = await setting.testbed
        .cluster(host)
        .client.get<{ items: { metadata: { labels?: Record<string, string> } }[] }>(
          '/api/v1/namespaces',
        );
      const there = items.some(
        ({ metadata }) => metadata.labels?.[wellKnown.homeNamespaceLabel] === 'changes',
      );
      expect(there).toBe(host === shadow?.host);
    }
  });
});
