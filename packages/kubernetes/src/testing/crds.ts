/** The CRDs as the chart ships them, applied to a cluster and served by it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Cluster, waitFor } from '@spillway/testbed';
import { customResources, customResourcesPath } from '../custom-resources.ts';

const folder = fileURLToPath(new URL('../../../chart/spillway/files/crds/', import.meta.url));

export async function installCrds(cluster: Cluster): Promise<void> {
  for (const file of readdirSync(folder)) await cluster.apply(readFileSync(folder + file, 'utf8'));
  await waitFor(
    `${cluster.name}: CRDs served`,
    async () => {
      const { resources } = await cluster.client.get<{ resources: { name: string }[] }>(
        customResourcesPath,
      );
      const served = new Set(resources.map(({ name }) => name));
      return customResources.every((name) => served.has(name)) || undefined;
    },
    { timeoutMs: 20_000 },
  );
}
