/** All clusters of a test bed of kind `kind`, with agents installed by the chart, and known to each other. */
import { join } from 'node:path';
import { type BuiltImage, buildImage } from '@spillway/image';
import type { KindCluster, KindTestbed } from '@spillway/testbed';
import { admit, type FederationRoot, newRoot } from '../federation/federation-root.ts';
import {
  acquaintedByNeighbours,
  helmRelease,
  meshNodePort,
  prepareNamespace,
  type ReleaseValues,
} from './installation.ts';

/** As `spillway federation admit` gives. */
const certificateMs = 365 * 24 * 60 * 60 * 1000;

export interface InstalledFederation {
  readonly testbed: KindTestbed;
  readonly root: FederationRoot;
  readonly image: BuiltImage;
  /** Another image, or another configuration, for one cluster: a rolling update. Returns when it has rolled out. */
  upgrade(cluster: KindCluster, changed: Partial<ReleaseValues>): Promise<void>;
}

export interface InstallOptions {
  /** The agents' configuration, the same for all. */
  readonly config?: object;
  /** Told of each step. */
  readonly onStep?: (step: string) => void;
}

/** Docker, image registry and administrators' rights for agents: none is needed. */
export async function installFederation(
  testbed: KindTestbed,
  { config = {}, onStep = () => {} }: InstallOptions = {},
): Promise<InstalledFederation> {
  onStep('building the image');
  const image = await buildImage();
  onStep(`loading ${image.reference} (${Math.round(image.bytes / 1e6)} MB)`);
  await testbed.loadImage(image.archive);
  const root = await newRoot(join(testbed.folder, 'federation'));
  const values = new Map<KindCluster, ReleaseValues>();
  let bootstrap: readonly string[] = [];
  for (const cluster of testbed.clusters) {
    const port = await testbed.links.listen(cluster.name, meshNodePort);
    const announce = [`/ip4/${testbed.links.host}/tcp/${port}`];
    values.set(cluster, { image, announce, bootstrap, config });
    // Everyone is told the first one's address only; the rest is learnt.
    if (bootstrap.length === 0) bootstrap = announce;
  }
  onStep('helm install in each cluster');
  await Promise.all(
    [...values].map(async ([cluster, each]) => {
      await prepareNamespace(cluster, await admit(root, cluster, { validMs: certificateMs }));
      await helmRelease(cluster, each);
    }),
  );
  onStep('the agents get to know each other');
  await acquaintedByNeighbours(testbed.clusters);
  return {
    testbed,
    root,
    image,
    async upgrade(cluster, changed) {
      const now = values.get(cluster);
      if (now === undefined) throw new Error(`no release in ${cluster.name}`);
      const next = { ...now, ...changed };
      values.set(cluster, next);
      await helmRelease(cluster, next);
    },
  };
}
