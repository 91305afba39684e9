/**
 * One cluster of kind `local`: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK
 * as plain processes on loopback, with RBAC and the ServiceAccount admission plugin on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { stringify } from 'yaml';
import type { Binaries } from './binaries.ts';
import { freePorts } from './free-ports.ts';
import { KubeClient } from './kube-client.ts';
import { kwokStages } from './kwok-stages.ts';
import type { Reaper } from './reaper.ts';
import { waitFor } from './wait-for.ts';

export const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;
export type Component = (typeof components)[number];

export interface ControlPlaneOptions {
  readonly name: string;
  readonly folder: string;
  readonly binaries: Binaries;
  readonly reaper: Reaper;
  readonly nodeGraceSeconds: number;
}

/** Ready within 8 s here, all five of five clusters; a machine under load takes longer. */
const readyMsMax = 120_000;
const stopMsMax = 10_000;

export class ControlPlane {
  readonly name: string;
  readonly folder: string;
  readonly #options: ControlPlaneOptions;
  readonly #children = new Map<Component, ChildProcess>();
  readonly #token = randomBytes(16).toString('hex');
  #ports: { readonly etcd: number; readonly peer: number; readonly api: number } | undefined;
  #client: KubeClient | undefined;

  constructor(options: ControlPlaneOptions) {
    this.name = options.name;
    this.folder = options.folder;
    this.#options = options;
  }

  get server(): string {
    return `https://127.0.0.1:${this.#known.api}`;
  }

  /** As an administrator. */
  get client(): KubeClient {
    if (this.#client === undefined)
      throw new Fault('Internal', `cluster ${this.name} has not been started`);
    return this.#client;
  }

  get kubeconfig(): string {
    return join(this.folder, 'admin.kubeconfig');
  }

  get ca(): string {
    return readFileSync(join(this.folder, 'certs', 'apiserver.crt'), 'utf8');
  }

  /** Where a component's output goes. */
  log(component: Component): string {
    return join(this.folder, `${component}.log`);
  }

  async startAll(): Promise<void> {
    mkdirSync(join(this.folder, 'certs'), { recursive: true });
    const [etcd = 0, peer = 0, api = 0] = await freePorts(3);
    this.#ports = { etcd, peer, api };
    this.#writeFiles();
    this.start('etcd');
    this.start('kube-apiserver');
    const certificate = join(this.folder, 'certs', 'apiserver.crt');
    await waitFor(
      `${this.name}: kube-apiserver’s certificate (${this.log('kube-apiserver')})`,
      () =>
        existsSync(certificate) && readFileSync(certificate, 'utf8').includes('END CERT')
          ? true
          : undefined,
      { timeoutMs: readyMsMax, everyMs: 50 },
    );
    this.#client = new KubeClient({ server: this.server, ca: this.ca, token: this.#token });
    writeFileSync(this.kubeconfig, this.kubeconfigText(this.#token, 'admin'), { mode: 0o600 });
    this.start('kube-controller-manager');
    this.start('kube-scheduler');
    this.start('kwok');
    await this.ready();
  }

  /** The API server answers, and pods can be made in the default namespace. */
  async ready(): Promise<void> {
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    await waitFor(
      `${this.name}: API server ready (${this.log('kube-apiserver')})`,
      async () => {
        await this.client.get('/readyz');
        return await this.client.get(account);
      },
      { timeoutMs: readyMsMax },
    );
  }

  start(component: Component): void {
    if (this.running(component)) return;
    const log = openSync(this.log(component), 'a');
    const child = spawn(this.#options.binaries[component], this.#arguments(component), {
      stdio: ['ignore', log, log],
      detached: true,
      cwd: this.folder,
    });
    closeSync(log);
    child.on('error', () => this.#children.delete(component));
    child.unref();
    if (child.pid !== undefined) this.#options.reaper.watch(child.pid);
    this.#children.set(component, child);
  }

  running(component: Component): boolean {
    const child = this.#children.get(component);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  pid(component: Component): number | undefined {
    return this.running(component) ? this.#children.get(component)?.pid : undefined;
  }

  /** `kill` is SIGKILL; `stop` asks first. Resolves when the process is gone. */
  async end(component: Component, how: 'stop' | 'kill'): Promise<void> {
    const child = this.#children.get(component);
    if (child === undefined || !this.running(component)) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(how === 'kill' ? 'SIGKILL' : 'SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(timer);
  }

  /** Freezes a component where it is, as a machine that stalls. */
  pause(component: Component): void {
    this.#children.get(component)?.kill('SIGSTOP');
  }

  resume(component: Component): void {
    this.#children.get(component)?.kill('SIGCONT');
  }

  kubeconfigText(token: string, user: string): string {
    return stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': this.name,
      clusters: [
        {
          name: this.name,
          cluster: {
            server: this.server,
            'certificate-authority-data': Buffer.from(this.ca).toString('base64'),
          },
        },
      ],
      users: [{ name: `${user}@${this.name}`, user: { token } }],
      contexts: [
        { name: this.name, context: { cluster: this.name, user: `${user}@${this.name}` } },
      ],
    });
  }

  async stopAll(): Promise<void> {
    this.#client?.close();
    await Promise.all([...components].map((component) => this.end(component, 'kill')));
  }

  get #known(): { readonly etcd: number; readonly peer: number; readonly api: number } {
    if (this.#ports === undefined)
      throw new Fault('Internal', `cluster ${this.name} has not been started`);
    return this.#ports;
  }

  #writeFiles(): void {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
    const publicPem = createPublicKey(createPrivateKey(pem)).export({
      type: 'spki',
      format: 'pem',
    });
    writeFileSync(join(this.folder, 'service-account.key'), pem, { mode: 0o600 });
    writeFileSync(join(this.folder, 'service-account.pub'), publicPem);
    writeFileSync(join(this.folder, 'tokens.csv'), `${this.#token},admin,admin,system:masters\n`, {
      mode: 0o600,
    });
    writeFileSync(join(this.folder, 'kwok.yaml'), kwokStages);
  }

  #arguments(component: Component): readonly string[] {
    const { etcd, peer, api } = this.#known;
    const file = (name: string): string => join(this.folder, name);
    switch (component) {
      case 'etcd':
        return [
          `--data-dir=${file('etcd')}`,
          `--listen-client-urls=http://127.0.0.1:${etcd}`,
          `--advertise-client-urls=http://127.0.0.1:${etcd}`,
          `--listen-peer-urls=http://127.0.0.1:${peer}`,
          `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
          `--initial-cluster=default=http://127.0.0.1:${peer}`,
          '--unsafe-no-fsync',
          '--log-level=warn',
        ];
      case 'kube-apiserver':
        return [
          `--etcd-servers=http://127.0.0.1:${etcd}`,
          `--secure-port=${api}`,
          '--bind-address=127.0.0.1',
          `--cert-dir=${file('certs')}`,
          `--service-account-key-file=${file('service-account.pub')}`,
          `--service-account-signing-key-file=${file('service-account.key')}`,
          '--service-account-issuer=https://kubernetes.default.svc',
          '--service-cluster-ip-range=10.96.0.0/16',
          '--authorization-mode=Node,RBAC',
          // As kubeadm and every managed service: what a pod may do is Pod Security's to say.
          '--allow-privileged=true',
          `--token-auth-file=${file('tokens.csv')}`,
          '--endpoint-reconciler-type=none',
          '--max-requests-inflight=800',
          '--max-mutating-requests-inflight=400',
          '--profiling=false',
        ];
      case 'kube-controller-manager':
        return [
          `--kubeconfig=${this.kubeconfig}`,
          `--service-account-private-key-file=${file('service-account.key')}`,
          '--use-service-account-credentials',
          '--leader-elect=false',
          '--secure-port=0',
          `--root-ca-file=${file('certs/apiserver.crt')}`,
          '--kube-api-qps=200',
          '--kube-api-burst=400',
          '--concurrent-deployment-syncs=5',
          `--node-monitor-grace-period=${this.#options.nodeGraceSeconds}s`,
        ];
      case 'kube-scheduler':
        return [
          `--kubeconfig=${this.kubeconfig}`,
          '--leader-elect=false',
          '--secure-port=0',
          '--kube-api-qps=1000',
          '--kube-api-burst=2000',
        ];
      case 'kwok':
        return [
          `--kubeconfig=${this.kubeconfig}`,
          `--config=${file('kwok.yaml')}`,
          '--manage-all-nodes=false',
          // Others' virtual nodes are left alone.
          '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
          '--node-lease-duration-seconds=40',
          '--node-ip=127.0.0.1',
        ];
    }
  }
}
