/** Where the pods of a row run: a namespace of the home whose pods fit there, or one whose pods fit only at the host. */
import { type ClusterName, type Pod, virtualNodeName, wellKnown } from '@spillway/core';
import { guestNamespaceName } from '@spillway/kubernetes';
import { type Cluster, KubeError, podAnnotations, type Ran, waitFor } from '@spillway/testbed';
import type { Histories } from '../observation/histories.ts';

export interface World {
  readonly home: Cluster;
  readonly host: Cluster;
  readonly histories: Histories;
}

/** As far as rows look at them. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
    readonly deletionTimestamp?: string;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>> & {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
}

const resources = {
  Pod: '/api/v1 pods',
  ResourceQuota: '/api/v1 resourcequotas',
  LimitRange: '/api/v1 limitranges',
  Deployment: '/apis/apps/v1 deployments',
  ReplicaSet: '/apis/apps/v1 replicasets',
  StatefulSet: '/apis/apps/v1 statefulsets',
  Job: '/apis/batch/v1 jobs',
  CronJob: '/apis/batch/v1 cronjobs',
  PodDisruptionBudget: '/apis/policy/v1 poddisruptionbudgets',
} as const;
export type PodHistory = readonly { readonly type: 'set' | 'deleted'; readonly pod: Pod }[];
export type Kind = keyof typeof resources;

export interface TemplateOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** Without the prefix: what KWOK goes by, such as `runTime`. */
  readonly plays?: Readonly<Partial<Record<keyof typeof podAnnotations, string>>>;
  readonly image?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly memory?: string | undefined;
}

export const imageOf = (version: number): string => `registry.example/main:${version}`;

/** A node of the home has 1 CPU. */
const cpu = { local: '5m', virtual: '2' } as const;
/** Tests run beside each other on few cores. */
const patience = { timeoutMs: 150_000, everyMs: 100 };
const merge = 'application/merge-patch+json';

export class Place {
  readonly kind: keyof typeof cpu;
  readonly namespace: string;
  readonly #world: World;

  constructor(world: World, kind: keyof typeof cpu, name: string) {
    this.#world = world;
    this.kind = kind;
    this.namespace = `${name}-${kind}`;
  }

  get host(): Cluster {
    return this.#world.host;
  }

  /** Where its guests are at the host. */
  get guestNamespace(): string {
    return guestNamespaceName(this.#world.home.name as ClusterName, this.namespace);
  }

  async prepare(): Promise<void> {
    const labels = { [wellKnown.offloadLabel]: 'enabled' };
    const { client } = this.#world.home;
    await client.call('POST', '/api/v1/namespaces', { metadata: { name: this.namespace, labels } });
    const account = `/api/v1/namespaces/${this.namespace}/serviceaccounts/default`;
    await this.until('the namespace has its account', async () => await client.get(account));
  }

  /** Labels: `app: main` beside those that are asked for. */
  template(options: TemplateOptions = {}): { readonly metadata: object; readonly spec: object } {
    const { labels = {}, plays = {}, image = imageOf(1), spec = {}, memory = '8Mi' } = options;
    const annotations = Object.fromEntries(
      Object.entries(plays).map(([play, value]) => [
        podAnnotations[play as keyof typeof podAnnotations],
        value,
      ]),
    );
    const requests = { cpu: cpu[this.kind], ...(memory !== '' && { memory }) };
    return {
      metadata: { labels: { app: 'main', ...labels }, annotations },
      spec: { ...spec, containers: [{ name: 'main', image, resources: { requests } }] },
    };
  }

  async create(
    kind: Kind,
    name: string,
    { metadata, ...rest }: { readonly metadata?: object; readonly spec?: object },
  ): Promise<KubeObject> {
    const body = { metadata: { ...metadata, name }, ...rest };
    return await this.#world.home.client.call('POST', this.#path(kind), body);
  }

  /** Named `main`, with the selector that a template of `template` needs. */
  async createSet(kind: 'Deployment' | 'ReplicaSet' | 'StatefulSet', spec: object): Promise<void> {
    const selector = { matchLabels: { app: 'main' } };
    await this.create(kind, 'main', { spec: { selector, template: this.template(), ...spec } });
  }

  async patch(kind: Kind, name: string, patch: object): Promise<void> {
    await this.#world.home.client.call('PATCH', `${this.#path(kind)}/${name}`, patch, merge);
  }

  async setImage(kind: 'Deployment' | 'StatefulSet', version: number): Promise<void> {
    const template = this.template({ image: imageOf(version) });
    await this.patch(kind, 'main', { spec: { template } });
  }

  async get(kind: Kind, name = 'main'): Promise<KubeObject | undefined> {
    try {
      return await this.#world.home.client.get(`${this.#path(kind)}/${name}`);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list(kind: Kind): Promise<readonly KubeObject[]> {
    return (await this.#world.home.client.get<{ items: KubeObject[] }>(this.#path(kind))).items;
  }

  /** By name; those that end included. */
  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.#world.home.client.get<{ items: Pod[] }>(this.#path('Pod'));
    return items.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  }

  async untilReady(count: number): Promise<readonly Pod[]> {
    return await this.until(`${count} pods ready`, async () => {
      const pods = await this.pods();
      return pods.length === count && pods.every(isReady) ? pods : undefined;
    });
  }

  /** A status code of the eviction subresource. */
  async evict(pod: Pod): Promise<number> {
    const { name = '' } = pod.metadata;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
    try {
      await this.#world.home.client.call('POST', `${this.#path('Pod')}/${name}/eviction`, body);
      return 201;
    } catch (error) {
      if (error instanceof KubeError) return error.status;
      throw error;
    }
  }

  async kubectl(...args: readonly string[]): Promise<Ran> {
    return await this.#world.home.kubectl(['--namespace', this.namespace, ...args]);
  }

  /** What runs for a pod of the home: the pod itself, or its guest. Undefined once it is gone. */
  running({ metadata }: Pod): Pod | undefined {
    const { histories, home, host } = this.#world;
    if (this.kind === 'local') return histories.pods(home.name).get(metadata.uid ?? '');
    return [...histories.pods(host.name).values()].find(
      (pod) => pod.metadata.labels?.[wellKnown.homeUidLabel] === metadata.uid,
    );
  }

  async untilStopped(pod: Pod): Promise<void> {
    await this.until('nothing runs for it', () => this.running(pod) === undefined || undefined);
  }

  /**
   * Every state of every pod of the namespace, in the order of the API server: all that it shows by now, since a
   * watch may be behind a list.
   */
  async history(): Promise<PodHistory> {
    const versions = (pods: readonly Pod[]): string =>
      pods
        .map(({ metadata: { uid, resourceVersion } }) => `${uid} ${resourceVersion}`)
        .toSorted((x, y) => (x < y ? -1 : 1))
        .join();
    await this.until('the watch is as far as the list', async () => {
      const listed = versions(await this.pods());
      const { histories, home } = this.#world;
      const watched = [...histories.pods(home.name).values()].filter(
        ({ metadata }) => metadata.namespace === this.namespace,
      );
      return versions(watched) === listed || undefined;
    });
    return this.#ownHistory();
  }

  /** Whether a pod of the home was deleted on that node, in any namespace. */
  anyDeletedOn(node: string): boolean {
    return this.#homeHistory().some(
      ({ type, pod }) => type === 'deleted' && pod.spec.nodeName === node,
    );
  }

  /** Nodes that its pods were bound to; those that must not be are named. */
  boundTo(): { readonly pods: number; readonly elsewhere: readonly string[] } {
    const nodes = new Map(
      this.#ownHistory().map(({ pod }) => [pod.metadata.uid, pod.spec.nodeName ?? '']),
    );
    const bound = [...nodes.values()].filter((node) => node !== '');
    const virtual = virtualNodeName(this.#world.host.name);
    const elsewhere = bound.filter((node) => (node === virtual) !== (this.kind === 'virtual'));
    return { pods: bound.length, elsewhere };
  }

  async until<T>(what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> {
    return await waitFor(`${this.namespace}: ${what}`, check, patience);
  }

  #ownHistory(): PodHistory {
    return this.#homeHistory().filter(({ pod }) => pod.metadata.namespace === this.namespace);
  }

  #homeHistory(): PodHistory {
    const { histories, home } = this.#world;
    const changes = histories.histories.find(({ cluster }) => cluster === home.name)?.changes ?? [];
    return changes.flatMap((change) =>
      change.kind === 'Pod' ? [{ type: change.type, pod: change.object }] : [],
    );
  }

  #path(kind: Kind): string {
    const [group, resource] = resources[kind].split(' ');
    return `${group}/namespaces/${this.namespace}/${resource}`;
  }
}

export function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True');
  return ready === true && metadata.deletionTimestamp === undefined;
}

export function imagesOf(pods: readonly Pod[]): readonly unknown[] {
  return pods.map(({ spec }) => spec.containers[0]?.image);
}

/** The reason of a condition that is true. */
export function conditionReason(
  object: Pick<KubeObject, 'status'> | undefined,
  type: string,
): string | undefined {
  const found = object?.status?.conditions?.find(
    (condition) => condition.type === type && condition.status === 'True',
  );
  return found === undefined ? undefined : (found.reason ?? '');
}
