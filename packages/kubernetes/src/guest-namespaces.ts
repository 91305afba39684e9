/** Makes guest namespaces when they are first needed, and waits until pods can be made in them. */
import { type ClusterName, Fault, isFault, type Namespace } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { guestNamespace, guestNamespaceName } from './guest-namespace.ts';

/** A new namespace's default service account comes within about a second. */
const accountTries = 40;
const accountTryMs = 100;

export class GuestNamespaces {
  readonly #api: ApiClient;
  /** Bounded by the homes' namespaces; a failure is forgotten, and tried again. */
  readonly #ensured = new Map<string, Promise<void>>();

  constructor(api: ApiClient) {
    this.#api = api;
  }

  nameOf(home: ClusterName, namespace: string): string {
    return guestNamespaceName(home, namespace);
  }

  /** Its name. @throws Fault `Unavailable` when it can't be used yet, `Conflict` when it is somebody else's. */
  async ensure(home: ClusterName, namespace: string): Promise<string> {
    const name = guestNamespaceName(home, namespace);
    let ensured = this.#ensured.get(name);
    if (ensured === undefined) {
      ensured = this.#make(guestNamespace(home, namespace));
      this.#ensured.set(name, ensured);
      ensured.catch(() => this.#ensured.delete(name));
    }
    await ensured;
    return name;
  }

  /** Somebody may have deleted it. */
  forget(name: string): void {
    this.#ensured.delete(name);
  }

  async #make(wanted: Namespace): Promise<void> {
    const name = wanted.metadata.name ?? '';
    const path = `/api/v1/namespaces/${name}`;
    try {
      const body = { apiVersion: 'v1', kind: 'Namespace', ...wanted };
      await this.#api.call({ method: 'POST', path: '/api/v1/namespaces', body });
    } catch (error) {
      if (!isFault(error, 'Conflict')) throw error;
      const there = await this.#api.call<Namespace>({ method: 'GET', path });
      const ours = Object.entries(wanted.metadata.labels ?? {})
        .filter(([label]) => label.startsWith('spillway.dev/'))
        .every(([label, value]) => there.metadata.labels?.[label] === value);
      if (!ours)
        throw new Fault(
          'Conflict',
          `namespace ${name} exists and is not this home's guest namespace`,
        );
    }
    for (let tries = 0; tries < accountTries; tries++) {
      try {
        await this.#api.call({ method: 'GET', path: `${path}/serviceaccounts/default` });
        return;
      } catch (error) {
        if (!isFault(error, 'NotFound')) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, accountTryMs));
    }
    throw new Fault('Unavailable', `namespace ${name} has no default service account yet`);
  }
}
