/** Clusters, links between them, and nothing left behind: what there is of a test bed of either kind. */
import { clusterName, Fault } from '@spillway/core';
import type { Cluster } from './cluster.ts';
import { type KindTestbed, startKindTestbed } from './kind/kind-testbed.ts';
import type { Links } from './links.ts';
import { type LocalTestbed, startLocalTestbed } from './local-testbed.ts';
import type { KindTestbedSpec, LocalTestbedSpec, TestbedSpec } from './spec.ts';

export interface Testbed<C extends Cluster = Cluster> {
  readonly clusters: readonly C[];
  readonly links: Links;
  /** The program, of the clusters' version. */
  readonly kubectl: string;
  /** Its files; gone with it, unless `SPILLWAY_KEEP_LOGS` is set. */
  readonly folder: string;
  /** One context per cluster, as an administrator. */
  readonly kubeconfig: string;
  /** @throws Fault `NotFound` */
  cluster(name: string): C;
  /** A process that must not outlive the test bed. */
  adopt(pid: number): void;
  /** Ends all and removes all; may be called again. */
  stop(): Promise<void>;
}

/** @throws Fault that names what did not start, with the end of its log; nothing is left running. */
export function startTestbed(spec: LocalTestbedSpec): Promise<LocalTestbed>;
export function startTestbed(spec: KindTestbedSpec): Promise<KindTestbed>;
export function startTestbed(spec: TestbedSpec): Promise<LocalTestbed | KindTestbed>;
export async function startTestbed(spec: TestbedSpec): Promise<LocalTestbed | KindTestbed> {
  for (const { name } of spec.clusters) clusterName(name);
  if (new Set(spec.clusters.map(({ name }) => name)).size < spec.clusters.length) {
    throw new Fault('InvalidInput', 'test bed: two clusters have the same name');
  }
  return spec.kind === 'kind' ? await startKindTestbed(spec) : await startLocalTestbed(spec);
}
