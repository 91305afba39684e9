/**
 * Pods with `schedulerName: spillway` on a real cluster that need more than a free node. They need volumes
 * that bind on first use, or room that pods of lower priority have. Beside them, the same runs under
 * kube-scheduler.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@spillway/core';
import {
  equalNodes,
  KubeError,
  type LocalCluster,
  type LocalTestbed,
  startTestbed,
  waitFor,
} from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, startFederation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 50 };
const selectedNode = 'volume.kubernetes.io/selected-node';

let testbed: LocalTestbed;
let cluster: LocalCluster;
let federation: Federation;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: 'paris', city: undefined, nodes: equalNodes(2, { zones: ['east', 'west'] }) },
    ],
  });
  cluster = testbed.cluster('paris');
  federation = await startFederation(testbed);
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
});

async function namespace(name: string): Promise<string> {
  await cluster.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`);
  const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
  await waitFor('its service account', () => cluster.client.get(account), soon);
  return name;
}

async function pod(name: string, given: { readonly in: string }): Promise<Pod | undefined> {
  try {
    return await cluster.client.get<Pod>(`/api/v1/namespaces/${given.in}/pods/${name}`);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

async function running(name: string, given: { readonly in: string }): Promise<Pod> {
  return await waitFor(
    `pod ${name} to run`,
    async () => {
      const found = await pod(name, given);
      return found?.status?.phase === 'Running' ? found : undefined;
    },
    soon,
  );
}

async function claim(of: string, name: string): Promise<PersistentVolumeClaim> {
  return await cluster.client.get(`/api/v1/namespaces/${of}/persistentvolumeclaims/${name}`);
}

function volumeYaml(name: string, storageClass: string, zone: string): string {
  return `
apiVersion: v1
kind: PersistentVolume
metadata: { name: ${name} }
spec:
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteOnce]
  storageClassName: ${storageClass}
  local: { path: /mnt/${name} }
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: topology.kubernetes.io/zone, operator: In, values: [${zone}] }] }] } }
---`;
}

function claimYaml(of: string, name: string, storageClass: string): string {
  return `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name}, namespace: ${of} }
spec: { accessModes: [ReadWriteOnce], storageClassName: ${storageClass}, resources: { requests: { storage: 1Gi } } }
---`;
}

function podYaml(of: string, name: string, spec: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${of} }
spec:
  terminationGracePeriodSeconds: 1
  ${spec}
---`;
}

const container = (cpu: string): string =>
  `containers: [{ name: main, image: registry.example/app:1, resources: { requests: { cpu: ${cpu}, memory: 32Mi } } }]`;
const storageClassYaml = (name: string, provisioner: string, more = ''): string => `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: ${name} }
provisioner: ${provisioner}
volumeBindingMode: WaitForFirstConsumer
${more}
---`;

describe('volumes that bind on first use', () => {
  test('are set aside where they exist, for claims and for ephemeral ones, as under kube-scheduler', async () => {
    const of = await namespace('static');
    const usesClaim = (scheduler: string, name: string): string =>
      podYaml(
        of,
        name,
        `schedulerName: ${scheduler}
  volumes: [{ name: d, persistentVolumeClaim: { claimName: ${name} } }]
  ${container('50m')}`,
      );
    await cluster.apply(
      [
        storageClassYaml('static', 'kubernetes.io/no-provisioner'),
        ...['v1', 'v2', 'v3'].map((name) => volumeYaml(name, 'static', 'west')),
        claimYaml(of, 'named', 'static'),
        claimYaml(of, 'control', 'static'),
        usesClaim('default-scheduler', 'control'),
        usesClaim('spillway', 'named'),
        podYaml(
          of,
          'scratch',
          `schedulerName: spillway
  volumes: [{ name: s, ephemeral: { volumeClaimTemplate: { spec: { accessModes: [ReadWriteOnce], storageClassName: static, resources: { requests: { storage: 1Gi } } } } } }]
  ${container('50m')}`,
        ),
      ].join(''),
    );
    const [control, named, scratch] = await Promise.all(
      ['control', 'named', 'scratch'].map((name) => running(name, { in: of })),
    );
    // The volumes can be used in the west only, where node-2 is.
    for (const each of [control, named, scratch]) expect(each?.spec.nodeName).toBe('node-2');
    const claims = await Promise.all(
      ['control', 'named', 'scratch-s'].map((name) => claim(of, name)),
    );
    expect(claims.map(({ status }) => status?.phase)).toEqual(['Bound', 'Bound', 'Bound']);
    const volumes = claims.map(({ spec }) => spec?.volumeName ?? '').toSorted();
    expect(volumes).toEqual(['v1', 'v2', 'v3']);
  });

  test('are provisioned on the node that was selected, and elsewhere when that one can’t', async () => {
    const of = await namespace('provisioned');
    const provisioner = new Provisioner('disks.example', of);
    await cluster.apply(
      [
        storageClassYaml('provisioned', 'disks.example'),
        claimYaml(of, 'data', 'provisioned'),
        podYaml(
          of,
          'db',
          `schedulerName: spillway
  volumes: [{ name: d, persistentVolumeClaim: { claimName: data } }]
  ${container('50m')}`,
        ),
      ].join(''),
    );
    const refused = await provisioner.refuseOnce('data');
    const made = await provisioner.provide('data');
    const db = await running('db', { in: of });
    expect(db.spec.nodeName).toBe(made);
    const { status, spec } = await claim(of, 'data');
    expect(status?.phase).toBe('Bound');
    expect(spec?.volumeName).toBe(`made-for-data`);
    expect(['node-1', 'node-2']).toContain(refused);
  });
});

/** What an external provisioner does, as far as schedulers see it. */
class Provisioner {
  readonly #name: string;
  readonly #namespace: string;

  constructor(name: string, of: string) {
    this.#name = name;
    this.#namespace = of;
  }

  /** Takes the node away: it can't make a volume there now. */
  async refuseOnce(name: string): Promise<string> {
    const node = await this.#selected(name);
    await cluster.client.call(
      'PATCH',
      `/api/v1/namespaces/${this.#namespace}/persistentvolumeclaims/${name}`,
      { metadata: { annotations: { [selectedNode]: null } } },
      'application/merge-patch+json',
    );
    return node;
  }

  /** Makes the volume on the selected node, which it returns; kube-controller-manager binds it. */
  async provide(name: string): Promise<string> {
    const node = await this.#selected(name);
    const { metadata } = await claim(this.#namespace, name);
    const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }];
    const volume: PersistentVolume = {
      metadata: {
        name: `made-for-${name}`,
        annotations: { 'pv.kubernetes.io/provisioned-by': this.#name },
      },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'provisioned',
        csi: { driver: this.#name, volumeHandle: name },
        claimRef: { namespace: this.#namespace, name, ...(metadata.uid && { uid: metadata.uid }) },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
      },
    };
    await cluster.client.call('POST', '/api/v1/persistentvolumes', volume);
    return node;
  }

  async #selected(name: string): Promise<string> {
    return await waitFor(
      `a node to be selected for claim ${name}`,
      async () => (await claim(this.#namespace, name)).metadata.annotations?.[selectedNode],
      soon,
    );
  }
}

describe('a pod of high priority at a full home', () => {
  test('runs in the place of one of lower priority whose end breaks no budget', async () => {
    const of = await namespace('full');
    const filler = (name: string, node: string): string =>
      podYaml(
        of,
        name,
        `nodeSelector: { kubernetes.io/hostname: ${node} }
  ${container('3')}`,
      ).replace('metadata: {', `metadata: { labels: { app: ${name} },`);
    await cluster.apply(
      [
        `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: urgent }
value: 100000
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: kept, namespace: ${of} }
spec: { minAvailable: 1, selector: { matchLabels: { app: kept } } }
---`,
        filler('kept', 'node-1'),
        filler('free', 'node-2'),
      ].join(''),
    );
    await Promise.all(['kept', 'free'].map((name) => running(name, { in: of })));
    const budget = `/apis/policy/v1/namespaces/${of}/poddisruptionbudgets/kept`;
    await waitFor(
      'the budget to count its pod',
      async () => {
        const { status } = await cluster.client.get<{ status?: { currentHealthy?: number } }>(
          budget,
        );
        return status?.currentHealthy === 1 || undefined;
      },
      soon,
    );
    const victim = await pod('free', { in: of });
    // It stays until its condition has been read.
    const path = `/api/v1/namespaces/${of}/pods/free`;
    const keep = async (finalizers: readonly string[]): Promise<unknown> =>
      await cluster.client.call(
        'PATCH',
        path,
        { metadata: { finalizers } },
        'application/merge-patch+json',
      );
    await keep(['test.spillway.dev/keep']);
    await cluster.apply(
      podYaml(
        of,
        'urgent',
        `schedulerName: spillway
  priorityClassName: urgent
  ${container('3')}`,
      ),
    );
    const ending = await waitFor(
      'the pod of lower priority to end',
      async () => {
        const found = await pod('free', { in: of });
        return found?.metadata.deletionTimestamp === undefined ? undefined : found;
      },
      soon,
    );
    const marked = ending.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    expect(marked).toMatchObject({
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'spillway: preempting to accommodate a higher priority pod',
    });
    const waiting = await pod('urgent', { in: of });
    expect(waiting?.status?.nominatedNodeName).toBe('node-2');
    await keep([]);
    const urgent = await running('urgent', { in: of });
    expect(urgent.spec.nodeName).toBe('node-2');
    expect(await pod('free', { in: of })).toBeUndefined();
    expect((await pod('kept', { in: of }))?.metadata.deletionTimestamp).toBeUndefined();
    const event = await waitFor(
      'the event on the pod that has ended',
      async () => {
        const events = `/api/v1/namespaces/${of}/events?fieldSelector=involvedObject.uid=${victim?.metadata.uid},reason=Preempted`;
        return (await cluster.client.get<{ items: { message: string }[] }>(events)).items[0];
      },
      soon,
    );
    expect(event.message).toBe(`Preempted by pod ${urgent.metadata.uid} on node node-2`);
    // The binding has cleared the nomination.
    expect(urgent.status?.nominatedNodeName).toBeUndefined();
  });
});
