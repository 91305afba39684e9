/**
 * One cluster of kind `local`: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK
 * as plain processes on loopback, with RBAC and the ServiceAccount admission plugin on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { auditFlags } from './audit-log.ts';
import type { Binaries } from './binaries.ts';
import { clientCertificate } from './client-certificate.ts';
import {
  type Component,
  componentArguments,
  components,
  type Ports,
} from './component-arguments.ts';
import { freePorts } from './free-ports.ts';
import { KubeClient } from './kube-client.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { kwokKubelet } from './kwok-kubelet.ts';
import { kwokStages } from './kwok-stages.ts';
import type { Reaper } from './reaper.ts';
import { waitFor } from './wait-for.ts';

export interface ControlPlaneOptions {
  readonly name: string;
  readonly folder: string;
  readonly binaries: Binaries;
  readonly reaper: Reaper;
  readonly nodeGraceSeconds: number;
  readonly auditRequests: boolean;
}

/** Ready within 8 s here, all five of five clusters; a machine under load takes longer. */
const readyMsMax = 120_000;
const stopMsMax = 10_000;
/** A port may be taken between the moment it was found free and its use. */
const startsMax = 3;
const logTailLines = 12;
const neededForReady: readonly Component[] = ['etcd', 'kube-apiserver', 'kube-controller-manager'];

interface LeaseList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly holderIdentity?: string };
  }[];
}

export class ControlPlane {
  readonly name: string;
  readonly folder: string;
  readonly #options: ControlPlaneOptions;
  readonly #children = new Map<Component, ChildProcess>();
  readonly #endedByUs = new Set<Component>();
  readonly #token = randomBytes(16).toString('hex');
  #ports: Ports | undefined;
  #auditFlags: readonly string[] = [];
  #client: KubeClient | undefined;
  #over = false;

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

  /** @throws Fault that ends with the last lines of the log of what did not start. */
  async startAll(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#tryStartAll();
      } catch (error) {
        const portTaken = (error as Error).message.includes('address already in use');
        if (this.#over || tries === startsMax || !portTaken) throw error;
        await this.endAll('kill');
        rmSync(this.folder, { recursive: true });
      }
    }
  }

  async #tryStartAll(): Promise<void> {
    mkdirSync(join(this.folder, 'certs'), { recursive: true });
    const [etcd = 0, peer = 0, api = 0, kubelet = 0] = await freePorts(4);
    this.#ports = { etcd, peer, api, kubelet };
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
      { timeoutMs: readyMsMax, everyMs: 50, hopeless: () => this.#ended(neededForReady) },
    );
    this.#client = new KubeClient({
      server: this.server,
      ca: this.ca,
      credentials: { token: this.#token },
    });
    writeFileSync(this.kubeconfig, this.kubeconfigText(this.#token, 'admin'), { mode: 0o600 });
    await this.startAgain();
  }

  /** What does not run. The others end by themselves where there is no API server to talk to. */
  async startAgain(): Promise<void> {
    this.start('etcd');
    this.start('kube-apiserver');
    await waitFor(
      `${this.name}: API server healthy (${this.log('kube-apiserver')})`,
      () => this.client.get('/readyz'),
      { timeoutMs: readyMsMax, hopeless: () => this.#ended(['etcd', 'kube-apiserver']) },
    );
    this.start('kube-controller-manager');
    this.start('kube-scheduler');
    if (!this.running('kwok')) await this.#freeNodes();
    this.start('kwok');
    await this.ready();
  }

  /** Each life of KWOK has a name of its own, and plays no node whose Lease an earlier one holds. */
  async #freeNodes(): Promise<void> {
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const { items } = await this.client.get<LeaseList>(path);
    // Of the form host_uuid; a virtual node's is the node's name.
    const earlier = items.filter(({ spec }) => spec.holderIdentity?.includes('_'));
    await Promise.all(
      earlier.map(({ metadata }) => this.client.call('DELETE', `${path}/${metadata.name}`)),
    );
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
      { timeoutMs: readyMsMax, hopeless: () => this.#ended(neededForReady) },
    );
  }

  /** A component that was started and has ended by itself, in the words of its log. */
  #ended(needed: readonly Component[]): Fault | undefined {
    if (this.#over) return new Fault('Cancelled', `cluster ${this.name} is being stopped`);
    for (const component of needed) {
      const { exitCode = null, signalCode = null } = this.#children.get(component) ?? {};
      if (exitCode === null && signalCode === null) continue;
      if (this.#endedByUs.has(component)) continue;
      const how = signalCode ?? `exit code ${exitCode}`;
      return new Fault(
        'Unavailable',
        `${this.name}: ${component} ended (${how}); the end of its log:\n${this.logTail(component, logTailLines)}`,
      );
    }
    return undefined;
  }

  /** The last lines of a component's log. */
  logTail(component: Component, lines: number): string {
    return readFileSync(this.log(component), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  start(component: Component): void {
    if (this.running(component)) return;
    if (this.#over) throw new Fault('Cancelled', `cluster ${this.name} has been stopped`);
    this.#endedByUs.delete(component);
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
    this.#endedByUs.add(component);
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(how === 'kill' ? 'SIGKILL' : 'SIGTERM');
    // One that was paused hears nothing.
    child.kill('SIGCONT');
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
    const { name, server, ca } = this;
    return kubeconfigText({ name, server, ca, user, credentials: { token } });
  }

  async endAll(how: 'stop' | 'kill'): Promise<void> {
    await Promise.all(components.map((component) => this.end(component, how)));
  }

  /** For good: nothing can be started any more. */
  async close(): Promise<void> {
    this.#over = true;
    this.#client?.close();
    await this.endAll('kill');
  }

  get #known(): Ports {
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
    const { cert, key } = clientCertificate('kube-apiserver-kubelet-client', 'system:masters');
    writeFileSync(join(this.folder, 'kubelet-client.crt'), cert);
    writeFileSync(join(this.folder, 'kubelet-client.key'), key, { mode: 0o600 });
    writeFileSync(join(this.folder, 'kwok.yaml'), `${kwokStages}---\n${kwokKubelet(this.folder)}`);
    this.#auditFlags = auditFlags(this.folder, this.#options.auditRequests);
  }

  #arguments(component: Component): readonly string[] {
    const { folder, kubeconfig } = this;
    const { nodeGraceSeconds } = this.#options;
    return componentArguments(component, {
      ports: this.#known,
      folder,
      kubeconfig,
      nodeGraceSeconds,
      auditFlags: this.#auditFlags,
    });
  }
}
