/**
 * Devices that kube-scheduler allocates by DRA where a pod requests a plain extended resource (KEP-5004).
 * The node's allocatable does not have that resource, and a DeviceClass stands for it. Spillway allocates no
 * devices, so it must leave such a pod to kube-scheduler. And what such a pod takes must keep no other pod
 * out.
 */
import { type Node, type NodeName, shapeOf } from '@spillway/core';
import { type Evaluation, evaluate, Ledger } from '@spillway/scheduling';
import { equalNodes, type LocalCluster, type LocalTestbed, startTestbed } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPod, decidedPod, kubernetesMinorOf } from './one-pod.ts';

const driver = 'gpu.example.com';
const explicit = 'nvidia.com/gpu';
const implicit = `deviceclass.resource.kubernetes.io/${driver}`;
const [byPlugin, byDra] = ['by-plugin', 'by-dra'] as const;
const resources = '/apis/resource.k8s.io/v1';
const ledger = new Ledger();

let testbed: LocalTestbed;
let cluster: LocalCluster;
/** Whether kube-scheduler of this version allocates: the gate DRAExtendedResource is on from 1.36 on. */
let allocates: boolean;

beforeAll(async () => {
  const nodes = [
    ...equalNodes(1, { gpus: 1 }).map((node) => ({ ...node, name: byPlugin })),
    ...equalNodes(1).map((node) => ({ ...node, name: byDra })),
  ];
  testbed = await startTestbed({ clusters: [{ name: 'devices', city: undefined, nodes }] });
  cluster = testbed.cluster('devices');
  allocates = (await kubernetesMinorOf(cluster)) >= 36;
  await cluster.client.call('POST', `${resources}/deviceclasses`, {
    metadata: { name: driver },
    spec: {
      selectors: [{ cel: { expression: `device.driver == "${driver}"` } }],
      extendedResourceName: explicit,
    },
  });
  await cluster.client.call('POST', `${resources}/resourceslices`, {
    metadata: { name: byDra },
    spec: {
      driver,
      nodeName: byDra,
      pool: { name: byDra, generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'gpu-0' }, { name: 'gpu-1' }],
    },
  });
  for (const name of [byPlugin, byDra]) {
    const object = await cluster.client.get<Node>(`/api/v1/nodes/${name}`);
    ledger.apply({ kind: 'Node', type: 'set', object });
  }
});

afterAll(async () => {
  await testbed?.stop();
});

describe('an extended resource that a DeviceClass stands for', () => {
  test('where a device plugin offers it, Spillway and kube-scheduler place the pod alike', async () => {
    const { ours, node } = await decided('plugin', { [explicit]: '1' }, byPlugin, true);
    expect(ours.feasible).toEqual([byPlugin]);
    expect(node).toBe(byPlugin);
  });

  test('where DRA would have to serve it, Spillway leaves the pod to kube-scheduler', async () => {
    const { ours, node } = await decided('dra', { [explicit]: '1' }, byDra, allocates);
    expect(ours.feasible).toEqual([]);
    expect(ours.verdicts.get(byDra as NodeName)?.map(({ reason }) => reason)).toEqual([
      `Insufficient ${explicit}`,
    ]);
    expect(node).toBe(allocates ? byDra : undefined);
  });

  test('asked for by the name of its DeviceClass, it is nothing that Spillway can place', async () => {
    const { ours, node } = await decided('class', { [implicit]: '1' }, byDra, allocates);
    expect(ours.rejected).toMatchObject({
      code: 'Unsupported',
      reason: `pod asks for ${implicit} (DRA)`,
    });
    expect(node).toBe(allocates ? byDra : undefined);
  });

  test('the devices that others were given keep no pod out that asks for none', async () => {
    const { ours, node } = await decided('plain', { cpu: '1' }, byDra, true);
    expect(ours.feasible).toEqual([byDra]);
    expect(node).toBe(byDra);
  });
});

/** What both say of one pod that may run on `on` only. Where kube-scheduler `binds`, it counts from then on. */
async function decided(
  name: string,
  amounts: Readonly<Record<string, string>>,
  on: string,
  binds: boolean,
): Promise<{ readonly ours: Evaluation; readonly node: string | undefined }> {
  const created = await createPod(cluster, {
    metadata: { name },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': on },
      containers: [
        { name: 'one', image: 'none', resources: { requests: amounts, limits: amounts } },
      ],
    },
  });
  const ours = evaluate(ledger.snapshot, shapeOf(created));
  const seen = await decidedPod(cluster, created, binds);
  if (seen.spec.nodeName !== undefined) {
    ledger.apply({ kind: 'Pod', type: 'set', object: seen });
  }
  return { ours, node: seen.spec.nodeName };
}
