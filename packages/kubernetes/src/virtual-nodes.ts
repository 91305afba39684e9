/**
 * The Node objects at home that stand for neighbours. They carry a taint of ours and neither an os,
 * a hostname nor a topology label: kube-scheduler and DaemonSets put nothing on them, and they are no
 * domain of any topology spread constraint (a node with a hostname label is one, tainted or not).
 * A Lease keeps each alive while its neighbour is not gone. See docs/adr/0007.
 */
import { type ClusterName, isFault, type Node, virtualNodeName, wellKnown } from '@spillway/core';
import type { Amounts } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';

export interface VirtualNodeState {
  readonly cluster: ClusterName;
  /** What the neighbour says it has, for people to look at. */
  readonly allocatable: Amounts;
  /** False once the neighbour is gone: the node becomes NotReady, as any lost node does. */
  readonly reachable: boolean;
}

interface Known {
  state: VirtualNodeState;
  written: string;
}

const leaseSeconds = 40;
export const leaseRenewMs = 10_000;

export class VirtualNodes {
  readonly #api: ApiClient;
  readonly #known = new Map<ClusterName, Known>();

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Neighbours whose node exists, so that pods can be bound to it. */
  has(cluster: ClusterName): boolean {
    return this.#known.has(cluster);
  }

  /** Makes or updates the node; writes only what has changed. */
  async keep(state: VirtualNodeState, now: Date): Promise<void> {
    const known = this.#known.get(state.cluster);
    const text = JSON.stringify([state.reachable, amounts(state.allocatable)]);
    if (known !== undefined) known.state = state;
    if (known?.written === text) return;
    const name = virtualNodeName(state.cluster);
    if (known === undefined) await this.#create(state.cluster);
    await this.#api.call({
      method: 'PATCH',
      path: `/api/v1/nodes/${name}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: { status: statusOf(state, now) },
    });
    if (state.reachable) await this.#renew(name, now);
    this.#known.set(state.cluster, { state, written: text });
  }

  /** Renews the Leases of reachable ones. Call every `leaseRenewMs`. */
  async renewAll(now: Date): Promise<void> {
    const reachable = [...this.#known.values()].filter(({ state }) => state.reachable);
    await Promise.all(
      reachable.map(({ state }) => this.#renew(virtualNodeName(state.cluster), now)),
    );
  }

  async #create(cluster: ClusterName): Promise<void> {
    const node: Node & { apiVersion: string; kind: string } = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: virtualNodeName(cluster),
        labels: {
          [wellKnown.virtualNodeLabel]: 'true',
          [wellKnown.clusterLabel]: cluster,
          'node.kubernetes.io/exclude-from-external-load-balancers': 'true',
        },
      },
      spec: {
        taints: [{ key: wellKnown.virtualNodeTaint, value: cluster, effect: 'NoSchedule' }],
      },
    };
    try {
      await this.#api.call({ method: 'POST', path: '/api/v1/nodes', body: node });
    } catch (error) {
      if (!isFault(error, 'Conflict')) throw error;
    }
  }

  async #renew(name: string, now: Date): Promise<void> {
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: leaseSeconds,
      renewTime: microTime(now),
    };
    try {
      await this.#api.call({
        method: 'PATCH',
        path: `${path}/${name}`,
        contentType: 'application/merge-patch+json',
        body: { spec },
      });
    } catch (error) {
      if (!isFault(error, 'NotFound')) throw error;
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'kube-node-lease' },
        spec,
      };
      await this.#api.call({ method: 'POST', path, body });
    }
  }
}

function statusOf({ allocatable, reachable }: VirtualNodeState, now: Date): object {
  const resources = amounts(allocatable);
  return {
    capacity: resources,
    allocatable: resources,
    nodeInfo: { kubeletVersion: 'spillway', operatingSystem: '', architecture: '' },
    conditions: [
      {
        type: 'Ready',
        status: reachable ? 'True' : 'Unknown',
        reason: reachable ? 'NeighbourAlive' : 'NeighbourGone',
        message: reachable
          ? 'the neighbour is heard from'
          : 'the neighbour has not been heard from',
        lastHeartbeatTime: now.toISOString(),
        lastTransitionTime: now.toISOString(),
      },
    ],
  };
}

function amounts(allocatable: Amounts): Record<string, string> {
  return {
    cpu: `${allocatable.milliCpu}m`,
    memory: `${allocatable.memoryBytes}`,
    pods: `${allocatable.pods}`,
    ...Object.fromEntries([...allocatable.extended].map(([name, amount]) => [name, `${amount}`])),
  };
}

/** `metav1.MicroTime`. */
export function microTime(now: Date): string {
  return now.toISOString().replace('Z', '000Z');
}
