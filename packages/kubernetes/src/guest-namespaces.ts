/**
 * Creates guest namespaces when they are first needed. It takes the rights of a host there, and nowhere else
 * (ClusterRole `spillway-guests` of the chart). It waits until pods can be created in them, and isolates
 * them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterName, Fault, isFault, type Namespace, wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { isOtherObject } from './api-fault.ts';
import { guestNamespace, guestNamespaceName } from './guest-namespace.ts';
import { foreignObject, guestRole } from './guest-namespace-contents.ts';
import { type GuestNetwork, guestNetworkPolicy } from './guest-network.ts';

/** A new namespace's default service account, and our rights in it, come within about a second. */
const readyTries = 50;
const readyTryMs = 100;
/** What is remembered as made; more are looked up again. */
const ensuredMax = 10_000;

/** One that exists. */
export interface GuestNamespace {
  readonly name: string;
  readonly uid: string;
}

/** `by`: what keeps it. */
export type NamespaceEnd =
  | { readonly outcome: 'ended' }
  | { readonly outcome: 'kept'; readonly by: string };

interface SelfSubjectReview {
  readonly status: { readonly userInfo: { readonly username: string } };
}

export class GuestNamespaces {
  readonly #api: ApiClient;
  readonly #network: GuestNetwork;
  readonly #ending = new Map<string, Promise<NamespaceEnd>>();
  /** Writes under way there. */
  readonly #users = new Map<string, number>();
  /** A failure is forgotten, and tried again. */
  readonly #ensured = new Map<string, Promise<GuestNamespace>>();
  #user: string | undefined;

  constructor(api: ApiClient, network: GuestNetwork) {
    this.#api = api;
    this.#network = network;
  }

  /**
   * Once pods can be made in it.
   *
   * @throws Fault `Unavailable` when it can't be used yet, `Conflict` when it is someone else's.
   */
  async ensure(home: ClusterName, namespace: string): Promise<GuestNamespace> {
    const wanted = guestNamespace(home, namespace);
    const name = wanted.metadata.name ?? '';
    return await this.#once(name, async () => {
      const uid = await this.#make(wanted);
      await this.#ready(name);
      await this.#isolate(name);
      return { name, uid };
    });
  }

  /** `write` in the guest namespace, which is not ended meanwhile. @throws Fault as `ensure`, and what `write` throws. */
  async within<T>(
    home: ClusterName,
    namespace: string,
    write: (there: GuestNamespace) => Promise<T>,
  ): Promise<T> {
    const name = guestNamespaceName(home, namespace);
    await this.#ending.get(name)?.catch(() => {});
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
    try {
      return await write(await this.ensure(home, namespace));
    } finally {
      const users = (this.#users.get(name) ?? 1) - 1;
      if (users > 0) this.#users.set(name, users);
      else this.#users.delete(name);
    }
  }

  /**
   * Deletes a guest namespace in which nobody has anything, by the right that our own binding in it gives.
   *
   * @throws Fault
   */
  async end({ name, uid }: GuestNamespace): Promise<NamespaceEnd> {
    const users = this.#users.get(name) ?? 0;
    if (users > 0) return { outcome: 'kept', by: 'a guest that is coming' };
    const ending = this.#end(name, uid).finally(() => this.#ending.delete(name));
    this.#ending.set(name, ending);
    return await ending;
  }

  async #end(name: string, uid: string): Promise<NamespaceEnd> {
    try {
      const { metadata } = await this.#api.call<Namespace>({ method: 'GET', path: pathOf(name) });
      const { labels, deletionTimestamp } = metadata;
      if (metadata.uid !== uid || deletionTimestamp !== undefined) return { outcome: 'ended' };
      if (labels?.[wellKnown.keepLabel] !== undefined)
        return { outcome: 'kept', by: `its label ${wellKnown.keepLabel}` };
      const foreign = await foreignObject(this.#api, name);
      if (foreign !== undefined) return { outcome: 'kept', by: foreign };
      this.forget(name);
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
      await this.#api.call({ method: 'DELETE', path: pathOf(name), body });
    } catch (error) {
      // The host's people made it beforehand, or took our binding out of it: it is theirs.
      if (isFault(error, 'PermissionDenied'))
        return { outcome: 'kept', by: 'who gives no right in it' };
      if (!isFault(error, 'NotFound') && !isOtherObject(error)) throw error;
    }
    return { outcome: 'ended' };
  }

  /** Someone may have deleted it. */
  forget(name: string): void {
    this.#ensured.delete(name);
  }

  async #once(name: string, make: () => Promise<GuestNamespace>): Promise<GuestNamespace> {
    let ensured = this.#ensured.get(name);
    if (ensured === undefined) {
      ensured = make();
      if (this.#ensured.size >= ensuredMax) this.#ensured.clear();
      this.#ensured.set(name, ensured);
      ensured.catch(() => this.#ensured.delete(name));
    }
    return await ensured;
  }

  /** Its UID. */
  async #make(wanted: Namespace): Promise<string> {
    const name = wanted.metadata.name ?? '';
    const body = { apiVersion: 'v1', kind: 'Namespace', ...wanted };
    let there = await this.#create<Namespace>('/api/v1/namespaces', body);
    if (there === undefined) {
      there = await this.#api.call<Namespace>({ method: 'GET', path: pathOf(name) });
      const ours = [wellKnown.homeLabel, wellKnown.homeNamespaceLabel].every(
        (label) => there?.metadata.labels?.[label] === wanted.metadata.labels?.[label],
      );
      if (!ours) {
        throw new Fault(
          'Conflict',
          `namespace ${name} exists and is not this home's guest namespace`,
        );
      }
    }
    if (there.metadata.deletionTimestamp !== undefined)
      throw new Fault('Unavailable', `namespace ${name} is being deleted; it is made again then`);
    await this.#create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: guestRole, namespace: name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: guestRole },
      subjects: [
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: await this.#whoAmI() },
      ],
    });
    return there.metadata.uid ?? '';
  }

  /** What the API server calls us, whatever service account we were installed with. */
  async #whoAmI(): Promise<string> {
    if (this.#user === undefined) {
      const { status } = await this.#api.call<SelfSubjectReview>({
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      });
      this.#user = status.userInfo.username;
    }
    return this.#user;
  }

  async #ready(name: string): Promise<void> {
    let last: unknown;
    for (let tries = 0; tries < readyTries; tries++) {
      try {
        await this.#api.call({ method: 'GET', path: `${pathOf(name)}/serviceaccounts/default` });
        return;
      } catch (error) {
        // No right yet: the API server learns of a new binding by a watch of its own.
        if (!isFault(error, 'NotFound') && !isFault(error, 'PermissionDenied')) throw error;
        last = error;
      }
      await sleep(readyTryMs);
    }
    const why = (last as Error).message;
    throw new Fault('Unavailable', `namespace ${name} can't be used yet: ${why}`, { cause: last });
  }

  /** Before there is any pod. One that is there already, perhaps with changes by the host's people, stays. */
  async #isolate(name: string): Promise<void> {
    if (!this.#network.isolated) return;
    await this.#create(
      `/apis/networking.k8s.io/v1/namespaces/${name}/networkpolicies`,
      guestNetworkPolicy(name, this.#network),
    );
  }

  /** As the API server has it; undefined when it exists already. */
  async #create<Made>(path: string, body: object): Promise<Made | undefined> {
    try {
      return await this.#api.call<Made>({ method: 'POST', path, body });
    } catch (error) {
      if (isFault(error, 'Conflict')) return undefined;
      throw error;
    }
  }
}

function pathOf(name: string): string {
  return `/api/v1/namespaces/${name}`;
}
