/** One pair of clusters for the whole file, since each costs two cores for most of a minute. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node, Pod } from '@spillway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTestImage } from '../kind-node/test-image.ts';
import { equalNodes } from '../spec.ts';
import { startTestbed } from '../testbed.ts';
import { waitFor } from '../wait-for.ts';
import type { KindCluster } from './kind-cluster.ts';
import type { KindTestbed } from './kind-testbed.ts';

const spec = {
  kind: 'kind',
  clusters: [
    { name: 'paris', city: undefined, nodes: [], workers: 1, nodeLabels: [{}, { site: 'quay' }] },
    { name: 'lyon', city: undefined, nodes: [] },
  ],
} as const;
const meshPort = 7420;
/** Under a name that no node image comes with. */
const image = 'registry.local/loaded/by-test:1';

let testbed: KindTestbed;
let paris: KindCluster;
let lyon: KindCluster;
/** Where the relay listens for paris. */
let announced: string;

beforeAll(async () => {
  testbed = await startTestbed(spec);
  [paris, lyon] = [testbed.cluster('paris'), testbed.cluster('lyon')];
  announced = `${testbed.links.host}:${await testbed.links.listen('paris', meshPort)}`;
});

afterAll(async () => await testbed?.stop());

/** A pod of the test image, as much of it as matters. */
function podYaml(name: string, command: string, rest: object = {}, ports: object[] = []): string {
  const container = { image, imagePullPolicy: 'Never', command: ['sh', '-c', command], ports };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', ...container }],
      ...rest,
    },
  });
}

async function running(cluster: KindCluster, name: string): Promise<Pod> {
  return await waitFor(
    `${name} runs in ${cluster.name}`,
    async () => {
      const pod = await cluster.client.get<Pod>(`/api/v1/namespaces/default/pods/${name}`);
      return pod.status?.phase === 'Running' ? pod : undefined;
    },
    { timeoutMs: 60_000 },
  );
}

/** What a pod of lyon hears from the one of paris at the mesh port, and after how long. */
async function askParis(seconds: number): Promise<{ heard: string; ms: number }> {
  const command = `time timeout ${seconds} wget -q -O - http://${announced}/where`;
  const pod = { namespace: 'default', name: 'asker' };
  const { stdout, stderr } = await lyon.podExec(pod, ['sh', '-c', command]);
  const [, minutes, rest] = /real\s+(\d+)m\s*([\d.]+)s/.exec(stderr) ?? [];
  return { heard: stdout.trim(), ms: Number(minutes) * 60_000 + Number(rest) * 1_000 };
}

/** The test image's archive, with `name` in it instead of its own. */
async function archiveNamed(name: string): Promise<string> {
  const { archive, name: original } = await ensureTestImage();
  const folder = mkdtempSync(join(testbed.folder, 'image-'));
  execFileSync('tar', ['-xf', archive, '-C', folder]);
  const index = join(folder, 'index.json');
  writeFileSync(index, readFileSync(index, 'utf8').replaceAll(original, name));
  const renamed = join(testbed.folder, 'renamed.tar');
  execFileSync('tar', ['-cf', renamed, '-C', folder, '.']);
  return renamed;
}

describe('a kind test bed', () => {
  test('is ready: every node and every system pod', async () => {
    for (const [cluster, nodes] of [
      [paris, 2],
      [lyon, 1],
    ] as const) {
      const { stdout } = await cluster.kubectl(['get', 'pods', '--all-namespaces', '--no-headers']);
      const rows = stdout.trim().split('\n');
      for (const kind of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
        expect(stdout).toContain(`${kind}-${cluster.realNodes[0]?.name}`);
      }
      expect(rows.filter((row) => /coredns.*1\/1\s+Running/.test(row))).toHaveLength(2);
      expect(rows.filter((row) => /kube-proxy.*1\/1\s+Running/.test(row))).toHaveLength(nodes);
      expect(rows.filter((row) => !/\s1\/1\s+Running\s/.test(row))).toEqual([]);
    }
    const { items } = await paris.client.get<{ items: Node[] }>('/api/v1/nodes');
    const labelled = items.filter(({ metadata }) => metadata.labels?.['site'] === 'quay');
    expect(labelled.map(({ metadata }) => metadata.name)).toEqual([paris.realNodes[1]?.name]);
  });

  test('runs pods of an image that no registry has: output, exec, and exit codes', async () => {
    await testbed.loadImage(await archiveNamed(image));
    // A server by the mesh's port of its node, as an agent is; a client in the other cluster.
    const serve = `mkdir /tmp/w; hostname > /tmp/w/where; echo serving; httpd -f -p ${meshPort} -h /tmp/w`;
    await paris.apply(
      podYaml('server', serve, {}, [{ containerPort: meshPort, hostPort: meshPort }]),
    );
    await lyon.apply(podYaml('asker', 'sleep 3600'));
    const server = await running(paris, 'server');
    expect(server.spec.nodeName).toBe(paris.realNodes[1]?.name);
    await running(lyon, 'asker');
    expect(await paris.podLog('default', 'server')).toBe('serving\n');
    const pod = { namespace: 'default', name: 'server' };
    expect(await paris.podExec(pod, ['cat'], 'typed')).toEqual({
      code: 0,
      stdout: 'typed',
      stderr: '',
    });
    expect((await paris.podExec(pod, ['sh', '-c', 'exit 3'])).code).toBe(3);
    // It is a process of the node.
    const { stdout } = await paris.exec(server.spec.nodeName ?? '', ['pgrep', '-fa', 'httpd -f']);
    expect(stdout).toContain(`httpd -f -p ${meshPort}`);
  });

  test('a pod of one cluster reaches another’s agent by the relay, as far away as is said', async () => {
    expect(await askParis(20)).toMatchObject({ heard: 'server' });
    await testbed.links.setRttMs('paris', 'lyon', 500);
    // A round trip until a connection stands, and one for what is asked.
    const far = await askParis(20);
    expect(far.heard).toBe('server');
    expect(far.ms).toBeGreaterThanOrEqual(990);
    await testbed.links.setRttMs('paris', 'lyon', 0);
    const near = await askParis(20);
    expect(near.heard).toBe('server');
    expect(near.ms).toBeLessThan(far.ms - 400);
  });

  test('wget in a pod: by address, by the name of a Service, and with a time-out', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'near' },
      spec: { selector: { app: 'near' }, ports: [{ port: 80, targetPort: 8080 }] },
    };
    const serve = 'mkdir /tmp/w; hostname > /tmp/w/where; httpd -f -p 8080 -h /tmp/w';
    await lyon.apply(podYaml('near', serve, {}, [{ containerPort: 8080 }]));
    await lyon.apply(JSON.stringify(service));
    const { status } = await running(lyon, 'near');
    const asker = { namespace: 'default', name: 'asker' };
    const wget = async (...args: string[]) =>
      await lyon.podExec(asker, ['wget', '-q', '-O', '-', ...args]);
    const heard = { code: 0, stdout: 'near\n', stderr: '' };
    await waitFor(
      'the Service leads to its pod',
      async () => ((await wget('http://near/where')).code === 0 ? true : undefined),
      { timeoutMs: 30_000 },
    );
    expect(await wget(`http://${status?.podIP}:8080/where`)).toEqual(heard);
    for (const name of ['near', 'near.default.svc', 'near.default.svc.cluster.local']) {
      expect(await wget('-T', '20', `http://${name}/where`)).toEqual(heard);
    }
    // Nobody answers there (RFC 5737).
    const silent = await wget('-T', '1', 'http://192.0.2.1/');
    expect(silent).toMatchObject({ code: 1, stdout: '' });
    expect(silent.stderr).toContain('wget: download timed out');
    expect((await wget('http://nosuch/')).stderr).toContain("bad address 'nosuch'");
  });

  test('both clusters give pods and Services addresses of the same subnets', async () => {
    const addresses = [paris, lyon].map(async (cluster) => {
      const { items } = await cluster.client.get<{ items: Node[] }>('/api/v1/nodes');
      const { spec } = await cluster.client.get<{ spec: { clusterIP: string } }>(
        '/api/v1/namespaces/default/services/kubernetes',
      );
      const podCidrs = items.flatMap((node) => node.spec?.podCIDR ?? []);
      return { first: podCidrs.includes('10.244.0.0/24'), service: spec.clusterIP };
    });
    const [ofParis, ofLyon] = await Promise.all(addresses);
    expect(ofParis).toEqual({ first: true, service: '10.96.0.1' });
    expect(ofLyon).toEqual(ofParis);
  });

  test('a cut link is silent, and what was asked meanwhile is heard when it is healed', async () => {
    await testbed.links.cut('paris', 'lyon');
    expect((await askParis(2)).heard).toBe('');
    const patient = askParis(60);
    await testbed.links.heal('paris', 'lyon');
    expect((await patient).heard).toBe('server');
  });

  test('KWOK’s nodes stand beside the real ones', async () => {
    await lyon.addNodes(equalNodes(3, { cpu: '100' }));
    const choose = { nodeSelector: { type: 'kwok' } };
    await lyon.apply(podYaml('played', 'exit 1', choose));
    const played = await running(lyon, 'played');
    expect(played.spec.nodeName).toMatch(/^node-[123]$/);
    // Real nodes go on, and so does the network: its daemon takes KWOK's nodes for neighbours.
    await lyon.ready();
    expect((await askParis(20)).heard).toBe('server');
  });

  test('a node that is restarted comes back with its pods', async () => {
    const worker = paris.realNodes[1]?.name ?? '';
    await paris.restartNode(worker);
    const seen = await waitFor(
      'the server is started again',
      async () => (await askParis(5)).heard || undefined,
      { timeoutMs: 60_000, everyMs: 500 },
    );
    expect(seen).toBe('server');
    const pod = await running(paris, 'server');
    expect(pod.spec.nodeName).toBe(worker);
  });
});
