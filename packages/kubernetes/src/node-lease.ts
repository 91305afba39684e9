/**
 * The Lease that keeps one virtual node alive, as a kubelet's does. For the node lifecycle controller, each
 * renewal that is later than the one before is a sign of life.
 */
import { isFault } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const leaseSeconds = 40;
export const leaseRenewMs = 10_000;

interface Lease {
  readonly spec: { readonly renewTime?: string };
}

export class NodeLease {
  readonly #api: ApiClient;
  readonly #node: { readonly name: string; readonly uid: string };
  /** `renewTime`, in ms; undefined: not read yet. */
  #renewedMs: number | undefined;

  constructor(api: ApiClient, node: { readonly name: string; readonly uid: string }) {
    this.#api = api;
    this.#node = node;
  }

  async renew(now: Date): Promise<void> {
    const { name, uid } = this.#node;
    // An earlier agent's clock may have been ahead of ours.
    this.#renewedMs ??= await this.#lastMs();
    const renewMs = Math.max(now.getTime(), this.#renewedMs + 1);
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: leaseSeconds,
      renewTime: microTime(new Date(renewMs)),
    };
    // The garbage collector deletes it with its node.
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }];
    try {
      await this.#api.call({
        method: 'PATCH',
        path: `${leasesPath}/${name}`,
        contentType: 'application/merge-patch+json',
        body: { metadata: { ownerReferences }, spec },
      });
    } catch (error) {
      if (!isFault(error, 'NotFound')) throw error;
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'kube-node-lease', ownerReferences },
        spec,
      };
      await this.#api.call({ method: 'POST', path: leasesPath, body });
    }
    this.#renewedMs = renewMs;
  }

  /** By the clock of the agent that renewed it; 0 without a renewal. */
  async #lastMs(): Promise<number> {
    try {
      const path = `${leasesPath}/${this.#node.name}`;
      const { spec } = await this.#api.call<Lease>({ method: 'GET', path });
      return Date.parse(spec.renewTime ?? '') || 0;
    } catch (error) {
      if (isFault(error, 'NotFound')) return 0;
      throw error;
    }
  }
}

/** `metav1.MicroTime`. */
export function microTime(now: Date): string {
  return now.toISOString().replace('Z', '000Z');
}
