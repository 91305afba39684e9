/**
 * `spillway dry-run` says which pods of lower priority would end at home. Then the same pod is created on a real
 * API server: forecast and decision name the same victim on the same node.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Federation, startFederation } from '@spillway/bench';
import type { Pod } from '@spillway/core';
import { equalNodes, KubeError, startTestbed, type Testbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { userCluster } from './connection/cluster.ts';
import { priorityClassesOf } from './priorities.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const soon = { timeoutMs: 60_000, everyMs: 100 };
const usual = 'nearest';
const preemptFirst = 'nearest; preempt first';
const container = (cpu: number): string =>
  `containers: [{ name: main, image: registry.example/main:1, resources: { requests: { cpu: ${cpu} } } }]`;

let testbed: Testbed;
let federation: Federation;

interface Run {
  readonly status: number | null;
  readonly stdout: string;
}

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: 'paris', city: undefined, nodes: equalNodes(2) },
      { name: 'lyon', city: undefined, nodes: equalNodes(1) },
    ],
  });
  federation = await startFederation(testbed);
  await home().apply(`
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: urgent }
value: 100000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: patient }
value: 100000
preemptionPolicy: Never
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: kept, namespace: shop }
spec: { minAvailable: 1, selector: { matchLabels: { app: kept } } }
---
${filler('kept', 'node-1')}
---
${filler('free', 'node-2')}
`);
  for (const name of ['kept', 'free']) await running(name);
  const budget = '/apis/policy/v1/namespaces/shop/poddisruptionbudgets/kept';
  await waitFor(
    'the budget to count its pod',
    async () => {
      const { status } = await home().client.get<{ status?: { currentHealthy?: number } }>(budget);
      return status?.currentHealthy === 1 || undefined;
    },
    soon,
  );
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
});

function home() {
  return testbed.cluster('paris');
}

/** Of the 4 CPU of a node. */
function filler(name: string, node: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ${name} } }
spec:
  terminationGracePeriodSeconds: 1
  nodeSelector: { kubernetes.io/hostname: ${node} }
  ${container(3)}`;
}

interface Ask {
  readonly policy?: string;
  readonly priorityClass?: string;
  readonly scheduler?: string;
}

/** It fits on no node at home, and on the one at lyon. */
function pod(ask: Ask = {}): string {
  const { policy = usual, priorityClass = 'urgent', scheduler = 'spillway' } = ask;
  return `
apiVersion: v1
kind: Pod
metadata: { name: wanted, namespace: shop, annotations: { spillway.dev/policy: '${policy}' } }
spec:
  terminationGracePeriodSeconds: 1
  schedulerName: ${scheduler}
  priorityClassName: ${priorityClass}
  ${container(3)}`;
}

/** The manifests have the classes: for an agent that is named by its address, those of the cluster are not read. */
function dryRun(manifest: string): Run {
  const classes = ['urgent', 'patient'].map(
    (name) => `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: ${name} }
value: 100000
preemptionPolicy: ${name === 'patient' ? 'Never' : 'PreemptLowerPriority'}
---`,
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=spillway-source', main, 'dry-run', '-f', '-'],
    {
      input: classes.join('') + manifest,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', SPILLWAY_AGENT: federation.agent('paris').httpUrl },
    },
  );
  expect(stderr).toBe('');
  return { status, stdout };
}

async function found(name: string): Promise<Pod | undefined> {
  try {
    return await home().client.get<Pod>(`/api/v1/namespaces/shop/pods/${name}`);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

async function running(name: string): Promise<Pod> {
  return await waitFor(
    `pod ${name} to run`,
    async () => {
      const there = await found(name);
      return there?.status?.phase === 'Running' ? there : undefined;
    },
    soon,
  );
}

const victimRow =
  /^1 +paris \(home\) +node-2, after it ends 1 pod of lower priority \(shop\/free\)$/m;

describe('spillway dry-run of a pod of high priority at a full home', () => {
  test('names the neighbour that has room, and ends nobody for it', () => {
    const { status, stdout } = dryRun(pod());
    expect(status).toBe(0);
    expect(stdout).toMatch(/^1 +lyon /m);
    expect(stdout).not.toContain('lower priority');
  });

  test('names the pod that would end where its policy preempts first', () => {
    const { status, stdout } = dryRun(pod({ policy: preemptFirst }));
    expect(status).toBe(0);
    expect(stdout).toMatch(victimRow);
    expect(stdout).not.toMatch(/^1 +lyon /m);
  });

  test('names it also where no neighbour may take the pod', () => {
    const { status, stdout } = dryRun(pod({ policy: 'nearest; stay' }));
    expect(status).toBe(0);
    expect(stdout).toMatch(victimRow);
  });

  test.each([
    ['its class never preempts', { priorityClass: 'patient', policy: 'nearest; stay' }],
    ['kube-scheduler places it', { scheduler: 'default-scheduler', policy: 'nearest; stay' }],
  ])('ends nobody where %s', (_, ask) => {
    expect(dryRun(pod(ask)).stdout).not.toContain('lower priority');
  });

  test('has ended none of them, and the pod ends the one that was named', async () => {
    for (const name of ['kept', 'free'])
      expect((await found(name))?.metadata.deletionTimestamp).toBeUndefined();
    await home().apply(pod({ policy: preemptFirst }));
    const wanted = await running('wanted');
    expect(wanted.spec.nodeName).toBe('node-2');
    expect(await found('free')).toBeUndefined();
    expect((await found('kept'))?.metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('the PriorityClasses of a cluster', () => {
  test('are read with the rights of its user', async () => {
    const known = await priorityClassesOf(await userCluster({ kubeconfig: home().kubeconfig }));
    expect(known).toContainEqual(
      expect.objectContaining({
        metadata: expect.objectContaining({ name: 'patient' }),
        value: 100_000,
        preemptionPolicy: 'Never',
      }),
    );
  });

  test('are not known to a user who may not list them', async () => {
    await home().apply(`
apiVersion: v1
kind: ServiceAccount
metadata: { name: nobody, namespace: shop }
`);
    const kubeconfig = await home().serviceAccountKubeconfig('shop', 'nobody');
    expect(await priorityClassesOf(await userCluster({ kubeconfig }))).toBeUndefined();
  });
});
