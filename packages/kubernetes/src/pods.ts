/** What an agent writes about pods, as a home and as a host. Every call is safe to repeat. */
import {
  type ClusterName,
  Fault,
  isFault,
  type NodeName,
  type Pod,
  type PodUid,
  wellKnown,
} from '@spillway/core';
import { type CreateOutcome, type PodNeeds, type PodRef, shadowIdOf } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { ApiFault, isOtherObject } from './api-fault.ts';
import { type GuestNamespace, GuestNamespaces } from './guest-namespaces.ts';
import { guestNamespaceName } from './guest-namespace.ts';
import { type GuestNetwork, guestNetworkDefaults } from './guest-network.ts';
import { shadowPod } from './shadow-pod.ts';

export class Pods {
  readonly #api: ApiClient;
  readonly #namespaces: GuestNamespaces;

  constructor(api: ApiClient, network: GuestNetwork = guestNetworkDefaults) {
    this.#api = api;
    this.#namespaces = new GuestNamespaces(api, network);
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

  /** `annotations` are written on the pod by the binding. Whoever binds first wins: `taken` when the pod has a node already, `gone` when it is another or none. */
  async bindPod(
    { namespace, name, uid }: PodRef,
    node: NodeName,
    annotations: Readonly<Record<string, string>> = {},
  ): Promise<'bound' | 'taken' | 'gone'> {
    try {
      await this.#api.call({
        method: 'POST',
        path: `${podPath(namespace, name)}/binding`,
        body: {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name, uid, annotations },
          target: { apiVersion: 'v1', kind: 'Node', name: node },
        },
      });
      return 'bound';
    } catch (error) {
      if (isFault(error, 'NotFound') || isOtherObject(error)) return 'gone';
      if (!isFault(error, 'Conflict')) throw error;
      if (error.message.includes('already assigned to node')) return 'taken';
      if (error.message.includes('is being deleted')) return 'gone';
      throw error;
    }
  }

  /** Merges `status` into the pod's; lists are replaced, but conditions merge by type. */
  async patchPodStatus(ref: PodRef, status: NonNullable<Pod['status']>): Promise<'ok' | 'gone'> {
    return await this.#ifThere(async () =>
      this.#api.call({
        method: 'PATCH',
        path: `${podPath(ref.namespace, ref.name)}/status`,
        contentType: 'application/strategic-merge-patch+json',
        // The UID makes the API server refuse when the name has passed to another pod.
        body: { metadata: { uid: ref.uid }, status: withReplacedLists(status) },
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
    let guestNamespace: GuestNamespace | undefined;
    try {
      guestNamespace = await this.#namespaces.ensure(home, pod.metadata.namespace ?? 'default');
      const shadow = shadowPod({ ...options, guestNamespace });
      try {
        await this.#api.call({ method: 'POST', path: podsPath(guestNamespace.name), body: shadow });
        return { kind: 'created' };
      } catch (error) {
        if (isFault(error, 'Conflict')) return await this.#existing(shadow);
        throw error;
      }
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      if (guestNamespace && (error.status === 403 || error.status === 404))
        this.#namespaces.forget(guestNamespace.name);
      if (isAboutThePod(error)) return { kind: 'rejected', reason: error.message };
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
    const guestNamespace = await this.#namespaces.find(home, namespace);
    const wanted = [
      ...needs.configMaps.map((name) => ({ kind: 'ConfigMap', resource: 'configmaps', name })),
      ...needs.secrets.map((name) => ({ kind: 'Secret', resource: 'secrets', name })),
    ];
    const shown = ({ kind, name }: (typeof wanted)[number]): string => `${kind} ${name}`;
    if (guestNamespace === undefined) return wanted.map(shown);
    const found = await Promise.all(
      wanted.map(({ resource, name }) => this.#exists(guestNamespace.name, resource, name)),
    );
    return wanted.filter((_, i) => !found[i]).map(shown);
  }

  async #existing(shadow: Pod): Promise<CreateOutcome> {
    const { namespace = '', name = '', labels } = shadow.metadata;
    const there = await this.getPod(namespace, name);
    if (there === undefined) throw new Fault('Conflict', `pod ${namespace}/${name} came and went`);
    const same = [wellKnown.homeUidLabel, wellKnown.homeLabel].every(
      (label) => there.metadata.labels?.[label] === labels?.[label],
    );
    return { kind: same && shadowIdOf(there, guestNamespaceName) ? 'exists' : 'nameTaken' };
  }

  async #delete(
    ref: { readonly namespace: string; readonly name: string; readonly uid: PodUid },
    gracePeriodSeconds: number | undefined,
  ): Promise<'ok' | 'gone'> {
    return await this.#ifThere(async () =>
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
      await this.#api.call({ method: 'GET', path: objectPath(namespace, resource, name) });
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
      if (isFault(error, 'NotFound') || isOtherObject(error)) return 'gone';
      throw error;
    }
  }
}

/** What admission and validation say of a pod stays true; a missing right, or a namespace on its way out, is the host's. */
function isAboutThePod(error: ApiFault): boolean {
  if (error.status === 400 || error.status === 422) return true;
  return (
    error.status === 403 &&
    error.denied === undefined &&
    !error.causes.includes('NamespaceTerminating') &&
    !error.message.includes('error looking up service account')
  );
}

/** Lists that a strategic merge would merge by key, so that an IP that is no more would stay for ever. */
const mergedLists = ['podIPs', 'hostIPs'] as const;

function withReplacedLists(status: NonNullable<Pod['status']>): object {
  const patch: Record<string, unknown> = { ...status };
  for (const field of mergedLists) {
    const list = patch[field];
    if (Array.isArray(list)) patch[field] = [...(list as unknown[]), { $patch: 'replace' }];
  }
  return patch;
}

function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

function podPath(namespace: string, name: string): string {
  return objectPath(namespace, 'pods', name);
}

const objectName = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/**
 * Some of these names were sent by a neighbour. API servers decode a path before they split it, so
 * that no escaping keeps a slash in a name from naming another resource.
 *
 * @throws Fault `NotFound` for what can't be any object's name.
 */
function objectPath(namespace: string, resource: string, name: string): string {
  if (!objectName.test(namespace) || !objectName.test(name)) {
    throw new Fault('NotFound', `${resource} ${namespace}/${name}: not the name of any object`);
  }
  return `/api/v1/namespaces/${namespace}/${resource}/${name}`;
}
