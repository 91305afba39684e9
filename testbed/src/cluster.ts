/** One cluster of a test bed, whatever kind it is of: what tests and benchmarks do with it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, milliValueOf, type Node, parseQuantity, valueOf } from '@spillway/core';
import { parseAllDocuments } from 'yaml';
import { type Component, components } from './component-arguments.ts';
import type { ControlPlane } from './control-plane.ts';
import { type KubeClient, KubeError } from './kube-client.ts';
import type { ClusterSpec, NodeSpec } from './spec.ts';
import { waitFor } from './wait-for.ts';

/** Longer than any test bed lives. */
const failedSeconds = 30 * 86_400;

interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
  };
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class Cluster {
  readonly name: string;
  readonly spec: ClusterSpec;
  readonly #plane: ControlPlane;
  #resources: Map<string, Resource> | undefined;

  constructor(spec: ClusterSpec, plane: ControlPlane) {
    this.name = spec.name;
    this.spec = spec;
    this.#plane = plane;
  }

  /** As an administrator. */
  get client(): KubeClient {
    return this.#plane.client;
  }

  get server(): string {
    return this.#plane.server;
  }

  get kubeconfig(): string {
    return this.#plane.kubeconfig;
  }

  /** Of a test bed's own files for this cluster; removed with it. */
  get folder(): string {
    return this.#plane.folder;
  }

  log(component: Component): string {
    return this.#plane.log(component);
  }

  pid(component: Component): number | undefined {
    return this.#plane.pid(component);
  }

  /** One that runs already goes on. After KWOK alone, nodes are played again when their Leases have run out (40 s). */
  start(component: Component): void {
    this.#plane.start(component);
  }

  /** All that does not run, in the order in which they need each other; resolves when they are ready. */
  async startAll(): Promise<void> {
    await this.#plane.startAgain();
  }

  /** Asks; after 10 s it is killed. Resolves when it is gone. */
  async stop(component: Component | 'all'): Promise<void> {
    if (component === 'all') await this.#plane.endAll('stop');
    else await this.#plane.end(component, 'stop');
  }

  async kill(component: Component | 'all'): Promise<void> {
    if (component === 'all') await this.#plane.endAll('kill');
    else await this.#plane.end(component, 'kill');
  }

  pause(component: Component | 'all'): void {
    for (const each of component === 'all' ? components : [component]) this.#plane.pause(each);
  }

  resume(component: Component | 'all'): void {
    for (const each of component === 'all' ? components : [component]) this.#plane.resume(each);
  }

  async ready(): Promise<void> {
    await this.#plane.ready();
  }

  /** Makes nodes and waits until they are Ready. */
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
   * A node that says nothing any more: KWOK plays none whose Lease somebody else holds. It is NotReady
   * when `nodeGraceSeconds` have passed since its last heartbeat, which was up to 10 s ago.
   */
  async failNode(name: string): Promise<void> {
    const spec = {
      holderIdentity: 'failed',
      renewTime: new Date().toISOString().replace('Z', '000Z'),
      leaseDurationSeconds: failedSeconds,
    };
    await this.client.call('PATCH', leasePath(name), { spec }, 'application/merge-patch+json');
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
    writeFileSync(file, this.#plane.kubeconfigText(status.token, name), { mode: 0o600 });
    return file;
  }

  /** The last lines of a component's log, for a failing test to show. */
  logTail(component: Component, lines = 30): string {
    return this.#plane.logTail(component, lines);
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
      throw new Fault('InvalidInput', `${this.name}: the API server knows no ${key}`);
    }
    return resource;
  }
}

function leasePath(node: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`;
}

/** All documents, lists taken apart. */
function objectsOf(yaml: string): readonly Applied[] {
  return parseAllDocuments(yaml).flatMap((document, i) => {
    const where = `document ${i + 1}`;
    const [error] = document.errors;
    if (error !== undefined) throw new Fault('InvalidInput', `${where}: ${error.message}`);
    const object = document.toJS() as (Applied & { readonly items?: readonly Applied[] }) | null;
    if (object === null) return [];
    const objects = object.kind === 'List' ? (object.items ?? []) : [object];
    for (const { apiVersion, kind, metadata } of objects) {
      if (!apiVersion || !kind || !(metadata?.name ?? metadata?.generateName)) {
        throw new Fault('InvalidInput', `${where}: expected apiVersion, kind and metadata.name`);
      }
    }
    return objects;
  });
}

function nodeObject(spec: NodeSpec): object {
  const { cpu, memory, reserved } = spec;
  const rest = {
    pods: `${spec.pods}`,
    ...(spec.gpus > 0 && { 'nvidia.com/gpu': `${spec.gpus}` }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: spec.name,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        'kubernetes.io/hostname': spec.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        ...(spec.zone !== undefined && { 'topology.kubernetes.io/zone': spec.zone }),
        ...spec.labels,
      },
    },
    spec: { taints: spec.taints },
    status: {
      capacity: { cpu, memory, ...rest },
      allocatable: { ...less({ cpu, memory }, reserved), ...rest },
    },
  };
}

type CpuAndMemory = { readonly cpu: string; readonly memory: string };

function less(capacity: CpuAndMemory, reserved: CpuAndMemory | undefined): CpuAndMemory {
  if (reserved === undefined) return capacity;
  const cpu = (of: CpuAndMemory): number => milliValueOf(parseQuantity(of.cpu));
  const memory = (of: CpuAndMemory): number => valueOf(parseQuantity(of.memory));
  return {
    cpu: `${cpu(capacity) - cpu(reserved)}m`,
    memory: `${memory(capacity) - memory(reserved)}`,
  };
}
