/** What a cluster's API server says of Spillway in it: which agent is active, and whom it knows. */
import type { Node } from '@spillway/core';
import { wellKnown } from '@spillway/core';
import { type KubeClient, KubeError } from './kube-client.ts';

export interface AgentState {
  /** Who holds the Lease: a pod's name, or how an agent that is no pod calls itself. */
  readonly name: string;
  /** Where its pod runs; null for one that is no pod. */
  readonly node: string | null;
  /** As its pod is; one that is no pod is ready while it renews the Lease. */
  readonly ready: boolean;
}

export interface NeighbourState {
  readonly name: string;
  /** Of its Neighbour object, unknown when no agent vouches for that; where there is none, alive or gone, as its virtual node is Ready. */
  readonly state: string;
  /** In ms; null where no Neighbour object says it. */
  readonly rttMs: number | null;
}

const namespace = 'spillway-system';
const asOfMsMax = 150_000;
const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/spillway-agent`;
const neighboursPath = '/apis/spillway.dev/v1alpha1/neighbours';

interface Lease {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

interface AgentPod {
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

interface Neighbour {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly state?: string;
    readonly rttMs?: number;
    readonly asOf?: string;
  };
}

/** Null when none is installed or none is active. */
export async function activeAgent(client: KubeClient): Promise<AgentState | null> {
  const lease = await found(client.get<Lease>(leasePath));
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = lease?.spec ?? {};
  if (holderIdentity === '') return null;
  // A pod's name, or the process's own, and after it what tells one life from the next.
  const name = holderIdentity.replace(/_[^_]*$/, '');
  const pod = await found(
    client.get<AgentPod>(`/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(name)}`),
  );
  if (pod === undefined) {
    const renewed = Date.parse(renewTime) + leaseDurationSeconds * 1000 > Date.now();
    return { name, node: null, ready: renewed };
  }
  return { name, node: pod.spec.nodeName ?? null, ready: isReady(pod) };
}

/** By name; empty when no agent has ever been active. */
export async function knownNeighbours(client: KubeClient): Promise<readonly NeighbourState[]> {
  const neighbours = await found(client.get<{ items: Neighbour[] }>(neighboursPath));
  const shown = neighbours?.items.map(({ metadata, status }) => ({
    name: metadata.name,
    state: vouchedFor(status?.asOf) ? (status?.state ?? 'unknown') : 'unknown',
    rttMs: status?.rttMs ?? null,
  }));
  return (shown?.length ? shown : await virtualNodes(client)).toSorted((a, b) =>
    a.name.localeCompare(b.name),
  );
}

/** An agent writes each object once a minute or more often; what is older says nothing of now. */
function vouchedFor(asOf: string | undefined): boolean {
  return Date.now() - Date.parse(asOf ?? '') < asOfMsMax;
}

async function virtualNodes(client: KubeClient): Promise<readonly NeighbourState[]> {
  const selector = encodeURIComponent(`${wellKnown.virtualNodeLabel}=true`);
  const { items } = await client.get<{ items: Node[] }>(`/api/v1/nodes?labelSelector=${selector}`);
  return items.map((node) => ({
    name: node.metadata.labels?.[wellKnown.clusterLabel] ?? node.metadata.name ?? '',
    state: isReady(node) ? 'alive' : 'gone',
    rttMs: null,
  }));
}

function isReady({ status }: Pick<AgentPod, 'status'>): boolean {
  return (
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ??
    false
  );
}

/** Undefined where the API server has no such object, or no such kind. */
async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}
