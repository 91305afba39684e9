/**
 * Where pods are, and why. The agent knows it of those that it may place. Of the others, it is what the API
 * server shows the user.
 */
import {
  awayExplanation,
  explanationResponse,
  guestExplanation,
  foreignExplanation,
  waitingExplanation,
} from '@spillway/agent/api-schemas';
import { isFault, type Namespace, type Pod, podStatusText, wellKnown } from '@spillway/core';
import { eligibilityOf } from '@spillway/federation';
import { z } from 'zod';
import type { AgentClient } from './connection/agent-client.ts';
import type { UserCluster } from './connection/cluster.ts';
import { read, requireNamespace } from './connection/find-agent.ts';
import type { Workload, WorkloadType } from './workloads.ts';

const named = {
  namespace: z.string(),
  name: z.string(),
  status: z.string().optional().describe('the phase, or the reason of one that has failed'),
};

export const podExplanation = z.discriminatedUnion('state', [
  waitingExplanation.extend(named),
  awayExplanation.extend({ namespace: named.namespace, name: named.name }),
  guestExplanation.extend({ namespace: named.namespace, name: named.name }),
  foreignExplanation.extend(named),
  z.object({ ...named, state: z.literal('home'), node: z.string(), phase: z.string() }),
  z.object({ ...named, state: z.literal('other'), message: z.string() }),
]);
type PodExplanation = z.infer<typeof podExplanation>;

export const workloadExplanation = z.object({
  name: z.string(),
  namespace: z.string(),
  wanted: z.number().int(),
  pods: z.array(podExplanation),
});

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** At once; an agent answers from memory. */
const asksMax = 16;

/** @throws Fault `NotFound` when neither the agent nor the API server knows it. */
export async function explainPod(
  pod: Named,
  from: { readonly agent: AgentClient; readonly cluster: UserCluster | undefined },
): Promise<PodExplanation> {
  const { namespace, name } = pod;
  try {
    const query = new URLSearchParams({ namespace, name });
    const path = `/v1/explain?${query.toString()}`;
    return { ...(await from.agent.ask(explanationResponse, { path })), namespace, name };
  } catch (error) {
    if (!isFault(error, 'NotFound') || from.cluster === undefined) throw error;
    return await seenByUser(pod, from.cluster);
  }
}

/** @throws Fault `NotFound`, `PermissionDenied` */
export async function explainWorkload(
  { group = '', names: [, plural = ''], wanted }: WorkloadType,
  workload: Named,
  from: { readonly agent: AgentClient; readonly cluster: UserCluster },
): Promise<z.infer<typeof workloadExplanation>> {
  const { namespace, name } = workload;
  const path = `/apis/${group}/namespaces/${namespace}/${plural}/${name}`;
  const found = await inNamespace<Workload>(from.cluster, namespace, path);
  const selector = encodeURIComponent(selectorText(found.spec.selector));
  const { items } = await read<{ items: readonly Pod[] }>(
    from.cluster,
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`,
  );
  const statuses = new Map(items.map((pod) => [pod.metadata.name ?? '', podStatusText(pod)]));
  const names = [...statuses.keys()].sort();
  const pods: PodExplanation[] = [];
  for (let i = 0; i < names.length; i += asksMax) {
    const some = names.slice(i, i + asksMax);
    // oxlint-disable-next-line no-await-in-loop -- a bounded number at once
    const told = await Promise.all(some.map((pod) => explainPod({ namespace, name: pod }, from)));
    pods.push(...told.map((pod) => ({ ...pod, status: statuses.get(pod.name) ?? 'Pending' })));
  }
  return { name, namespace, wanted: wanted?.(found) ?? 0, pods };
}

async function seenByUser(
  { namespace, name }: Named,
  cluster: UserCluster,
): Promise<PodExplanation> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const pod = await inNamespace<Pod>(cluster, namespace, path);
  const { spec, status } = pod;
  if (spec.nodeName)
    return {
      namespace,
      name,
      state: 'home',
      node: spec.nodeName,
      phase: status?.phase ?? 'Pending',
    };
  const { metadata } = await read<Namespace>(cluster, `/api/v1/namespaces/${namespace}`);
  const offload = metadata.labels?.[wellKnown.offloadLabel] === 'enabled';
  return { namespace, name, state: 'other', message: notOurs(pod, offload) };
}

function notOurs(pod: Pod, offload: boolean): string {
  const { schedulerName = 'default-scheduler', schedulingGates } = pod.spec;
  if (eligibilityOf(pod, offload) !== undefined)
    return 'the agent has not seen it yet; run the command again';
  if (schedulingGates?.length)
    return 'it has scheduling gates: no scheduler takes it before they are removed';
  if (pod.metadata.labels?.[wellKnown.homeLabel] !== undefined)
    return `it is a guest of ${pod.metadata.labels[wellKnown.homeLabel] ?? ''}`;
  if (offload) return `${schedulerName} has not found it unschedulable yet`;
  return `${schedulerName} schedules it, and its namespace does not have the label ${wellKnown.offloadLabel}=enabled`;
}

/** If the namespace does not exist, the error says so instead of naming the object. */
async function inNamespace<T>(cluster: UserCluster, namespace: string, path: string): Promise<T> {
  try {
    return await read<T>(cluster, path);
  } catch (error) {
    if (isFault(error, 'NotFound')) await requireNamespace(cluster, namespace);
    throw error;
  }
}

function selectorText({
  matchLabels = {},
  matchExpressions = [],
}: Workload['spec']['selector']): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
    }
  });
  return [...labels, ...expressions].join(',');
}
