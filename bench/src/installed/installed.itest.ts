import { existsSync } from 'node:fs';
import { helm } from '@spillway/chart';
import type { Node, Pod } from '@spillway/core';
import { type KindTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostLabel } from './guest-setting.ts';
import { kubectlAwayTests } from './kubectl-away.ts';
import { runSpillway } from './spillway-command.ts';
import { acquaintedByNeighbours, activePod, agentNamespace, neighboursOf } from './installation.ts';
import { type InstalledFederation, installFederation } from './installed-federation.ts';

let testbed: KindTestbed;
let federation: InstalledFederation;

beforeAll(async () => {
  testbed = await startTestbed({
    kind: 'kind',
    clusters: [
      { name: 'paris', city: 'paris', nodes: [] },
      { name: 'lyon', city: 'lyon', nodes: [], nodeLabels: [hostLabel] },
    ],
  });
  federation = await installFederation(testbed);
});

afterAll(async () => await testbed?.stop());

const shop = 'shop';
const replicas = 4;
const systemMilli = 950;

/** More than the home's node has room for; each says its name and where it is. */
const web = `apiVersion: v1
kind: Namespace
metadata: { name: ${shop}, labels: { spillway.dev/offload: enabled } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: ${shop} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: docker.io/library/busybox:1
          command: [sh, -c, 'echo "$(hostname) runs"; while :; do sleep 1; done']
          resources: { requests: { cpu: "@CPU@", memory: 16Mi } }
`;

async function podsOf(cluster: string, namespace: string): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return (await testbed.cluster(cluster).client.get<{ items: Pod[] }>(path)).items;
}

const isAway = ({ spec }: Pod): boolean => spec.nodeName === 'spillway-lyon';

describe('kubectl of a pod that is away', () => {
  kubectlAwayTests(() => ({ home: testbed.cluster('paris'), host: testbed.cluster('lyon') }));
});

describe('a federation installed by the chart on kind clusters', () => {
  test('one agent each is active and Ready, and knows the other with its RTT', async () => {
    for (const cluster of testbed.clusters) {
      const pod = await activePod(cluster);
      expect(pod.metadata.namespace).toBe(agentNamespace);
      const [neighbour, ...others] = await neighboursOf(cluster);
      expect(others).toEqual([]);
      expect(neighbour?.status).toMatchObject({ state: 'alive', rttMeasured: true });
      // 8 ms is the way's, by the cities' distance; the rest is this machine's.
      expect(neighbour?.status?.rttMs).toBeGreaterThanOrEqual(8);
    }
  });

  test('a Deployment too big for its home runs at the neighbour: its containers, its output', async () => {
    const home = testbed.cluster('paris');
    await home.apply(web.replace('@CPU@', await cpuOfHalfOfWhatIsFree()));
    const pods = await waitFor(
      'all run',
      async () => {
        const found = await podsOf('paris', shop);
        const run = found.filter(({ status }) => status?.phase === 'Running');
        return run.length === replicas ? found : undefined;
      },
      { timeoutMs: 90_000 },
    );
    const away = pods.filter(isAway);
    expect(away.length).toBeGreaterThan(0);
    expect(away.length).toBeLessThan(replicas);
    const guests = `spillway-paris-${shop}`;
    for (const { metadata } of away) {
      const name = metadata.name ?? '';
      const host = testbed.cluster('lyon');
      expect(await host.podLog(guests, name)).toBe(`${name} runs\n`);
      const processes = await host.podExec({ namespace: guests, name }, ['ps']);
      expect(processes.stdout).toContain('sleep 1');
    }
  });

  test('spillway asks the active agent through the API server, by the user’s kubeconfig', async () => {
    const asked = await runSpillway(['neighbours', '-o', 'json', '--context', 'lyon'], testbed);
    expect(asked.code).toBe(0);
    const away = (await podsOf('paris', shop)).filter(isAway).length;
    expect(JSON.parse(asked.stdout)).toMatchObject([{ cluster: 'paris', theirPodsHere: away }]);
    const doctor = await runSpillway(['doctor', '--context', 'paris'], testbed);
    expect(doctor.stdout).toContain('0 errors');
    expect(doctor.code).toBe(0);
  });

  test('what is deleted at home is gone at the host', async () => {
    await testbed.cluster('paris').remove(web);
    await waitFor(
      'no guest is left',
      async () =>
        (await podsOf('lyon', `spillway-paris-${shop}`)).length === 0 ? true : undefined,
      { timeoutMs: 60_000 },
    );
  });

  test('helm uninstall first ends what is away, then leaves nothing of ours, and a new installation joins again', async () => {
    const home = testbed.cluster('paris');
    await home.apply(web.replace('@CPU@', await cpuOfHalfOfWhatIsFree()));
    const away = async () => (await podsOf('paris', shop)).filter(isAway);
    await waitFor(
      'some run away',
      async () =>
        (await away()).some(({ status }) => status?.phase === 'Running') ? true : undefined,
      { timeoutMs: 90_000 },
    );
    const args = ['uninstall', 'spillway', `--namespace=${agentNamespace}`, '--wait'];
    await helm(args, { kubeconfig: home.kubeconfig });
    expect(await away()).toEqual([]);
    expect(await podsOf('lyon', `spillway-paris-${shop}`)).toEqual([]);
    const left = async (resource: string): Promise<string> => {
      const { stdout } = await home.kubectl(['get', resource, '-A', '-o', 'name']);
      return stdout
        .split('\n')
        .filter((name) => /\/spillway-(agent|leave|guests|lyon)/.test(name))
        .join();
    };
    for (const resource of ['nodes', 'jobs', 'clusterroles', 'clusterrolebindings', 'daemonsets'])
      expect([resource, await left(resource)]).toEqual([resource, '']);
    expect((await neighboursOf(home)).length).toBe(0);
    const deleted = await home.kubectl(['delete', 'namespace', shop, '--timeout=60s']);
    expect(deleted.code, deleted.stderr).toBe(0);
    await federation.upgrade(home, {});
    await acquaintedByNeighbours(testbed.clusters);
  });

  test('the image is what was built, small, with its bill of materials', () => {
    const { bytes, sbom } = federation.image;
    expect(bytes).toBeLessThan(120e6);
    expect(existsSync(sbom)).toBe(true);
  });
});

/** Of which two fit into a node beside the system's own pods and the agent, which ask for about a CPU. */
async function cpuOfHalfOfWhatIsFree(): Promise<string> {
  const { items } = await testbed.cluster('paris').client.get<{ items: Node[] }>('/api/v1/nodes');
  const real = items.find(({ metadata }) => !metadata.name?.startsWith('spillway-lyon'));
  const cpus = Number(real?.status?.allocatable?.['cpu'] ?? '2');
  return `${Math.floor(0.4 * (cpus * 1000 - systemMilli))}m`;
}
