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
import {
  type CreateOutcome,
  type GuestPatch,
  needsOf,
  type PatchOutcome,
  type PodNeeds,
  type PodRef,
  type ShadowPlace,
  shadowIdOf,
  type TryOutcome,
} from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { ApiFault, isOtherObject } from './api-fault.ts';
import { type GuestNamespace, GuestNamespaces, type NamespaceEnd } from './guest-namespaces.ts';
import { guestNamespaceName } from './guest-namespace.ts';
import { type GuestNetwork, guestNetworkDefaults } from './guest-network.ts';
import { objectPath, podPath, podsPath } from './object-path.ts';
import { shadowPod } from './shadow-pod.ts';

export interface ShadowToMake {
  readonly home: ClusterName;
  /** As it travelled. */
  readonly pod: Pod;
  readonly place: ShadowPlace;
}

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

  /** `annotations` are written on the pod by the binding. Only the first binding counts: `taken` when the pod has a node already, `gone` when it is another or none. */
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

  /** With its own grace period, so that its owner sees an ordinary deletion. */
  async evictPod(ref: PodRef): Promise<'ok' | 'gone'> {
    return await this.#delete(ref, undefined);
  }

  async createShadow(options: ShadowToMake): Promise<CreateOutcome> {
    return await this.#asGuest(options, async (guestNamespace) => {
      const shadow = shadowPod({ ...options, guestNamespace });
      try {
        await this.#api.call({ method: 'POST', path: podsPath(guestNamespace.name), body: shadow });
        return { kind: 'created' };
      } catch (error) {
        if (isFault(error, 'Conflict')) return await this.#existing(shadow);
        throw error;
      }
    });
  }

  /**
   * What would become of `createShadow`: admission, validation, quota and webhooks answer, and nothing is
   * made but the guest namespace.
   */
  async tryShadow(options: ShadowToMake): Promise<TryOutcome> {
    const { home, pod, place } = options;
    return await this.#asGuest<TryOutcome>(options, async (guestNamespace) => {
      const missing = await this.#missing(guestNamespace, needsOf(pod.spec));
      if (missing.length > 0) return { kind: 'lacks', missing };
      const body = shadowPod({ home, pod, guestNamespace, place });
      const path = `${podsPath(guestNamespace.name)}?dryRun=All`;
      try {
        await this.#api.call({ method: 'POST', path, body });
      } catch (error) {
        // An earlier pod of that name is found last of all, once admission has passed.
        if (!(error instanceof ApiFault) || error.reason !== 'AlreadyExists') throw error;
      }
      return { kind: 'accepted' };
    });
  }

  /** A refusal of the pod is an outcome; whatever else goes wrong is thrown. */
  async #asGuest<Outcome>(
    { home, pod }: ShadowToMake,
    act: (guestNamespace: GuestNamespace) => Promise<Outcome>,
  ): Promise<Outcome | { readonly kind: 'rejected'; readonly reason: string }> {
    const namespace = pod.metadata.namespace ?? 'default';
    try {
      return await this.#namespaces.within(home, namespace, act);
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      if (error.status === 403 || error.status === 404)
        this.#namespaces.forget(guestNamespaceName(home, namespace));
      if (isAboutThePod(error)) return { kind: 'rejected', reason: refusalWords(error, pod) };
      throw error;
    }
  }

  /** Deletes a guest namespace, unless someone has put something into it. @throws Fault */
  async endNamespace(namespace: GuestNamespace): Promise<NamespaceEnd> {
    return await this.#namespaces.end(namespace);
  }

  async patchShadow(options: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: PodUid;
    readonly patch: GuestPatch;
  }): Promise<PatchOutcome> {
    const { namespace, name, uid, patch } = options;
    try {
      const outcome = await this.#ifThere(async () =>
        this.#api.call({
          method: 'PATCH',
          path: podPath(namespace, name),
          contentType: 'application/strategic-merge-patch+json',
          body: { ...patch, metadata: { ...patch.metadata, uid } },
        }),
      );
      return { kind: outcome === 'ok' ? 'patched' : 'gone' };
    } catch (error) {
      if (!(error instanceof ApiFault) || !isAboutThePod(error)) throw error;
      return { kind: 'rejected', reason: error.words };
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
  async #missing(guestNamespace: GuestNamespace, needs: PodNeeds): Promise<readonly string[]> {
    const wanted = [
      ...needs.configMaps.map((name) => ({ kind: 'ConfigMap', resource: 'configmaps', name })),
      ...needs.secrets.map((name) => ({ kind: 'Secret', resource: 'secrets', name })),
    ];
    const found = await Promise.all(
      wanted.map(({ resource, name }) => this.#exists(guestNamespace.name, resource, name)),
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

/** Not every refusal names the class that it is about. */
function refusalWords({ words }: ApiFault, { spec }: Pod): string {
  const name = spec['runtimeClassName'];
  const unnamed =
    typeof name === 'string' && words.includes('RuntimeClass') && !words.includes(name);
  return unnamed ? `${words} (RuntimeClass ${name})` : words;
}

/** Lists that a strategic merge would merge by key, so that an IP that is no more would stay forever. */
const mergedLists = ['podIPs', 'hostIPs'] as const;

function withReplacedLists(status: NonNullable<Pod['status']>): object {
  const patch: Record<string, unknown> = { ...status };
  for (const field of mergedLists) {
    const list = patch[field];
    if (Array.isArray(list)) patch[field] = [...(list as unknown[]), { $patch: 'replace' }];
  }
  return patch;
}
