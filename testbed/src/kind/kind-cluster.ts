/** A cluster of kind `kind`: its nodes are containers, and what runs in its pods really runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { Cluster } from '../cluster.ts';
import { kwokArguments } from '../component-arguments.ts';
import { KubeClient } from '../kube-client.ts';
import { type Access, kubeconfigText } from '../kubeconfig.ts';
import { kwokStages } from '../kwok-stages.ts';
import type { Ran } from '../run-program.ts';
import type { KindClusterSpec, NodeSpec } from '../spec.ts';
import { waitFor } from '../wait-for.ts';
import { type KindNode, nodesOf } from './create-cluster.ts';
import type { Docker } from './docker.ts';
import { loadArchive } from './load-archive.ts';
import { enforceNetworkPolicies } from './policy-enforcer.ts';
import { notReady, type SystemState, systemNamespaces, type Wanted } from './system-readiness.ts';

export interface KindClusterOptions {
  readonly spec: KindClusterSpec;
  readonly folder: string;
  readonly docker: Docker;
  readonly programs: { readonly kind: string; readonly kubectl: string; readonly kwok: string };
  /** kind's name of it, unique on the Docker daemon. */
  readonly kindName: string;
  /** As an administrator. */
  readonly access: Access;
  /** Of the nodes' network; KWOK's nodes say that they are there, so that nobody makes routes to themselves. */
  readonly gateway: string;
  readonly serviceSubnet: string;
  readonly onPid: (pid: number) => void;
  /** Told of the nodes after each change. */
  readonly onNodes: (nodes: readonly KindNode[]) => Promise<void>;
}

export interface LogOptions {
  readonly container?: string;
  readonly tailLines?: number;
  /** Of the container's life before this one. */
  readonly previous?: boolean;
}

/** 34 to 40 s on two quiet cores, from nothing. */
const readyMsMax = 300_000;
const kwokLabel = { type: 'kwok' } as const;

export class KindCluster extends Cluster {
  override readonly kind = 'kind';
  override readonly client: KubeClient;
  override readonly kubeconfig: string;
  readonly #options: KindClusterOptions;
  #nodes: readonly KindNode[] = [];
  #kwok: ChildProcess | undefined;

  constructor(options: KindClusterOptions) {
    super(options.spec, options.folder, options.programs.kubectl);
    this.#options = options;
    this.client = new KubeClient(options.access);
    this.kubeconfig = join(options.folder, 'admin.kubeconfig');
    writeFileSync(this.kubeconfig, kubeconfigText(options.access), { mode: 0o600 });
  }

  override get server(): string {
    return this.#options.access.server;
  }

  /** The control plane's first. KWOK's are not among them. */
  get realNodes(): readonly KindNode[] {
    return this.#nodes;
  }

  /** Docker's name of all its containers' beginning, and kind's of the cluster. */
  get kindName(): string {
    return this.#options.kindName;
  }

  /** All nodes and system pods are Ready. */
  override async ready(): Promise<void> {
    await this.#allReady({ nodes: (await this.refreshNodes()).map(({ name }) => name) });
    await waitFor(
      `${this.name}: the default namespace’s service account`,
      () => this.client.get('/api/v1/namespaces/default/serviceaccounts/default'),
      { timeoutMs: 30_000 },
    );
  }

  /** Asks Docker again for the nodes and their addresses. */
  async refreshNodes(): Promise<readonly KindNode[]> {
    this.#nodes = await nodesOf(this.#options.docker, this.kindName);
    await this.#options.onNodes(this.#nodes);
    return this.#nodes;
  }

  /** KWOK's nodes, beside the real ones, labelled `type=kwok`: nothing really runs there. */
  override async addNodes(nodes: readonly NodeSpec[]): Promise<void> {
    if (nodes.length > 0) this.#kwok ??= this.#startKwok();
    await super.addNodes(
      nodes.map((node) => ({ ...node, labels: { ...kwokLabel, ...node.labels } })),
    );
  }

  /**
   * Puts the images of an archive (OCI, or `docker save`) on every node. Pods then need
   * `imagePullPolicy: IfNotPresent` or `Never`.
   *
   * @throws Fault `Unavailable` with what kind said
   */
  async loadImage(archive: string): Promise<void> {
    const { docker, programs } = this.#options;
    await loadArchive({ docker, kind: programs.kind }, this.kindName, archive);
  }

  /** NetworkPolicies hold from now on, whichever network plugin there is. @throws Fault that says why not */
  async enforceNetworkPolicies(): Promise<void> {
    const { docker, serviceSubnet } = this.#options;
    await enforceNetworkPolicies({ docker, serviceSubnet, nodes: this.#nodes });
  }

  /** A command in a node's container, as root. A non-zero exit is no fault. @throws Fault `NotFound` */
  async exec(node: string, command: readonly string[], input?: string): Promise<Ran> {
    const name = this.#node(node).name;
    const flags = input === undefined ? [] : ['--interactive'];
    return await this.#options.docker.run(['exec', ...flags, name, ...command], { input });
  }

  /** A command in a pod's container. A non-zero exit is no fault. */
  async podExec(
    pod: { readonly namespace: string; readonly name: string; readonly container?: string },
    command: readonly string[],
    input?: string,
  ): Promise<Ran> {
    const { namespace, name, container } = pod;
    const flags = [
      ...(container === undefined ? [] : [`--container=${container}`]),
      ...(input === undefined ? [] : ['--stdin']),
    ];
    return await this.kubectl(
      ['exec', `--namespace=${namespace}`, ...flags, name, '--', ...command],
      input,
    );
  }

  async podLog(namespace: string, name: string, options: LogOptions = {}): Promise<string> {
    const query = new URLSearchParams(
      Object.entries(options).map(([key, value]): [string, string] => [key, String(value)]),
    );
    return await this.client.text(
      `/api/v1/namespaces/${namespace}/pods/${name}/log?${query.toString()}`,
    );
  }

  /** As if the machine was restarted. Resolves when all system pods are Ready again. */
  async restartNode(name: string): Promise<void> {
    const at = new Date();
    await this.#options.docker.call(['restart', '--time=10', this.#node(name).name]);
    await this.#isBack(name, at);
  }

  /** As if its power was cut. It is NotReady after `nodeGraceSeconds`. */
  async killNode(name: string): Promise<void> {
    await this.#options.docker.call(['kill', this.#node(name).name]);
  }

  /** One that was killed. Resolves when all system pods are Ready again. */
  async startNode(name: string): Promise<void> {
    const at = new Date();
    await this.#options.docker.call(['start', this.#node(name).name]);
    await this.#isBack(name, at);
  }

  /** The end of what a node's own daemon says (`kubelet`, `containerd`), for a failing test to show. */
  async nodeLog(node: string, unit: string, lines = 30): Promise<string> {
    const ran = await this.exec(node, [
      'journalctl',
      `--unit=${unit}`,
      `--lines=${lines}`,
      '--no-pager',
      '--output=cat',
    ]);
    return ran.stdout.trim();
  }

  close(): void {
    this.client.close();
    this.#kwok?.kill('SIGKILL');
  }

  protected override kubeconfigText(token: string, user: string): string {
    return kubeconfigText({ ...this.#options.access, user, credentials: { token } });
  }

  async #isBack(node: string, at: Date): Promise<void> {
    const nodes = (await this.refreshNodes()).map(({ name }) => name);
    await this.#allReady({ nodes, restarted: { node, at } });
  }

  async #allReady(wanted: Wanted): Promise<void> {
    let missing: readonly string[] = ['its API server'];
    try {
      await waitFor(
        `${this.name}: all system pods Ready`,
        async () => {
          missing = notReady(await this.#systemState(), wanted);
          return missing.length === 0 ? true : undefined;
        },
        { timeoutMs: readyMsMax, everyMs: 250 },
      );
    } catch (error) {
      const [first] = this.#nodes;
      const log = first === undefined ? '' : await this.nodeLog(first.name, 'kubelet', 12);
      throw new Fault(
        'Unavailable',
        `${(error as Error).message}\nnot ready: ${missing.join(', ')}\nits kubelet:\n${log}`,
        { cause: error },
      );
    }
  }

  async #systemState(): Promise<SystemState> {
    const list = async <T>(path: string): Promise<readonly T[]> =>
      (await this.client.get<{ readonly items: readonly T[] }>(path)).items;
    const inSystem = async <T>(api: string, kind: string): Promise<readonly T[]> =>
      (
        await Promise.all(
          systemNamespaces.map((namespace) => list<T>(`${api}/namespaces/${namespace}/${kind}`)),
        )
      ).flat();
    const [nodes, pods, deployments, daemonSets] = await Promise.all([
      list<SystemState['nodes'][number]>('/api/v1/nodes'),
      inSystem<SystemState['pods'][number]>('/api/v1', 'pods'),
      inSystem<SystemState['deployments'][number]>('/apis/apps/v1', 'deployments'),
      inSystem<SystemState['daemonSets'][number]>('/apis/apps/v1', 'daemonsets'),
    ]);
    return { nodes, pods, deployments, daemonSets };
  }

  #startKwok(): ChildProcess {
    const { folder, programs, gateway, onPid } = this.#options;
    writeFileSync(join(folder, 'kwok.yaml'), kwokStages);
    const log = openSync(join(folder, 'kwok.log'), 'a');
    const args = kwokArguments({ folder, kubeconfig: this.kubeconfig, nodeAddress: gateway });
    const child = spawn(programs.kwok, args, { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    child.on('error', () => {
      // Its nodes then never become Ready, and that is what is said.
    });
    child.unref();
    if (child.pid !== undefined) onPid(child.pid);
    return child;
  }

  #node(name: string): KindNode {
    const node = this.#nodes.find((each) => each.name === name);
    if (node !== undefined) return node;
    const names = this.#nodes.map((each) => each.name).join(', ');
    throw new Fault('NotFound', `${this.name} has no real node ${name}; it has ${names}`);
  }
}
