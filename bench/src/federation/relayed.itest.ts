/** Two clusters whose agents listen nowhere lend each other room through a third one that relays. */
import type { Pod } from '@spillway/core';
import { equalNodes, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectHistories, type Histories } from '../observation/histories.ts';
import { type Federation, startFederation } from './federation.ts';

const relay = 'lyon';
const home = 'paris';
const host = 'oslo';
/** By way of lyon it is 60 ms from paris to oslo; a direct way, which nobody can open, would be 4 ms. */
const rttMs = { [relay]: { [home]: 20, [host]: 40 }, [home]: { [host]: 4 } };

let testbed: LocalTestbed;
let histories: Histories;
let federation: Federation;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [
      { name: relay, city: undefined, nodes: equalNodes(1) },
      { name: home, city: undefined, nodes: equalNodes(1, { cpu: '1' }) },
      { name: host, city: undefined, nodes: equalNodes(2) },
    ],
    rttMs,
  });
  histories = await collectHistories(testbed.clusters);
  federation = await startFederation(testbed, (cluster) =>
    cluster === relay
      ? ['host.accepting=false']
      : ['mesh.listen=[]', 'mesh.announce=[]', 'mesh.preset=lan'],
  );
});

afterAll(async () => {
  await federation?.stop();
  await histories?.stop();
  await testbed?.stop();
});

interface Row {
  readonly cluster: string;
  readonly link: string;
  readonly via?: string;
  readonly rttMs: number;
}

async function rows(of: string): Promise<ReadonlyMap<string, Row>> {
  const all = await federation.agent(of).get<Row[]>('/v1/neighbours');
  return new Map(all.map((row) => [row.cluster, row]));
}

function podAt(cluster: string, suits: (pod: Pod) => boolean): Pod | undefined {
  return [...histories.pods(cluster).values()].find(suits);
}

describe('two agents that listen nowhere', () => {
  test('are connected through the third, and measure the way that their words take', async () => {
    const relayed = await waitFor(
      'the relayed way is measured',
      async () => {
        const row = (await rows(home)).get(host);
        return row?.link === 'relayed' && row.rttMs > 0 ? row : undefined;
      },
      { timeoutMs: 30_000, everyMs: 200 },
    );
    expect(relayed.via).toBe(relay);
    expect(relayed.rttMs).toBeGreaterThanOrEqual(60);
    expect((await rows(home)).get(relay)).toMatchObject({ link: 'direct' });
    const status = await federation.agent(home).get<Record<string, unknown>>('/v1/status');
    expect(status).toMatchObject({
      addresses: [expect.stringContaining('/p2p-circuit/')],
      relay: { serves: false, waitsAt: [relay] },
    });
    const serving = await federation.agent(relay).get<Record<string, unknown>>('/v1/status');
    expect(serving).toMatchObject({ relay: { serves: true, reservations: 2 } });
    const metrics = await (await fetch(`${federation.agent(home).httpUrl}/metrics`)).text();
    expect(metrics).toContain('spillway_mesh_neighbours_connected{path="relayed"} 1');
    expect(metrics).toContain('spillway_mesh_relays_waited_at 1');
  });

  test('lend each other room: a pod too big for its home runs, and ends with its home', async () => {
    await testbed.cluster(home).apply(`apiVersion: v1
kind: Pod
metadata:
  name: big
  namespace: default
  annotations: { testbed.spillway.dev/run-time: 600s }
spec:
  schedulerName: spillway
  containers:
    - name: main
      image: registry.example/main:1
      resources: { requests: { cpu: "2", memory: 64Mi } }
`);
    const pod = await waitFor(
      'it runs',
      () =>
        podAt(
          home,
          ({ metadata, status }) => metadata.name === 'big' && status?.phase === 'Running',
        ),
      { timeoutMs: 40_000, everyMs: 50 },
    );
    expect(pod.spec.nodeName).toBe(`spillway-${host}`);
    const isShadow = ({ metadata }: Pod) => metadata.namespace === `spillway-${home}-default`;
    expect(podAt(host, isShadow)?.status?.phase).toBe('Running');
    await testbed.cluster(home).client.call('DELETE', '/api/v1/namespaces/default/pods/big');
    await waitFor('its shadow is gone', () => podAt(host, isShadow) === undefined || undefined, {
      timeoutMs: 40_000,
      everyMs: 50,
    });
  });
});
