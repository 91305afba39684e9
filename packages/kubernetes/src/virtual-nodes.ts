/**
 * The Node objects at home that stand for neighbours. What they carry keeps everyone else off them, and
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
import {
  marksOf,
  neighbourOfNode,
  type NodeMarks,
  type NodeMembership,
  type VirtualNodeState,
} from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { isOtherObject } from './api-fault.ts';
import { NodeLease } from './node-lease.ts';
import {
  addressesIn,
  type KubeletEndpoint,
  membershipIn,
  readyStatus,
  virtualNodeLabels,
  virtualNodeObject,
  virtualNodeStatus,
} from './virtual-node-object.ts';

export interface RememberedNeighbour {
  readonly cluster: ClusterName;
  readonly addresses: readonly string[];
  readonly membership: NodeMembership | undefined;
  readonly marks: NodeMarks;
}

interface Known {
  readonly uid: string;
  readonly state: VirtualNodeState;
  readonly written: string;
  /** When it became (un)reachable, as far as we have seen; empty when someone else has changed that. */
  readonly since: string;
  /** Names of the resources that an older agent has shown. */
  readonly resources: readonly string[];
  readonly lease: NodeLease;
}

export class VirtualNodes {
  readonly #api: ApiClient;
  readonly #known = new Map<ClusterName, Known>();
  readonly #kubelet: () => KubeletEndpoint | undefined;

  /** `kubelet`: where this agent serves the kubelet's API; undefined where it does not. */
  constructor(api: ApiClient, kubelet: () => KubeletEndpoint | undefined = () => undefined) {
    this.#api = api;
    this.#kubelet = kubelet;
  }

  /**
   * Makes or updates the node; writes only what has changed. One call at a time per cluster.
   *
   * @throws Fault `Conflict` when its name is some other node's.
   */
  async keep(state: VirtualNodeState, now: Date): Promise<void> {
    const { cluster, reachable, membership, revoked } = state;
    const kubelet = this.#kubelet();
    const text = JSON.stringify([reachable, state.addresses, membership, revoked, kubelet]);
    let known = this.#known.get(cluster);
    if (known?.written === text) return;
    if (known === undefined) {
      const { metadata, status } = await this.#create(state);
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
          status: virtualNodeStatus(known.resources, {
            reachable,
            now,
            since,
            revoked,
            kubelet,
          }),
        },
      });
      if (reachable) await known.lease.renew(now);
    } catch (error) {
      // Someone has deleted it, or another has its name: the next call makes it again.
      if (isFault(error, 'NotFound') || isOtherObject(error)) this.#known.delete(cluster);
      throw error;
    }
    this.#known.set(cluster, { ...known, state, written: text, since, resources: [] });
  }

  /** Maximum number of neighbours that an earlier agent of this cluster knew. */
  async remembered(max: number): Promise<readonly RememberedNeighbour[]> {
    const { items } = await this.#api.call<{ items: readonly Node[] }>({
      method: 'GET',
      path: `/api/v1/nodes?labelSelector=${wellKnown.virtualNodeLabel}%3Dtrue&limit=${max}`,
    });
    return items.flatMap((node) => {
      const { annotations } = node.metadata;
      const cluster = neighbourOfNode(node);
      if (cluster === undefined) return [];
      const addresses = addressesIn(annotations);
      return [{ cluster, addresses, membership: membershipIn(annotations), marks: marksOf(node) }];
    });
  }

  /**
   * What the watch shows. One that someone has deleted, or that the node lifecycle controller has
   * marked while we could not renew its Lease, is written again by the next `keep`.
   */
  seen(cluster: ClusterName, node: Node | undefined): void {
    const known = this.#known.get(cluster);
    if (known === undefined) return;
    if (node === undefined) {
      this.#known.delete(cluster);
      return;
    }
    const status = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    if (status !== undefined && status !== readyStatus(known.state.reachable)) {
      this.#known.set(cluster, { ...known, written: '', since: '' });
    }
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
  async #create({ cluster, cordoned }: VirtualNodeState): Promise<Node> {
    const node = virtualNodeObject(cluster, { cordoned });
    try {
      return await this.#api.call<Node>({ method: 'POST', path: '/api/v1/nodes', body: node });
    } catch (error) {
      if (!isFault(error, 'Conflict')) throw error;
      return await this.#ours(cluster);
    }
  }

  async #ours(cluster: ClusterName): Promise<Node> {
    const node = await this.#api.call<Node>({ method: 'GET', path: nodePath(cluster) });
    if (neighbourOfNode(node) === cluster) return node;
    const { name } = node.metadata;
    throw new Fault('Conflict', `node ${name} exists and is not the virtual node of ${cluster}`);
  }
}

function nodePath(cluster: ClusterName): string {
  return `/api/v1/nodes/${virtualNodeName(cluster)}`;
}
