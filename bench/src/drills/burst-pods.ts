/** Bursts of equal pods, made as fast as an API server takes them. */
import type { Cluster } from '@spillway/testbed';
import { deploymentYaml } from '../federation/deployment-yaml.ts';

/** How a pod becomes Spillway's; `kube-scheduler`: not at all. */
export type Way = 'schedulerName' | 'namespace' | 'kube-scheduler';

export const podCpuMilli = 250;
export const podMemoryMi = 128;

/** Maximum number of requests under way at once, where a burst does not say. */
const parallelMax = 16;

export interface Burst {
  readonly namespace: string;
  readonly pods: number;
  readonly way: Way;
  /** Pods that are created at once; the fewer, the longer it lasts. */
  readonly parallel?: number;
}

export async function makeBurst(cluster: Cluster, burst: Burst): Promise<void> {
  const { namespace, pods, way, parallel = parallelMax } = burst;
  await cluster.apply(namespaceYaml(namespace, way));
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < pods) {
      const name = `burst-${next++}`;
      await cluster.client.call('POST', `/api/v1/namespaces/${namespace}/pods`, pod(name, way));
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, pods) }, worker));
}

export async function removePods(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.client.call('DELETE', `/api/v1/namespaces/${namespace}/pods`, {
    gracePeriodSeconds: 0,
  });
}

/** Takes all CPU of `nodes` nodes of whole CPUs each. */
export function fillerYaml(cpus: number): string {
  return deploymentYaml({
    namespace: 'default',
    name: 'filler',
    replicas: cpus,
    cpu: '"1"',
    memory: '64Mi',
  });
}

function namespaceYaml(name: string, way: Way): string {
  const labels = way === 'namespace' ? '{ spillway.dev/offload: enabled }' : '{}';
  return `apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: ${labels} }
`;
}

function pod(name: string, way: Way): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'burst' } },
    spec: {
      ...(way === 'schedulerName' && { schedulerName: 'spillway' }),
      containers: [
        {
          name: 'main',
          image: 'registry.example/burst:1',
          resources: { requests: { cpu: `${podCpuMilli}m`, memory: `${podMemoryMi}Mi` } },
        },
      ],
    },
  };
}
