/** The chart, by real Helm, against a real API server with Pod Security and strict field validation. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { equalNodes, type LocalTestbed, run, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartFolder, helm } from './helm.ts';

const namespace = 'spillway-system';
const daemonSetPath = `/apis/apps/v1/namespaces/${namespace}/daemonsets/spillway-agent`;
const exposures = ['nodePort', 'hostPort', 'loadBalancer', 'none'] as const;
const soon = { timeoutMs: 60_000, everyMs: 100 };

let testbed: LocalTestbed;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [{ name: 'paris', city: undefined, nodes: equalNodes(2) }],
  });
  await paris().apply(`apiVersion: v1
kind: Namespace
metadata:
  name: ${namespace}
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
`);
});

afterAll(async () => await testbed?.stop());

function paris() {
  return testbed.cluster('paris');
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly template: { readonly metadata: unknown; readonly spec: unknown } };
  readonly status: {
    readonly numberReady?: number;
    readonly updatedNumberScheduled?: number;
    readonly observedGeneration?: number;
  };
}

async function rendered(...args: readonly string[]): Promise<string> {
  return await helm([
    'template',
    'spillway',
    chartFolder,
    `--namespace=${namespace}`,
    '--set=cluster=paris',
    ...args,
  ]);
}

function objects(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

function kinds(yaml: string): readonly string[] {
  return objects(yaml).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

/** To the server, which refuses unknown and doubled fields; what it says is returned. */
async function dryRun(yaml: string): Promise<string> {
  const { code, stderr } = await run(
    testbed.kubectl,
    [
      'apply',
      '--server-side',
      '--force-conflicts',
      '--dry-run=server',
      '--validate=strict',
      '-f',
      '-',
    ],
    { input: yaml, env: { ...process.env, KUBECONFIG: paris().kubeconfig } },
  );
  expect(code, stderr).toBe(0);
  return stderr;
}

async function release(verb: string, ...args: readonly string[]): Promise<string> {
  return await helm([verb, 'spillway', ...args, `--namespace=${namespace}`], {
    kubeconfig: paris().kubeconfig,
  });
}

async function daemonSet(): Promise<DaemonSet> {
  return await paris().client.get<DaemonSet>(daemonSetPath);
}

async function rolledOut(): Promise<DaemonSet> {
  return await waitFor(
    'both nodes have a pod of the newest template',
    async () => {
      const found = await daemonSet();
      const { numberReady, updatedNumberScheduled, observedGeneration } = found.status;
      const done =
        numberReady === 2 &&
        updatedNumberScheduled === 2 &&
        observedGeneration === found.metadata.generation;
      return done ? found : undefined;
    },
    soon,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await paris().client.get(path);
    return true;
  } catch (error) {
    if ((error as { status?: number }).status === 404) return false;
    throw error;
  }
}

describe('helm lint', () => {
  test('has nothing to say of the chart', async () => {
    const said = await helm(['lint', '--strict', chartFolder, '--set=cluster=paris']);
    expect(said).toContain('0 chart(s) failed');
    expect(said).not.toContain('[WARNING]');
  });

  test.each([
    ['exposure.type=hostport', 'exposure'],
    ['exposures.type=hostPort', 'exposures'],
    ['config.host.guestMax=3', 'guestMax'],
    ['config.cluster=lyon', 'cluster'],
    ['config.mesh.preset=moon', 'preset'],
    ['mesh.announce={192.0.2.1:7420}', 'announce'],
    ['cluster=Paris', 'cluster'],
  ])('refuses %s, and names it', async (setting, named) => {
    await expect(rendered(`--set=${setting}`)).rejects.toThrow(named);
  });

  test('refuses a chart without the cluster’s name, or with half an identity', async () => {
    await expect(rendered('--set=cluster=')).rejects.toThrow('cluster: the name');
    await expect(rendered('--set=identity.peerKey=x')).rejects.toThrow('together or not at all');
  });
});

describe('helm template', () => {
  test.each(exposures)('exposed by %s, the server takes every field of it', async (exposure) => {
    const yaml = await rendered(`--set=exposure.type=${exposure}`);
    const said = await dryRun(yaml);
    // Pod Security tells what it would refuse.
    if (exposure === 'hostPort') expect(said).toContain('hostPort');
    else expect(said).not.toMatch(/would violate PodSecurity/);
    expect(kinds(yaml).includes('Service/spillway-mesh')).toBe(
      exposure === 'nodePort' || exposure === 'loadBalancer',
    );
  });

  test('with all values said, too', async () => {
    const values = join(testbed.folder, 'values.yaml');
    writeFileSync(
      values,
      `image: { tag: v1, digest: 'sha256:${'0'.repeat(64)}', pullPolicy: Always, pullSecrets: [{ name: pull }] }
identity: { peerKey: a, membershipCertificate: b, federationKey: c }
mesh: { bootstrap: [/dns4/lyon.example/tcp/7420], announce: [/dns4/paris.example/tcp/7420], addressFamily: ip6 }
exposure: { type: loadBalancer, loadBalancer: { port: 443, class: x.example/lb, sourceRanges: [192.0.2.0/24] }, annotations: { a: b }, externalTrafficPolicy: Local }
config: { host: { guestsMax: 3 }, labels: { tier: edge }, log: { level: debug } }
networkPolicy: { metricsFrom: [{ namespaceSelector: { matchLabels: { a: b } } }] }
resources: { limits: { memory: 1Gi } }
updateStrategy: { type: OnDelete }
nodeSelector: { edge: 'true' }
tolerations: [{ operator: Exists }]
affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: a, operator: Exists }] }] } } }
priorityClassName: system-cluster-critical
podLabels: { a: b }
podAnnotations: { a: b }
`,
    );
    const yaml = await rendered('--values', values);
    await dryRun(yaml);
    expect(yaml).toContain(`spillway:v1@sha256:${'0'.repeat(64)}`);
    expect(yaml).toContain('mesh.announce=[\\"/dns4/paris.example/tcp/7420\\"]');
    expect(kinds(yaml)).toContain('Secret/spillway-identity');
  });

  test.each([
    ['nodePort', '/ip4/$(HOST_IP)/tcp/30742'],
    ['hostPort', '/ip4/$(HOST_IP)/tcp/7420'],
    ['loadBalancer', undefined],
    ['none', undefined],
  ])('exposed by %s the agent announces %s', async (exposure, address) => {
    const yaml = await rendered(`--set=exposure.type=${exposure}`);
    if (address === undefined) expect(yaml).not.toContain('mesh.announce');
    else expect(yaml).toContain(`mesh.announce=[\\"${address}\\"]`);
  });

  test('a ServiceMonitor only where its API is', async () => {
    const without = await rendered('--set=serviceMonitor.enabled=true');
    expect(kinds(without).join()).not.toContain('spillway-metrics');
    const api = '--api-versions=monitoring.coreos.com/v1';
    const withIt = await rendered('--set=serviceMonitor.enabled=true', api);
    expect(kinds(withIt)).toContain('ServiceMonitor/spillway-agent');
    expect(kinds(withIt)).toContain('Service/spillway-metrics');
  });
});

describe('a release', () => {
  test('is installed; on every node a pod runs under Pod Security restricted', async () => {
    const notes = await release(
      'install',
      chartFolder,
      '--set=cluster=paris',
      '--set=serviceMonitor.enabled=true',
    );
    expect(notes).toContain('kubectl create secret generic spillway-identity');
    expect(notes).toContain('No ServiceMonitor was made');
    expect(notes).not.toContain('kubectl label namespace');
    await rolledOut();
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect(await exists(`${crds}/neighbours.spillway.dev`)).toBe(true);
  });

  test('is upgraded: a changed configuration rolls the pods, an unchanged one does not', async () => {
    const before = await daemonSet();
    await release('upgrade', chartFolder, '--reuse-values');
    expect((await daemonSet()).metadata.generation).toBe(before.metadata.generation);
    await release('upgrade', chartFolder, '--reuse-values', '--set=config.host.guestsMax=7');
    const after = await rolledOut();
    expect(after.spec.template).not.toEqual(before.spec.template);
    expect(await agentConfig()).toMatchObject({ cluster: 'paris', host: { guestsMax: 7 } });
  });

  test('is rolled back to what it was', async () => {
    const upgraded = await daemonSet();
    await release('rollback', '1');
    const back = await rolledOut();
    expect(back.spec.template).not.toEqual(upgraded.spec.template);
    expect(await agentConfig()).not.toHaveProperty('host');
  });

  test('is uninstalled: what users and neighbours have made stays, with the CRDs', async () => {
    await paris().apply(`apiVersion: v1
kind: Secret
metadata: { name: spillway-identity, namespace: ${namespace} }
---
apiVersion: v1
kind: Namespace
metadata: { name: spillway-lyon-shop, labels: { spillway.dev/home: lyon } }
---
apiVersion: spillway.dev/v1alpha1
kind: OffloadPolicy
metadata: { name: kept, namespace: default }
spec: {}
`);
    await release('uninstall', '--wait');
    const gone = [
      daemonSetPath,
      `/api/v1/namespaces/${namespace}/serviceaccounts/spillway-agent`,
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/spillway-agent',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/spillway-guests',
      '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-node-lease/roles/spillway-agent',
      '/apis/scheduling.k8s.io/v1/priorityclasses/spillway-guest',
    ];
    for (const path of gone) expect(await exists(path), path).toBe(false);
    const kept = [
      `/api/v1/namespaces/${namespace}/secrets/spillway-identity`,
      '/api/v1/namespaces/spillway-lyon-shop',
      '/apis/spillway.dev/v1alpha1/namespaces/default/offloadpolicies/kept',
    ];
    for (const path of kept) expect(await exists(path), path).toBe(true);
  });

  test('is installed again over what stayed, and says what the namespace lacks', async () => {
    const label = 'pod-security.kubernetes.io/enforce';
    const body = { metadata: { labels: { [label]: 'privileged' } } };
    const path = `/api/v1/namespaces/${namespace}`;
    await paris().client.call('PATCH', path, body, 'application/merge-patch+json');
    const exposed = '--set=exposure.type=hostPort';
    const hostPort = await release('install', chartFolder, '--set=cluster=paris', exposed);
    expect(hostPort).not.toContain('kubectl create secret');
    expect(hostPort).not.toContain('kubectl label namespace');
    await rolledOut();
    const nodePort = await release('upgrade', chartFolder, '--set=cluster=paris');
    expect(nodePort).toContain(`kubectl label namespace ${namespace} ${label}=restricted`);
    await release('uninstall', '--wait');
  });
});

describe('the manifests', () => {
  test('are taken as they are, namespace and all', async () => {
    const yaml = readFileSync(join(chartFolder, '..', 'manifests', 'spillway.yaml'), 'utf8');
    await dryRun(yaml);
    expect(kinds(yaml)[0]).toMatch(/Namespace|PriorityClass/);
  });
});

async function agentConfig(): Promise<unknown> {
  const { data } = await paris().client.get<{ data: Record<string, string> }>(
    `/api/v1/namespaces/${namespace}/configmaps/spillway-agent`,
  );
  return parse(data['agent.yaml'] ?? '');
}
