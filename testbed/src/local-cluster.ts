/** A cluster of kind `local`: plain processes, each of which can be stopped, killed and frozen. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditLog } from './audit-log.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { Cluster } from './cluster.ts';
import { type Component, components } from './component-arguments.ts';
import type { ControlPlane } from './control-plane.ts';
import type { KubeClient } from './kube-client.ts';
import type { ClusterSpec } from './spec.ts';

export class LocalCluster extends Cluster {
  override readonly kind = 'local';
  readonly #plane: ControlPlane;

  constructor(spec: ClusterSpec, plane: ControlPlane, kubectl: string) {
    super(spec, plane.folder, kubectl);
    this.#plane = plane;
  }

  override get client(): KubeClient {
    return this.#plane.client;
  }

  override get server(): string {
    return this.#plane.server;
  }

  override get kubeconfig(): string {
    return this.#plane.kubeconfig;
  }

  /** By which the API server shows kubelets who it is. */
  get kubeletClient(): ClientCertificate {
    const read = (name: string): string => readFileSync(join(this.folder, name), 'utf8');
    return { cert: read('kubelet-client.crt'), key: read('kubelet-client.key') };
  }

  /** JSON lines; of an API server without `auditRequests`, who asked what at most. */
  get auditLog(): string {
    return auditLog(this.folder);
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

  override async ready(): Promise<void> {
    await this.#plane.ready();
  }

  /** The last lines of a component's log, for a failing test to show. */
  logTail(component: Component, lines = 30): string {
    return this.#plane.logTail(component, lines);
  }

  protected override kubeconfigText(token: string, user: string): string {
    return this.#plane.kubeconfigText(token, user);
  }
}
