/**
 * What a virtual node carries, and why (docs/adr/0007, docs/adr/0025; each line is tested on real
 * controllers in virtual-node-effects.itest.ts):
 *
 * - our taint, so that kube-scheduler and the DaemonSet controller leave it to pods that tolerate it;
 * - no room at all, so that kube-scheduler leaves it alone whatever a pod tolerates, and no sum of
 *   capacity counts what another cluster has;
 * - no os, hostname or zone label: it is no domain of any topology spread constraint;
 * - an address of a type that no network plugin takes for a way to the node (docs/adr/0037);
 * - labels that take it out of load balancers, of the node lifecycle controller's arithmetic of zones,
 *   and of topology-aware routing.
 */
import { type ClusterName, type Node, virtualNodeName, wellKnown } from '@spillway/core';
import type { NodeMarks, NodeMembership } from '@spillway/federation';

const excludedFrom = {
  /** cloud-provider's service controller: no backend of external load balancers. */
  'node.kubernetes.io/exclude-from-external-load-balancers': 'true',
  /** Node lifecycle controller: a link that is cut is no zone of unhealthy nodes. */
  'node.kubernetes.io/exclude-disruption': 'true',
  /** EndpointSlice controller: the only labels of nodes that it leaves out are those of control planes. */
  'node-role.kubernetes.io/master': '',
} as const;

/** A role that people see in `kubectl get nodes` beside the other, and no program looks for. */
const role = { 'node-role.kubernetes.io/neighbour': '' } as const;

export function virtualNodeLabels(cluster: ClusterName): Readonly<Record<string, string>> {
  return {
    [wellKnown.virtualNodeLabel]: 'true',
    [wellKnown.clusterLabel]: cluster,
    ...excludedFrom,
    ...role,
  };
}

export function virtualNodeObject(
  cluster: ClusterName,
  { cordoned }: Pick<NodeMarks, 'cordoned'>,
): Node & { readonly apiVersion: string; readonly kind: string } {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: virtualNodeName(cluster), labels: virtualNodeLabels(cluster) },
    spec: {
      taints: [{ key: wellKnown.virtualNodeTaint, value: cluster, effect: 'NoSchedule' }],
      ...(cordoned && { unschedulable: true }),
    },
  };
}

/** Where the agent serves the kubelet's API for virtual nodes. */
export interface KubeletEndpoint {
  readonly address: string;
  readonly port: number;
  /** The type that the node gives the address; see docs/adr/0037 for why it is no InternalIP. */
  readonly addressType: string;
}

const zeroCapacity = { cpu: '0', memory: '0', pods: '0' } as const;

/** `resources`: names of those that the node shows. */
export function virtualNodeStatus(
  resources: readonly string[],
  {
    reachable,
    now,
    since,
    revoked,
    kubelet,
  }: {
    readonly reachable: boolean;
    readonly now: Date;
    readonly since: string;
    readonly revoked: string | undefined;
    readonly kubelet: KubeletEndpoint | undefined;
  },
): object {
  // A merge keeps what it does not name.
  const none = { ...Object.fromEntries(resources.map((name) => [name, null])), ...zeroCapacity };
  return {
    capacity: none,
    allocatable: none,
    ...kubeletStatus(kubelet),
    nodeInfo: { kubeletVersion: 'spillway', operatingSystem: '', architecture: '' },
    conditions: [
      {
        type: 'Ready',
        status: readyStatus(reachable),
        ...readyReason(reachable, revoked),
        lastHeartbeatTime: now.toISOString(),
        lastTransitionTime: since,
      },
    ],
  };
}

/** An address that an earlier agent wrote goes: it is no one's any more. */
function kubeletStatus(kubelet: KubeletEndpoint | undefined): object {
  const replaced = { $patch: 'replace' };
  if (kubelet === undefined) return { addresses: [replaced], daemonEndpoints: null };
  const { address, port, addressType: type } = kubelet;
  return {
    addresses: [{ type, address }, replaced],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
}

export function readyStatus(reachable: boolean): 'True' | 'Unknown' {
  return reachable ? 'True' : 'Unknown';
}

function readyReason(
  reachable: boolean,
  revoked: string | undefined,
): { readonly reason: string; readonly message: string } {
  if (revoked !== undefined) return { reason: 'NeighbourRevoked', message: revoked };
  return reachable
    ? { reason: 'NeighbourAlive', message: 'the agent hears the neighbour' }
    : { reason: 'NeighbourGone', message: 'the agent does not hear the neighbour' };
}

export function membershipIn(
  annotations: Readonly<Record<string, string>> = {},
): NodeMembership | undefined {
  try {
    const value: unknown = JSON.parse(annotations[wellKnown.membershipAnnotation] ?? 'null');
    const { serial, peer, notBeforeMs } = (value ?? {}) as Partial<NodeMembership>;
    const whole =
      typeof serial === 'string' && typeof peer === 'string' && typeof notBeforeMs === 'number';
    return whole ? { serial, peer, notBeforeMs } : undefined;
  } catch {
    return undefined;
  }
}

/** A user who may write nodes may write anything there. */
export function addressesIn(annotations: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    const value: unknown = JSON.parse(annotations[wellKnown.addressesAnnotation] ?? '[]');
    return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}
