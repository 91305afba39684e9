/** A test bed of kind `local`: plain processes on loopback. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Binaries, ensureBinaries } from './binaries.ts';
import { namedCluster } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { mergedKubeconfig } from './kubeconfig.ts';
import { Links } from './links.ts';
import { LocalCluster } from './local-cluster.ts';
import { folderPrefix, Reaper } from './reaper.ts';
import type { LocalTestbedSpec } from './spec.ts';
import type { Testbed } from './testbed.ts';

export interface LocalTestbed extends Testbed<LocalCluster> {
  readonly binaries: Binaries;
}

/** @throws Fault that names the component whose log tells more; nothing is left running. */
export async function startLocalTestbed(spec: LocalTestbedSpec): Promise<LocalTestbed> {
  const binaries = await ensureBinaries(spec.kubernetes);
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
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
        auditRequests: spec.auditRequests ?? false,
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
    links = await Links.start(spec, { onPid: (pid) => reaper.watch(pid) });
    const clusters = await Promise.all(
      planes.map(async (plane, i) => {
        const cluster = new LocalCluster(
          spec.clusters[i] ?? { name: plane.name, nodes: [], city: undefined },
          plane,
          binaries.kubectl,
        );
        await plane.startAll();
        await cluster.addNodes(cluster.spec.nodes);
        return cluster;
      }),
    );
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, mergedKubeconfig(clusters.map((cluster) => cluster.kubeconfig)), {
      mode: 0o600,
    });
    const started = links;
    return {
      clusters,
      links: started,
      binaries,
      kubectl: binaries.kubectl,
      folder,
      kubeconfig,
      cluster: (name) => namedCluster(clusters, name),
      adopt: (pid) => reaper.watch(pid),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
