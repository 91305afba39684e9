/**
 * Makes guest namespaces when they are first needed, takes the rights of a host there and nowhere else
 * (ClusterRole `spillway-guests` of the chart), waits until pods can be made in them, and closes them off.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterName, Fault, isFault, type Namespace, wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { guestNamespace } from './guest-namespace.ts';
import { type GuestNetwork, guestNetworkPolicy } from './guest-network.ts';

/** Of the manifest: the rights of a host in a guest namespace. The binding has the same name. */
const guestRole = 'spillway-guests';

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

interface SelfSubjectReview {
  readonly status: { readonly userInfo: { readonly username: string } };
}

export class GuestNamespaces {
  readonly #api: ApiClient;
  readonly #network: GuestNetwork;
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
   * @throws Fault `Unavailable` when it can't be used yet, `Conflict` when it is somebody else's.
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

  /** Somebody may have deleted it. */
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
