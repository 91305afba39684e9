/**
 * The Node objects at home that stand for neighbours. They carry a taint of ours and neither an os,
 * a hostname nor a topology label: kube-scheduler and DaemonSets put nothing on them, and they are no
 * domain of any topology spread constraint (a node with a hostname label is one, tainted or not).
 * A Lease keeps each alive while its neighbour is not gone. See docs/adr/0007.
 */
import {
  type ClusterName,
  Fault,
  isFault,
  type Node,
  type PeerId,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import type { Amounts } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { isOtherObject } from './api-fault.ts';
import { NodeLease } from './node-lease.ts';

export interface VirtualNodeState {
  readonly cluster: ClusterName;
  /** What the neighbour says it has, for people to look at. */
  readonly allocatable: Amounts;
  /** Multiaddrs: where an agent that starts again may find it. */
  readonly addresses: readonly string[];
  /** False once the neighbour is gone: the node becomes NotReady, as any lost node does. */
  readonly reachable: boolean;
  /** By which certificate it last proved itself: what a revocation that comes later is compared with. */
  readonly membership?: NodeMembership;
  /** Why it is no member any more. Never reachable then. */
  readonly revoked?: string;
}

export interface NodeMembership {
  readonly serial: string;
  readonly peer: PeerId;
  readonly notBeforeMs: number;
}

export interface RememberedNeighbour {
  readonly cluster: ClusterName;
  readonly addresses: readonly string[];
  readonly membership: NodeMembership | undefined;
}

interface Known {
  readonly uid: string;
  readonly state: VirtualNodeState;
  readonly written: string;
  /** When it became (un)reachable, as far as we have seen; empty when somebody else has changed that. */
  readonly since: string;
  /** Names of the resources that it shows. */
  readonly resources: readonly string[];
  readonly lease: NodeLease;
}

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

  /**
   * Makes or updates the node; writes only what has changed. One call at a time per cluster.
   *
   * @throws Fault `Conflict` when its name is some other node's.
   */
  async keep(state: VirtualNodeState, now: Date): Promise<void> {
    const { cluster, reachable, membership, revoked } = state;
    const shown = amounts(state.allocatable);
    const text = JSON.stringify([reachable, shown, state.addresses, membership, revoked]);
    let known = this.#known.get(cluster);
    if (known?.written === text) return;
    if (known === undefined) {
      const { metadata, status } = await this.#create(cluster);
      const { uid = '' } = metadata;
      const resources = Object.keys(status?.capacity ?? {});
      known = {
        uid,
        state,
        written: '',
        since: now.toISOString(),
        resources,
        lease: new NodeLease(this.#api, { name: virtualNodeName(cluster), uid }),
      };
    }
    const changed = known.since === '' || known.state.reachable !== reachable;
    const since = changed ? now.toISOString() : known.since;
    try {
      await this.#api.call({
        method: 'PATCH',
        path: `${nodePath(cluster)}/status`,
        contentType: 'application/strategic-merge-patch+json',
        body: {
          metadata: {
            uid: known.uid,
            annotations: {
              [wellKnown.addressesAnnotation]: JSON.stringify(state.addresses),
              ...(membership && { [wellKnown.membershipAnnotation]: JSON.stringify(membership) }),
            },
          },
          // What the neighbour has no more must not stay, as it would where maps are merged.
          status: statusOf(
            { ...absent(known.resources), ...shown },
            { reachable, now, since, revoked },
          ),
        },
      });
      if (reachable) await known.lease.renew(now);
    } catch (error) {
      // Somebody has deleted it, or another has its name: the next call makes it again.
      if (isFault(error, 'NotFound') || isOtherObject(error)) this.#known.delete(cluster);
      throw error;
    }
    const resources = Object.keys(shown);
    this.#known.set(cluster, { ...known, state, written: text, since, resources });
  }

  /** What an earlier agent of this cluster knew of its neighbours; so many at most. */
  async remembered(max: number): Promise<readonly RememberedNeighbour[]> {
    const { items } = await this.#api.call<{ items: readonly Node[] }>({
      method: 'GET',
      path: `/api/v1/nodes?labelSelector=${wellKnown.virtualNodeLabel}%3Dtrue&limit=${max}`,
    });
    return items.flatMap(({ metadata: { labels, annotations } }) => {
      const cluster = labels?.[wellKnown.clusterLabel] as ClusterName | undefined;
      const addresses = addressesIn(annotations);
      return cluster === undefined
        ? []
        : [{ cluster, addresses, membership: membershipIn(annotations) }];
    });
  }

  /**
   * What the watch shows. One that somebody has deleted, or that the node lifecycle controller has
   * marked while we could not renew its Lease, is written again by the next `keep`.
   */
  seen(cluster: ClusterName, node: Node | undefined): 'deletedByOthers' | undefined {
    const known = this.#known.get(cluster);
    if (known === undefined) return undefined;
    if (node === undefined) {
      this.#known.delete(cluster);
      return 'deletedByOthers';
    }
    const status = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    if (status !== undefined && status !== readyStatus(known.state.reachable)) {
      this.#known.set(cluster, { ...known, written: '', since: '' });
    }
    return undefined;
  }

  /** Ends the node; its Lease goes with it, and so do the Pod objects that are still bound to it. */
  async remove(cluster: ClusterName): Promise<void> {
    this.#known.delete(cluster);
    try {
      const there = await this.#ours(cluster);
      await this.#api.call({
        method: 'DELETE',
        path: nodePath(cluster),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid: there.metadata.uid },
        },
      });
    } catch (error) {
      if (!isFault(error, 'NotFound')) throw error;
    }
  }

  /** Renews the Leases of reachable ones. Call every `leaseRenewMs`. @throws the first fault, after all were tried. */
  async renewAll(now: Date): Promise<void> {
    const reachable = [...this.#known.values()].filter(({ state }) => state.reachable);
    const renewals = await Promise.allSettled(reachable.map(({ lease }) => lease.renew(now)));
    const failed = renewals.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  /** As it is, when it exists already. */
  async #create(cluster: ClusterName): Promise<Node> {
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
      return await this.#api.call<Node>({ method: 'POST', path: '/api/v1/nodes', body: node });
    } catch (error) {
      if (!isFault(error, 'Conflict')) throw error;
      return await this.#ours(cluster);
    }
  }

  async #ours(cluster: ClusterName): Promise<Node> {
    const node = await this.#api.call<Node>({ method: 'GET', path: nodePath(cluster) });
    const { labels, name } = node.metadata;
    if (
      labels?.[wellKnown.virtualNodeLabel] === 'true' &&
      labels[wellKnown.clusterLabel] === cluster
    ) {
      return node;
    }
    throw new Fault('Conflict', `node ${name} exists and is not the virtual node of ${cluster}`);
  }
}

function readyStatus(reachable: boolean): 'True' | 'Unknown' {
  return reachable ? 'True' : 'Unknown';
}

function nodePath(cluster: ClusterName): string {
  return `/api/v1/nodes/${virtualNodeName(cluster)}`;
}

function absent(resources: readonly string[]): Record<string, null> {
  return Object.fromEntries(resources.map((name) => [name, null]));
}

function statusOf(
  resources: Readonly<Record<string, string | null>>,
  {
    reachable,
    now,
    since,
    revoked,
  }: {
    readonly reachable: boolean;
    readonly now: Date;
    readonly since: string;
    readonly revoked: string | undefined;
  },
): object {
  return {
    capacity: resources,
    allocatable: resources,
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

function amounts(allocatable: Amounts): Record<string, string> {
  return {
    cpu: `${allocatable.milliCpu}m`,
    memory: `${allocatable.memoryBytes}`,
    pods: `${allocatable.pods}`,
    ...Object.fromEntries([...allocatable.extended].map(([name, amount]) => [name, `${amount}`])),
  };
}

function readyReason(
  reachable: boolean,
  revoked: string | undefined,
): { readonly reason: string; readonly message: string } {
  if (revoked !== undefined) return { reason: 'NeighbourRevoked', message: revoked };
  return reachable
    ? { reason: 'NeighbourAlive', message: 'the neighbour is heard from' }
    : { reason: 'NeighbourGone', message: 'the neighbour has not been heard from' };
}

function membershipIn(
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

/** Whoever may write nodes may write anything there. */
function addressesIn(annotations: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    const value: unknown = JSON.parse(annotations[wellKnown.addressesAnnotation] ?? '[]');
    return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}
