/** One pod of the namespaces that a test names, put before the real kube-scheduler. */
import type { Pod } from '@spillway/core';
import { type Cluster, waitFor } from '@spillway/testbed';

const decisionMsMax = 30_000;

export async function createPod(cluster: Cluster, pod: Pod): Promise<Pod> {
  return await cluster.client.call<Pod>('POST', podsPath(pod), pod);
}

/**
 * The pod as kube-scheduler leaves it. Where it `binds`, its first answer may be that it can not, before it has
 * seen all that it decides by.
 */
export async function decidedPod(cluster: Cluster, pod: Pod, binds: boolean): Promise<Pod> {
  const { name } = pod.metadata;
  return await waitFor(
    `kube-scheduler to decide on ${name}`,
    async () => {
      const seen = await cluster.client.get<Pod>(`${podsPath(pod)}/${name}`);
      const scheduled = seen.status?.conditions?.find(({ type }) => type === 'PodScheduled');
      const refused = !binds && scheduled?.status === 'False';
      return seen.spec.nodeName !== undefined || refused ? seen : undefined;
    },
    { timeoutMs: decisionMsMax },
  );
}

/** Of 1.36 it is 36. */
export async function kubernetesMinorOf(cluster: Cluster): Promise<number> {
  const { minor } = await cluster.client.get<{ minor: string }>('/version');
  return Number.parseInt(minor, 10);
}

function podsPath({ metadata }: Pod): string {
  return `/api/v1/namespaces/${metadata.namespace ?? 'default'}/pods`;
}
