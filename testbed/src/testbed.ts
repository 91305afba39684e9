/** A test bed of kind `local`: N clusters, links between them, and nothing left behind. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterName, Fault } from '@spillway/core';
import { parse, stringify } from 'yaml';
import { type Binaries, ensureBinaries } from './binaries.ts';
import { Cluster } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { Links } from './links.ts';
import { Reaper } from './reaper.ts';
import type { TestbedSpec } from './spec.ts';

export interface Testbed {
  readonly clusters: readonly Cluster[];
  readonly links: Links;
  readonly binaries: Binaries;
  /** Its files; gone with it, unless `SPILLWAY_KEEP_LOGS` is set. */
  readonly folder: string;
  /** One context per cluster, as an administrator. */
  readonly kubeconfig: string;
  cluster(name: string): Cluster;
  /** A process that must not outlive the test bed. */
  adopt(pid: number): void;
  stop(): Promise<void>;
}

/** @throws Fault that names the component whose log tells more; nothing is left running. */
export async function startTestbed(spec: TestbedSpec): Promise<Testbed> {
  for (const { name } of spec.clusters) clusterName(name);
  if (new Set(spec.clusters.map(({ name }) => name)).size < spec.clusters.length) {
    throw new Fault('InvalidInput', 'test bed: two clusters have the same name');
  }
  const binaries = await ensureBinaries();
  const folder = mkdtempSync(join(tmpdir(), 'spillway-testbed-'));
  if (process.env['SPILLWAY_KEEP_LOGS']) writeFileSync(join(folder, 'keep'), '');
  const reaper = new Reaper(folder);
  const planes = spec.clusters.map(
    ({ name }) =>
      new ControlPlane({
        name,
        folder: join(folder, name),
        binaries,
        reaper,
        nodeGraceSeconds: spec.nodeGraceSeconds ?? 50,
      }),
  );
  let links: Links | undefined;
  let stopped: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await Promise.all([links?.stop(), ...planes.map((plane) => plane.close())]);
    await reaper.finish();
  };
  const stop = async (): Promise<void> => await (stopped ??= end());
  try {
    links = await Links.start(spec, (pid) => reaper.watch(pid));
    const clusters = await Promise.all(
      planes.map(async (plane, i) => {
        const cluster = new Cluster(
          spec.clusters[i] ?? { name: plane.name, nodes: [], city: undefined },
          plane,
        );
        await plane.startAll();
        await cluster.addNodes(cluster.spec.nodes);
        return cluster;
      }),
    );
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, merged(clusters.map((cluster) => cluster.kubeconfig)), {
      mode: 0o600,
    });
    const started = links;
    return {
      clusters,
      links: started,
      binaries,
      folder,
      kubeconfig,
      cluster(name) {
        const cluster = clusters.find((each) => each.name === name);
        if (cluster === undefined) throw new Fault('NotFound', `no cluster ${name}`);
        return cluster;
      },
      adopt: (pid) => reaper.watch(pid),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Kubeconfig {
  readonly clusters: readonly unknown[];
  readonly users: readonly unknown[];
  readonly contexts: readonly unknown[];
  readonly 'current-context': string;
}

function merged(files: readonly string[]): string {
  const configs = files.map((file) => parse(readFileSync(file, 'utf8')) as Kubeconfig);
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': configs[0]?.['current-context'] ?? '',
    clusters: configs.flatMap(({ clusters }) => clusters),
    users: configs.flatMap(({ users }) => users),
    contexts: configs.flatMap(({ contexts }) => contexts),
  });
}
