/**
 * A federation on a test bed of kind `kind`, installed as docs/install.md says: a root, a Secret, an image
 * and a Helm release per cluster. What differs from a real one is the links: each cluster announces the
 * test bed's relay, which adds the way's delay.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartFolder, helm } from '@spillway/chart';
import type { Pod } from '@spillway/core';
import type { BuiltImage } from '@spillway/image';
import { type KindCluster, waitFor } from '@spillway/testbed';
import { stringify } from 'yaml';

export const agentNamespace = 'spillway-system';
const release = 'spillway';
/** Of the chart: where every node forwards to the active agent. */
export const meshNodePort = 30_742;
export interface ReleaseValues {
  readonly image: BuiltImage;
  readonly announce: readonly string[];
  readonly bootstrap: readonly string[];
  readonly exposure?: 'nodePort' | 'hostPort' | 'none';
  /** The agent's configuration. */
  readonly config?: object;
}

/** Namespace and Secret, as an operator makes them before `helm install`. */
export async function prepareNamespace(cluster: KindCluster, identity: string): Promise<void> {
  const file = (name: string): string => readFileSync(join(identity, name), 'base64');
  await cluster.apply(
    [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: {
          name: agentNamespace,
          labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'spillway-identity', namespace: agentNamespace },
        data: {
          'peer.key': file('peer.key'),
          'membership.cert': file('membership.cert'),
          'federation.pub': file('federation.pub'),
        },
      },
    ]
      .map((object) => stringify(object))
      .join('---\n'),
  );
}

/** Installs, or upgrades what is installed. Returns when the DaemonSet has rolled out. */
export async function helmRelease(cluster: KindCluster, values: ReleaseValues): Promise<void> {
  const { image, announce, bootstrap, exposure = 'nodePort', config = {} } = values;
  const [repository, tag] = splitReference(image.reference);
  const text = stringify({
    cluster: cluster.name,
    image: { repository, tag, pullPolicy: 'Never' },
    mesh: { announce, bootstrap },
    exposure: { type: exposure },
    config,
  });
  // A name by content: what is running reads its own.
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const file = join(cluster.folder, `values-${digest}.yaml`);
  writeFileSync(file, text);
  await helm(
    [
      'upgrade',
      '--install',
      release,
      chartFolder,
      `--namespace=${agentNamespace}`,
      `--values=${file}`,
      '--wait',
      '--timeout=5m',
    ],
    { kubeconfig: cluster.kubeconfig },
  );
}

/** The pod whose agent is active, once there is one and it is Ready. */
export async function activePod(cluster: KindCluster, timeoutMs = 120_000): Promise<Pod> {
  const selector = encodeURIComponent('spillway.dev/active=true');
  return await waitFor(
    `${cluster.name}: an active agent`,
    async () => {
      const { items } = await cluster.client.get<{ items: Pod[] }>(
        `/api/v1/namespaces/${agentNamespace}/pods?labelSelector=${selector}`,
      );
      return items.find(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status?.conditions?.some(
            ({ type, status: value }) => type === 'Ready' && value === 'True',
          ),
      );
    },
    { timeoutMs, everyMs: 100 },
  );
}

interface Neighbour {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly state?: string;
    readonly rttMs?: number;
    readonly rttMeasured?: boolean;
  };
}

/** Each cluster has a Neighbour for every other, alive and with a measured RTT. */
export async function acquaintedByNeighbours(clusters: readonly KindCluster[]): Promise<void> {
  await waitFor(
    'every cluster has a Neighbour for every other, with its RTT',
    async () => {
      const known = await Promise.all(clusters.map(neighboursOf));
      const whole = known.every(
        (neighbours) =>
          neighbours.filter(({ status }) => status?.state === 'alive' && status.rttMeasured)
            .length >=
          clusters.length - 1,
      );
      return whole ? true : undefined;
    },
    { timeoutMs: 120_000, everyMs: 250 },
  );
}

export async function neighboursOf(cluster: KindCluster): Promise<readonly Neighbour[]> {
  const { items } = await cluster.client.get<{ items: Neighbour[] }>(
    '/apis/spillway.dev/v1alpha1/neighbours',
  );
  return items;
}

function splitReference(reference: string): readonly [string, string] {
  const colon = reference.lastIndexOf(':');
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}
