/** Agents as they ship on clusters that first lack the CRDs and then have them: what kubectl shows. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { NeighbourStatus } from '@spillway/kubernetes';
import { ensureBinaries, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Setting } from '../drills/setting.ts';
import type { Federation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 100 };
const crds = fileURLToPath(
  new URL('../../../packages/chart/spillway/files/crds/', import.meta.url),
);

let setting: Setting;
let federation: Federation;
let home: string;
let kubectl: (...args: string[]) => string;

beforeAll(async () => {
  setting = await Setting.start({ clusters: 3, pods: 20, say: () => {} });
  home = setting.home;
  federation = await setting.federation();
  const binaries = await ensureBinaries();
  kubectl = (...args) =>
    execFileSync(binaries.kubectl, ['--kubeconfig', setting.homeCluster.kubeconfig, ...args], {
      encoding: 'utf8',
    });
});

afterAll(async () => await setting?.stop());

interface Neighbour {
  readonly metadata: { readonly name: string };
  readonly status?: NeighbourStatus;
}

function neighbours(): readonly Neighbour[] {
  const { items } = JSON.parse(kubectl('get', 'neighbours', '-o', 'json')) as {
    items: readonly Neighbour[];
  };
  return items;
}

describe('an agent whose cluster has no CRDs', () => {
  test('works, and says that they are missing', async () => {
    const status = await federation
      .agent(home)
      .get<{ ready: boolean; customResources: string[] }>('/v1/status');
    expect(status).toMatchObject({ ready: true, customResources: [] });
    const lines = readFileSync(federation.agent(home).log, 'utf8').split('\n');
    const told = lines.filter((line) => line.includes('custom resources are missing'));
    expect(told).toHaveLength(1);
  });
});

describe('once they are installed, without a restart', () => {
  beforeAll(async () => {
    for (const file of readdirSync(crds)) {
      await setting.homeCluster.apply(readFileSync(crds + file, 'utf8'));
    }
  });

  test('every neighbour is there, alive, with its round-trip time and room', async () => {
    const found = await waitFor(
      'Neighbours with measured RTTs',
      () => {
        const all = neighbours();
        const measured = all.filter(({ status }) => status?.rttMeasured && status.connected);
        return measured.length === setting.hosts.length ? all : undefined;
      },
      soon,
    );
    expect(found.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      [...setting.hosts].toSorted(),
    );
    for (const { status } of found) {
      expect(status).toMatchObject({ state: 'alive', guestsHere: 0, podsThere: 0 });
      expect(status?.rttMs).toBeGreaterThan(0);
      expect(status?.room.summary).toMatch(/^\d+ x 1\/1Gi$/);
      expect(Date.now() - Date.parse(status?.lastHeard ?? '')).toBeLessThan(90_000);
    }
    const table = kubectl('get', 'neighbours');
    expect(table).toMatch(/^NAME +STATE +RTT +ROOM +OURS +THEIRS +HEARD +AS OF\n/);
  });

  test('one whose agent has died is suspect, and then no longer connected', async () => {
    const [victim = ''] = setting.hosts;
    await federation.agent(victim).end('SIGKILL');
    const status = await waitFor(
      `${victim} is suspect`,
      () => {
        const found = neighbours().find(({ metadata }) => metadata.name === victim);
        return found?.status?.state === 'suspect' ? found.status : undefined;
      },
      soon,
    );
    expect(status).toMatchObject({ connected: false, link: 'none' });
    expect(status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Reachable', status: 'Unknown', reason: 'Silent' }),
    );
    await federation.agent(victim).start();
    await federation.agent(victim).ready();
  });
});

interface PolicyRow {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly status: string; readonly reason: string }[];
  };
}

describe('an OffloadPolicy', () => {
  const yaml = (spec: string): string => `apiVersion: spillway.dev/v1alpha1
kind: OffloadPolicy
metadata: { name: shop, namespace: shop }
spec: ${spec}
`;
  const policy = async (spec: string): Promise<void> => {
    await setting.homeCluster.apply(yaml(spec));
    const { metadata } = JSON.parse(kubectl('-n', 'shop', 'get', 'op', 'shop', '-o', 'json')) as {
      metadata: { generation: number };
    };
    await waitFor(
      'the agent has taken it up',
      () => {
        const row = JSON.parse(
          kubectl('-n', 'shop', 'get', 'op', 'shop', '-o', 'json'),
        ) as PolicyRow;
        return row.status?.observedGeneration === metadata.generation || undefined;
      },
      soon,
    );
  };
  const make = async (name: string, extra = ''): Promise<void> =>
    await setting.homeCluster.apply(`apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: shop
  labels: { app: ${name} }
  annotations: { testbed.spillway.dev/run-time: 600s }
spec:
  schedulerName: spillway
${extra}
  containers:
    - { name: main, image: registry.example/main:1, resources: { requests: { cpu: 100m } } }
`);
  const podAt = (name: string) =>
    setting.pods('shop').find(({ metadata }) => metadata.name === name);
  const runsAt = async (name: string, host: string): Promise<void> => {
    await waitFor(
      `${name} runs at ${host}`,
      () => {
        const pod = podAt(name);
        if (pod?.spec.nodeName && pod.spec.nodeName !== `spillway-${host}`)
          throw new Error(`it is at ${pod.spec.nodeName}`);
        return pod?.status?.phase === 'Running' || undefined;
      },
      soon,
    );
  };
  const waitsFor = async (name: string): Promise<string> =>
    await waitFor(
      `${name} is told why it waits`,
      () =>
        podAt(name)?.status?.conditions?.find(
          ({ type, status, message }) => type === 'PodScheduled' && status === 'False' && message,
        )?.message,
      soon,
    );

  beforeAll(async () => {
    await setting.homeCluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n');
  });

  test('that prefers, refuses or requires clusters decides where pods go, from the next pod on', async () => {
    const [near = '', far = ''] = setting.hosts;
    await policy(`{ preferred: [{ names: [${far}] }] }`);
    await make('prefers-far');
    await runsAt('prefers-far', far);
    await policy(`{ refused: [{ selector: { matchLabels: { city: ${far} } } }] }`);
    await make('refuses-far');
    await runsAt('refuses-far', near);
    await policy(`{ policy: cluster-affinity, required: [{ names: [${far}] }] }`);
    await make('requires-far');
    await runsAt('requires-far', far);
  });

  test('that lets nothing leave keeps pods at home, with the reason; its change wakes them', async () => {
    await policy('{ mayLeave: { pods: Never } }');
    await make('stays');
    expect(await waitsFor('stays')).toContain(
      'may not leave its home because of OffloadPolicy shop/shop',
    );
    const explained = await federation
      .agent(home)
      .get<{ message: string; policy: object }>('/v1/explain?namespace=shop&name=stays');
    expect(explained.message).toContain(
      'may not leave its home because of OffloadPolicy shop/shop',
    );
    expect(explained.policy).toEqual({ text: 'nearest; stay', source: 'OffloadPolicy shop/shop' });
    await policy('{ mayLeave: { pods: Always } }');
    await waitFor('it runs', () => podAt('stays')?.status?.phase === 'Running' || undefined, soon);
  });

  test('for some pods of a namespace is listed beside what holds for the others', async () => {
    await policy('{ policy: spread, podSelector: { matchLabels: { app: web } } }');
    const entries = await federation.agent(home).get('/v1/policy?namespace=shop');
    expect(entries).toMatchObject([
      { scope: 'namespace', namespace: 'shop', policy: 'nearest' },
      { scope: 'offloadPolicy', namespace: 'shop', offloadPolicy: 'shop', policy: 'spread' },
    ]);
  });

  test('of partition policy fence lets a pod leave only if nothing would replace it', async () => {
    await policy('{ partition: fence }');
    await make('evictable');
    expect(await waitsFor('evictable')).toContain(
      'it must tolerate node.kubernetes.io/unreachable and node.kubernetes.io/not-ready (NoExecute) without tolerationSeconds',
    );
    await make(
      'fenced',
      `  tolerations:
    - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute }
    - { key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute }`,
    );
    await waitFor('it runs', () => podAt('fenced')?.status?.phase === 'Running' || undefined, soon);
    expect(podAt('fenced')?.metadata.annotations?.['spillway.dev/partition']).toBe('fence');
  });

  test('is known before the first decision of an agent that starts again', async () => {
    await policy('{ mayLeave: { pods: Never } }');
    await federation.agent(home).end('SIGKILL');
    await make('early');
    await federation.agent(home).start();
    await federation.agent(home).ready();
    expect(await waitsFor('early')).toContain('may not leave its home');
    expect(podAt('early')?.spec.nodeName).toBeUndefined();
  });

  test('is printed by kubectl with whether it is in force', () => {
    const table = kubectl('get', 'offloadpolicies', '-A');
    expect(table).toMatch(
      /^NAMESPACE +NAME +POLICY +MAY LEAVE +RTT MAX +PARTITION +IN FORCE +AGE\nshop +shop +nearest +Never +keep +True/,
    );
  });
});
