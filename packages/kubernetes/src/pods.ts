/** What an agent writes about pods, as a home and as a host. Every call is safe to repeat. */
import {
  type ClusterName,
  Fault,
  isFault,
  type NodeName,
  type Pod,
  type PodUid,
} from '@spillway/core';
import type { CreateOutcome, PodNeeds, PodRef } from '@spillway/federation';
import { type ApiClient, ApiFault } from './api-client.ts';
import { GuestNamespaces } from './guest-namespaces.ts';
import { shadowPod } from './shadow-pod.ts';
import { wellKnown } from '@spillway/core';

export class Pods {
  readonly #api: ApiClient;
  readonly #namespaces: GuestNamespaces;

  constructor(api: ApiClient) {
    this.#api = api;
    this.#namespaces = new GuestNamespaces(api);
  }

  /** Undefined when there is none. A consistent read. */
  async getPod(namespace: string, name: string): Promise<Pod | undefined> {
    try {
      return await this.#api.call<Pod>({ method: 'GET', path: podPath(namespace, name) });
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Whoever binds first wins: `taken` when the pod has a node already, `gone` when it is another or none. */
  async bindPod(
    { namespace, name, uid }: PodRef,
    node: NodeName,
  ): Promise<'bound' | 'taken' | 'gone'> {
    try {
      await this.#api.call({
        method: 'POST',
        path: `${podPath(namespace, name)}/binding`,
        body: {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name, uid },
          target: { apiVersion: 'v1', kind: 'Node', name: node },
        },
      });
      return 'bound';
    } catch (error) {
      if (isFault(error, 'NotFound')) return 'gone';
      if (!isFault(error, 'Conflict')) throw error;
      return error.message.includes('already assigned to node') ? 'taken' : 'gone';
    }
  }

  /** Merges `status` into the pod's; lists are replaced, but conditions merge by type. */
  async patchPodStatus(ref: PodRef, status: NonNullable<Pod['status']>): Promise<'ok' | 'gone'> {
    return await this.#ifThere(() =>
      this.#api.call({
        method: 'PATCH',
        path: `${podPath(ref.namespace, ref.name)}/status`,
        contentType: 'application/strategic-merge-patch+json',
        // The UID makes the API server refuse when the name has passed to another pod.
        body: { metadata: { uid: ref.uid }, status },
      }),
    );
  }

  async finalizeDeletion(ref: PodRef): Promise<'ok' | 'gone'> {
    return await this.#delete(ref, 0);
  }

  async createShadow(options: {
    readonly home: ClusterName;
    readonly pod: Pod;
    readonly node: NodeName;
  }): Promise<CreateOutcome> {
    const { home, pod } = options;
    const guestNamespace = await this.#namespaces.ensure(home, pod.metadata.namespace ?? 'default');
    const shadow = shadowPod({ ...options, guestNamespace });
    try {
      await this.#api.call({ method: 'POST', path: podsPath(guestNamespace), body: shadow });
      return { kind: 'created' };
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      if (error.status === 409) return await this.#existing(shadow);
      // Of 403s, those of admission (pod security, quota) are about this pod, and so is invalid input.
      if (error.status === 403 || error.status === 422 || error.status === 400) {
        if (error.status === 403) this.#namespaces.forget(guestNamespace);
        return { kind: 'rejected', reason: error.message };
      }
      if (error.status === 404) this.#namespaces.forget(guestNamespace);
      throw error;
    }
  }

  /** One that is gone already is success. */
  async deleteShadow(options: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: PodUid;
    readonly gracePeriodSeconds?: number;
  }): Promise<void> {
    await this.#delete(options, options.gracePeriodSeconds);
  }

  /** Which of `needs` the guest namespace lacks, as `ConfigMap x`, `Secret y`. */
  async missingNeeds(
    home: ClusterName,
    namespace: string,
    needs: PodNeeds,
  ): Promise<readonly string[]> {
    const guestNamespace = this.#namespaces.nameOf(home, namespace);
    const wanted = [
      ...needs.configMaps.map((name) => ({ kind: 'ConfigMap', resource: 'configmaps', name })),
      ...needs.secrets.map((name) => ({ kind: 'Secret', resource: 'secrets', name })),
    ];
    const found = await Promise.all(
      wanted.map(({ resource, name }) => this.#exists(guestNamespace, resource, name)),
    );
    return wanted.filter((_, i) => !found[i]).map(({ kind, name }) => `${kind} ${name}`);
  }

  async #existing(shadow: Pod): Promise<CreateOutcome> {
    const { namespace = '', name = '', labels } = shadow.metadata;
    const there = await this.getPod(namespace, name);
    if (there === undefined) throw new Fault('Conflict', `pod ${namespace}/${name} came and went`);
    const same = [wellKnown.homeUidLabel, wellKnown.homeLabel].every(
      (label) => there.metadata.labels?.[label] === labels?.[label],
    );
    return { kind: same ? 'exists' : 'nameTaken' };
  }

  async #delete(
    ref: { readonly namespace: string; readonly name: string; readonly uid: PodUid },
    gracePeriodSeconds: number | undefined,
  ): Promise<'ok' | 'gone'> {
    return await this.#ifThere(() =>
      this.#api.call({
        method: 'DELETE',
        path: podPath(ref.namespace, ref.name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid: ref.uid },
          ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
        },
      }),
    );
  }

  async #exists(namespace: string, resource: string, name: string): Promise<boolean> {
    try {
      const path = `/api/v1/namespaces/${namespace}/${resource}/${encodeURIComponent(name)}`;
      await this.#api.call({ method: 'GET', path });
      return true;
    } catch (error) {
      if (isFault(error, 'NotFound')) return false;
      throw error;
    }
  }

  /** A pod that is not there any more, or whose name another has, is `gone`. */
  async #ifThere(write: () => Promise<unknown>): Promise<'ok' | 'gone'> {
    try {
      await write();
      return 'ok';
    } catch (error) {
      if (isFault(error, 'NotFound') || isFault(error, 'Conflict')) return 'gone';
      throw error;
    }
  }
}

function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

function podPath(namespace: string, name: string): string {
  return `${podsPath(namespace)}/${name}`;
}
