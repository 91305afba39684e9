/** One cluster of a test bed, whatever kind it is of: what tests and benchmarks do with it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, type Node } from '@spillway/core';
import { killAtEnd } from './ends.ts';
import { type KubeClient, KubeError } from './kube-client.ts';
import { failedLease, leasePath, nodeObject } from './kwok-nodes.ts';
import { type Applied, objectsOf } from './manifest-objects.ts';
import { type Ran, run } from './run-program.ts';
import type { ClusterSpec, NodeSpec } from './spec.ts';
import { waitFor } from './wait-for.ts';

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export abstract class Cluster {
  abstract readonly kind: 'local' | 'kind';
  readonly name: string;
  readonly spec: ClusterSpec;
  /** Of a test bed's own files for this cluster; removed with it. */
  readonly folder: string;
  readonly #kubectl: string;
  #resources: Map<string, Resource> | undefined;

  protected constructor(spec: ClusterSpec, folder: string, kubectl: string) {
    this.name = spec.name;
    this.spec = spec;
    this.folder = folder;
    this.#kubectl = kubectl;
  }

  /** As an administrator. */
  abstract get client(): KubeClient;

  /** The API server's URL, as this machine reaches it. */
  abstract get server(): string;

  /** As an administrator; its one context has the cluster's name. */
  abstract get kubeconfig(): string;

  /** Resolves when pods can be made: the API server answers, and the default namespace has its account. */
  abstract ready(): Promise<void>;

  /** A kubeconfig of this cluster for the holder of that token. */
  protected abstract kubeconfigText(token: string, user: string): string;

  /** As an administrator. A non-zero exit is no fault; see `Ran`. */
  async kubectl(args: readonly string[], input?: string): Promise<Ran> {
    return await run(this.#kubectl, [`--kubeconfig=${this.kubeconfig}`, ...args], { input });
  }

  /** One that goes on, as an administrator: its caller ends it, and this process does at the latest. */
  startKubectl(args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn(this.#kubectl, [`--kubeconfig=${this.kubeconfig}`, ...args], {
      detached: true,
    });
    killAtEnd(child);
    return child;
  }

  /** Makes nodes that KWOK plays, and waits until they are Ready. */
  async addNodes(nodes: readonly NodeSpec[]): Promise<void> {
    await Promise.all(
      nodes.map((node) => this.client.call('POST', '/api/v1/nodes', nodeObject(node))),
    );
    const wanted = new Set(nodes.map(({ name }) => name));
    await waitFor(
      `${this.name}: ${nodes.length} nodes Ready`,
      async () => {
        const { items } = await this.client.get<{ items: Node[] }>('/api/v1/nodes');
        const ready = items.filter(
          ({ metadata, status, spec }) =>
            wanted.has(metadata.name ?? '') &&
            status?.conditions?.some(
              ({ type, status: value }) => type === 'Ready' && value === 'True',
            ) &&
            !spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready'),
        );
        return ready.length === wanted.size ? true : undefined;
      },
      { timeoutMs: 60_000 },
    );
  }

  /**
   * A node of KWOK's says nothing any more: it plays none whose Lease someone else holds. It is NotReady
   * when `nodeGraceSeconds` have passed since its last heartbeat, which was up to 10 s ago.
   */
  async failNode(name: string): Promise<void> {
    const lease = failedLease(new Date());
    await this.client.call('PATCH', leasePath(name), lease, 'application/merge-patch+json');
  }

  /** KWOK plays it again within about 10 s. */
  async recoverNode(name: string): Promise<void> {
    await this.client.call('DELETE', leasePath(name));
  }

  /**
   * Creates or replaces what a YAML text says, of any kinds that the API server knows.
   *
   * @throws Fault `InvalidInput` that names the document, and what is wrong with it.
   */
  async apply(yaml: string, defaultNamespace = 'default'): Promise<void> {
    for (const object of objectsOf(yaml)) await this.#applyOne(object, defaultNamespace);
  }

  /** Deletes what a YAML text names, in reverse; what is not there is no matter. */
  async remove(yaml: string, defaultNamespace = 'default'): Promise<void> {
    for (const object of objectsOf(yaml).toReversed()) {
      // A namespace stays, since its end takes long and it may be one that was there before.
      if (object.kind === 'Namespace' || object.metadata.name === undefined) continue;
      const path = `${await this.#path(object, defaultNamespace)}/${object.metadata.name}`;
      try {
        await this.client.call('DELETE', path, { propagationPolicy: 'Background' });
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== 404) throw error;
      }
    }
  }

  /** A kubeconfig that is a service account's, with exactly its rights. */
  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const { status } = await waitFor(
      `${this.name}: a token for ${namespace}/${name}`,
      () =>
        this.client.call<{ status: { token: string } }>('POST', path, {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 86_400 },
        }),
      { timeoutMs: 10_000 },
    );
    const file = join(this.folder, `${name}.kubeconfig`);
    writeFileSync(file, this.kubeconfigText(status.token, name), { mode: 0o600 });
    return file;
  }

  async #applyOne(object: Applied, defaultNamespace: string): Promise<void> {
    const path = await this.#path(object, defaultNamespace);
    const { name, namespace = defaultNamespace } = object.metadata;
    try {
      if (name === undefined) await this.client.call('POST', path, object);
      else {
        await this.client.call(
          'PATCH',
          `${path}/${name}?fieldManager=spillway-testbed&force=true`,
          object,
          'application/apply-patch+yaml',
        );
      }
    } catch (error) {
      // A namespace that was made a moment ago may lack its service account.
      if (!(error instanceof KubeError) || !error.message.includes('serviceaccount')) throw error;
      await waitFor(
        'the namespace’s service account',
        () => this.client.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`),
        { timeoutMs: 10_000 },
      );
      await this.#applyOne(object, defaultNamespace);
    }
  }

  /** Of the collection that it belongs to. */
  async #path({ apiVersion, kind, metadata }: Applied, defaultNamespace: string): Promise<string> {
    const { name, namespaced } = await this.#resource(apiVersion, kind);
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const namespace = metadata.namespace ?? defaultNamespace;
    return namespaced ? `${group}/namespaces/${namespace}/${name}` : `${group}/${name}`;
  }

  /** A group that does not exist has none. */
  async #resourcesOf(group: string): Promise<readonly Resource[]> {
    try {
      return (await this.client.get<{ resources: readonly Resource[] }>(group)).resources;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return [];
      throw error;
    }
  }

  async #resource(apiVersion: string, kind: string): Promise<Resource> {
    this.#resources ??= new Map();
    const key = `${apiVersion}/${kind}`;
    if (!this.#resources.has(key)) {
      const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      for (const each of await this.#resourcesOf(group)) {
        if (!each.name.includes('/')) this.#resources.set(`${apiVersion}/${each.kind}`, each);
      }
    }
    const resource = this.#resources.get(key);
    if (resource === undefined) {
      throw new Fault('InvalidInput', `${this.name}: the API server does not serve ${key}`);
    }
    return resource;
  }
}

/** @throws Fault `NotFound` */
export function namedCluster<C extends Cluster>(clusters: readonly C[], name: string): C {
  const cluster = clusters.find((each) => each.name === name);
  if (cluster === undefined) throw new Fault('NotFound', `no cluster ${name}`);
  return cluster;
}
