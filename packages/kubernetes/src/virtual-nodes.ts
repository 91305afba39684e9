/**
 * The Node objects at home that stand for neighbours. What they carry keeps everybody else off them, and
 * keeps them out of what the rest of the cluster counts: see virtual-node-object.ts and docs/adr/0025.
 * A Lease keeps each alive while its neighbour is not gone. See docs/adr/0007.
 */
import {
  type ClusterName,
  Fault,
  isFault,
  type Node,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import type { NodeMarks } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { isOtherObject } from './api-fault.ts';
import { NodeLease } from './node-lease.ts';
import {
  addressesIn,
  marksOf,
  membershipIn,
  type NodeMembership,
  noMarks,
  readyStatus,
  virtualNodeLabels,
  virtualNodeObject,
  virtualNodeStatus,
} from './virtual-node-object.ts';

export interface VirtualNodeState {
  readonly cluster: ClusterName;
  /** Multiaddrs: where an agent that starts again may find it. */
  readonly addresses: readonly string[];
  /** False once the neighbour is gone: the node becomes NotReady, as any lost node does. */
  readonly reachable: boolean;
  /** By which certificate it last proved itself: what a revocation that comes later is compared with. */
  readonly membership?: NodeMembership;
  /** Why it is no member any more. Never reachable then. */
  readonly revoked?: string;
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
  /** Names of the resources that an older agent has shown. */
  readonly resources: readonly string[];
  readonly lease: NodeLease;
}

export class VirtualNodes {
  readonly #api: ApiClient;
  readonly #known = new Map<ClusterName, Known>();
  /** What people have put on the nodes. A cordon stays when the node is deleted. */
  readonly #marks = new Map<ClusterName, NodeMarks>();

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Neighbours whose node exists, so that pods can be bound to it. */
  has(cluster: ClusterName): boolean {
    return this.#known.has(cluster);
  }

  marks(cluster: ClusterName): NodeMarks {
    return this.#marks.get(cluster) ?? noMarks;
  }

  /** Clusters that were cordoned when an earlier agent last saw their node: where it is gone, it is made cordoned. */
  cordonedBefore(clusters: Iterable<ClusterName>): void {
    for (const cluster of clusters) {
      if (!this.#marks.has(cluster)) this.#marks.set(cluster, { ...noMarks, cordoned: true });
    }
  }

  /**
   * Makes or updates the node; writes only what has changed. One call at a time per cluster.
   *
   * @throws Fault `Conflict` when its name is some other node's.
   */
  async keep(state: VirtualNodeState, now: Date): Promise<void> {
    const { cluster, reachable, membership, revoked } = state;
    const text = JSON.stringify([reachable, state.addresses, membership, revoked]);
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
            labels: virtualNodeLabels(cluster),
            annotations: {
              [wellKnown.addressesAnnotation]: JSON.stringify(state.addresses),
              ...(membership && { [wellKnown.membershipAnnotation]: JSON.stringify(membership) }),
            },
          },
          status: virtualNodeStatus(known.resources, { reachable, now, since, revoked }),
        },
      });
      if (reachable) await known.lease.renew(now);
    } catch (error) {
      // Somebody has deleted it, or another has its name: the next call makes it again.
      if (isFault(error, 'NotFound') || isOtherObject(error)) this.#known.delete(cluster);
      throw error;
    }
    this.#known.set(cluster, { ...known, state, written: text, since, resources: [] });
  }

  /** What an earlier agent of this cluster knew of its neighbours; so many at most. */
  async remembered(max: number): Promise<readonly RememberedNeighbour[]> {
    const { items } = await this.#api.call<{ items: readonly Node[] }>({
      method: 'GET',
      path: `/api/v1/nodes?labelSelector=${wellKnown.virtualNodeLabel}%3Dtrue&limit=${max}`,
    });
    return items.flatMap((node) => {
      const { labels, annotations } = node.metadata;
      const cluster = labels?.[wellKnown.clusterLabel] as ClusterName | undefined;
      if (cluster === undefined) return [];
      this.#marks.set(cluster, marksOf(node));
      const addresses = addressesIn(annotations);
      return [{ cluster, addresses, membership: membershipIn(annotations) }];
    });
  }

  /**
   * What the watch shows. One that somebody has deleted, or that the node lifecycle controller has
   * marked while we could not renew its Lease, is written again by the next `keep`.
   *
   * @returns `marked` when what people have put on it has changed.
   */
  seen(cluster: ClusterName, node: Node | undefined): 'deletedByOthers' | 'marked' | undefined {
    const before = this.marks(cluster);
    const marks = node === undefined ? { ...noMarks, cordoned: before.cordoned } : marksOf(node);
    this.#marks.set(cluster, marks);
    const deleted = this.#rewriteIfMarked(cluster, node);
    if (deleted !== undefined) return deleted;
    return JSON.stringify(before) === JSON.stringify(marks) ? undefined : 'marked';
  }

  #rewriteIfMarked(cluster: ClusterName, node: Node | undefined): 'deletedByOthers' | undefined {
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
    const node = virtualNodeObject(cluster, this.marks(cluster));
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

function nodePath(cluster: ClusterName): string {
  return `/api/v1/nodes/${virtualNodeName(cluster)}`;
}
