import { type ClusterEvent, randomStream } from '@spillway/core';
import { waitFor } from '@spillway/testbed';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import type { ApiFault } from './api-fault.ts';
import { ClusterWatch, type WatchedKind } from './cluster-watch.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { BadRoad } from './testing/bad-road.ts';

let agent: AgentCluster;
let road: BadRoad;
const open: { stop(): void }[] = [];

beforeAll(async () => {
  agent = await startAgentCluster();
});

afterAll(async () => await agent.stop());

afterEach(async () => {
  for (const each of open.splice(0)) each.stop();
  await road?.stop();
});

/** What a listener that keeps everything sees. */
class Listener {
  readonly events: ClusterEvent[] = [];
  readonly broken: { readonly kind: WatchedKind; readonly error: unknown }[] = [];
  synced = 0;
  readonly #watch: ClusterWatch;
  readonly #api: ApiClient;

  constructor(kubeconfig: string) {
    this.#api = new ApiClient({ kubeconfig });
    this.#watch = new ClusterWatch({
      api: this.#api,
      random: randomStream(1, 'watch'),
      onEvent: (event) => this.events.push(event),
      onSynced: () => {
        this.synced += 1;
      },
      onBroken: (kind, error) => this.broken.push({ kind, error }),
    });
    open.push(this);
    this.#watch.start();
  }

  stop(): void {
    this.#watch.stop();
    this.#api.close();
  }

  /** Pods of a namespace, by name, as the events leave them: UID and version. */
  pods(namespace: string): Map<string, string> {
    const pods = new Map<string, string>();
    for (const { type, object } of this.podEvents(namespace)) {
      const { name = '', uid, resourceVersion } = object.metadata;
      if (type === 'set') pods.set(name, `${uid}@${resourceVersion}`);
      else pods.delete(name);
    }
    return pods;
  }

  podEvents(namespace: string): readonly Extract<ClusterEvent, { kind: 'Pod' }>[] {
    return this.events.filter(
      (event): event is Extract<ClusterEvent, { kind: 'Pod' }> =>
        event.kind === 'Pod' && event.object.metadata.namespace === namespace,
    );
  }

  async whole(): Promise<void> {
    await waitFor('synced', () => this.synced || undefined, { timeoutMs: 30_000, everyMs: 20 });
  }
}

/** On no node, and nobody's: it changes only when we change it. */
function podBody(name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { schedulerName: 'nobody', containers: [{ name: 'c', image: 'i' }] },
  };
}

async function newNamespace(name: string): Promise<string> {
  await agent.cluster.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`);
  await waitFor(
    'its service account',
    () => agent.cluster.client.get(`/api/v1/namespaces/${name}/serviceaccounts/default`),
    { timeoutMs: 10_000 },
  );
  return name;
}

async function createPod(namespace: string, name: string): Promise<void> {
  await agent.cluster.client.call('POST', `/api/v1/namespaces/${namespace}/pods`, podBody(name));
}

async function deletePod(namespace: string, name: string): Promise<void> {
  await agent.cluster.client.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
    gracePeriodSeconds: 0,
  });
}

/** As the API server has them: name → UID and version. */
async function podsThere(namespace: string): Promise<Map<string, string>> {
  const { items } = await agent.cluster.client.get<{
    items: { metadata: { name: string; uid: string; resourceVersion: string } }[];
  }>(`/api/v1/namespaces/${namespace}/pods`);
  return new Map(
    items.map(({ metadata: { name, uid, resourceVersion } }) => [
      name,
      `${uid}@${resourceVersion}`,
    ]),
  );
}

async function sameAsThere(listener: Listener, namespace: string): Promise<void> {
  await waitFor(
    'the listener knows what is there',
    async () => {
      expect(listener.pods(namespace)).toEqual(await podsThere(namespace));
      return true;
    },
    { timeoutMs: 40_000 },
  );
}

/** Each version of a pod once, and each pod's end once. */
function expectNothingDoubled(listener: Listener, namespace: string): void {
  const told = listener
    .podEvents(namespace)
    .map(({ type, object: { metadata } }) =>
      type === 'set' ? `${metadata.uid}@${metadata.resourceVersion}` : `${metadata.uid} ended`,
    );
  expect(told.length).toBeGreaterThan(0);
  expect(told).toEqual([...new Set(told)]);
}

function podWatches(): readonly string[] {
  return road.asked.map(({ path }) => path).filter((path) => path.startsWith('/api/v1/pods?watch'));
}

/** First pages only. */
function podLists(): number {
  const lists = road.asked.filter(({ path }) => path.startsWith('/api/v1/pods?limit'));
  return lists.filter(({ path }) => !path.includes('continue=')).length;
}

function resumedFrom(path: string): number {
  return Number(new URL(path, 'https://x').searchParams.get('resourceVersion'));
}

describe('cluster watch', () => {
  test('tells all there is, in pages, before it says once that it is whole', async () => {
    const namespace = await newNamespace('many');
    const names = Array.from({ length: 510 }, (_, i) => `p-${i}`);
    await Promise.all(names.map((name) => createPod(namespace, name)));
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    expect([...listener.pods(namespace).keys()].toSorted()).toEqual(names.toSorted());
    const kinds = new Set(listener.events.map(({ kind }) => kind));
    expect(kinds).toContain('Node');
    expect(kinds).toContain('Namespace');
    expect(listener.synced).toBe(1);
    // 510 = 500 + 10: two pages of the same version.
    expect(road.asked.filter(({ path }) => path.includes('&continue=')).length).toBe(1);
    await createPod(namespace, 'later');
    await sameAsThere(listener, namespace);
    expectNothingDoubled(listener, namespace);
    expect(listener.synced).toBe(1);
  });

  test('strips what no one reads', async () => {
    const namespace = await newNamespace('stripped');
    const listener = new Listener(agent.kubeconfig);
    await listener.whole();
    await createPod(namespace, 'a');
    await sameAsThere(listener, namespace);
    expect(listener.podEvents(namespace)[0]?.object.metadata).not.toHaveProperty('managedFields');
  });

  test('resumes when the connection breaks in the middle of a line', async () => {
    const namespace = await newNamespace('halves');
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    // Three watches of pods are cut in the line after their second.
    road.mishap = ({ path }) =>
      path.startsWith('/api/v1/pods?watch') && podWatches().length <= 3
        ? { kind: 'breakOff', lines: 2 }
        : undefined;
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    for (let i = 0; i < 12; i++) await createPod(namespace, `p-${i}`);
    await sameAsThere(listener, namespace);
    expectNothingDoubled(listener, namespace);
    expect(podWatches().length).toBeGreaterThanOrEqual(4);
    // Resumed, not listed again.
    expect(podLists()).toBe(1);
  });

  test('an API server killed and restarted loses and doubles nothing', async () => {
    const namespace = await newNamespace('killed');
    const listener = new Listener(agent.kubeconfig);
    await listener.whole();
    for (let i = 0; i < 20; i++) await createPod(namespace, `before-${i}`);
    await agent.cluster.kill('kube-apiserver');
    agent.cluster.start('kube-apiserver');
    await agent.cluster.ready();
    for (let i = 0; i < 20; i++) await createPod(namespace, `after-${i}`);
    for (let i = 0; i < 10; i++) await deletePod(namespace, `before-${i}`);
    await sameAsThere(listener, namespace);
    expect(listener.pods(namespace).size).toBe(30);
    expectNothingDoubled(listener, namespace);
    expect(listener.broken.some(({ kind }) => kind === 'Pod')).toBe(true);
    expect(listener.synced).toBe(1);
  });

  test('lists again when its version is forgotten, and makes up for the deletions it missed', async () => {
    const namespace = await newNamespace('forgotten');
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    for (const name of ['kept', 'ended', 'replaced']) await createPod(namespace, name);
    await sameAsThere(listener, namespace);
    const replaced = listener.pods(namespace).get('replaced');
    road.cut();
    for (const name of ['ended', 'replaced']) await deletePod(namespace, name);
    for (const name of ['replaced', 'new']) await createPod(namespace, name);
    // A restarted API server's watch cache knows nothing from before: 410 for a watch that resumes there.
    await agent.cluster.kill('kube-apiserver');
    agent.cluster.start('kube-apiserver');
    await agent.cluster.ready();
    road.heal();
    await sameAsThere(listener, namespace);
    expectNothingDoubled(listener, namespace);
    expect(podLists()).toBe(2);
    const ends = listener.podEvents(namespace).filter(({ type }) => type === 'deleted');
    expect(ends.map(({ object }) => object.metadata.name ?? '').toSorted()).toEqual([
      'ended',
      'replaced',
    ]);
    // The old one's end comes before the new one of that name.
    const ofReplaced = listener
      .podEvents(namespace)
      .filter(({ object }) => object.metadata.name === 'replaced');
    expect(ofReplaced.map(({ type }) => type)).toEqual(['set', 'deleted', 'set']);
    expect(`${ofReplaced[1]?.object.metadata.uid}`).toBe(replaced?.split('@')[0]);
    expect(listener.synced).toBe(1);
  });

  test('a list that breaks off between pages forgets no pod that it has told of', async () => {
    const namespace = await newNamespace('pages');
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await createPod(namespace, name);
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    let listener: Listener | undefined;
    let toldBefore: readonly string[] = [];
    // Pages of two, of which the one after some of ours does not come.
    road.mishap = ({ path }) => {
      if (!path.startsWith('/api/v1/pods?limit')) return undefined;
      const told = [...(listener?.pods(namespace).keys() ?? [])];
      if (toldBefore.length > 0 || told.length === 0) {
        return { kind: 'otherPath', path: path.replace('limit=500', 'limit=2') };
      }
      toldBefore = told;
      // The connection breaks, and before the list is begun again, all of them end.
      road.cut();
      return { kind: 'answer', status: 503, body: '' };
    };
    listener = new Listener(road.kubeconfig);
    await waitFor('the list has broken off', () => toldBefore[0], {
      timeoutMs: 20_000,
      everyMs: 5,
    });
    for (const name of names) await deletePod(namespace, name);
    road.heal();
    await listener.whole();
    expect(listener.pods(namespace).size).toBe(0);
    const ended = listener.podEvents(namespace).filter(({ type }) => type === 'deleted');
    expect(ended.map(({ object }) => object.metadata.name)).toEqual(toldBefore);
  });

  test('goes on from a bookmark when nothing has changed for long', async () => {
    const namespace = await newNamespace('bookmarks');
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    // The server sends one two seconds before it ends a watch: here after 4 s, not after 600.
    road.mishap = ({ path }) =>
      path.includes('watch=1')
        ? { kind: 'otherPath', path: path.replace('timeoutSeconds=600', 'timeoutSeconds=4') }
        : undefined;
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    await waitFor('a watch of pods', () => podWatches()[0], { timeoutMs: 10_000 });
    // Other kinds' changes move the version on.
    for (let i = 0; i < 5; i++) {
      await agent.cluster.apply(
        `{apiVersion: v1, kind: ConfigMap, metadata: {name: c-${i}, namespace: ${namespace}}}`,
      );
    }
    // The cache of pods learns of that when someone asks for the newest pods.
    await podsThere(namespace);
    const second = await waitFor('a second watch of pods', () => podWatches()[1], {
      timeoutMs: 20_000,
    });
    expect(resumedFrom(second)).toBeGreaterThan(resumedFrom(podWatches()[0] ?? ''));
    expect(listener.broken.filter(({ kind }) => kind === 'Pod')).toEqual([]);
  });

  test('a server that refuses is asked again less and less often, and then all is told', async () => {
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const refused: number[] = [];
    const statuses = [500, 429, 503, 502];
    road.mishap = ({ path, atMs }) => {
      if (!path.startsWith('/api/v1/nodes?limit') || refused.length >= statuses.length) {
        return undefined;
      }
      refused.push(atMs);
      return { kind: 'answer', status: statuses[refused.length - 1] ?? 500, body: 'no' };
    };
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    const gaps = refused.slice(1).map((at, i) => at - (refused[i] ?? 0));
    // 200 ms, 400 ms, 800 ms, each ± half.
    expect(gaps[0]).toBeGreaterThan(95);
    expect(gaps[1]).toBeGreaterThan(195);
    expect(gaps[2]).toBeGreaterThan(395);
    const codes = listener.broken.map(({ error }) => (error as ApiFault).code);
    expect(codes).toEqual(['Unavailable', 'ResourceExhausted', 'Unavailable', 'Unavailable']);
  });

  test('a server that ends each watch at once is not hammered', async () => {
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    road.mishap = ({ path }) =>
      path.startsWith('/api/v1/pods?watch') ? { kind: 'answer', status: 200, body: '' } : undefined;
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    // After 200, 400 and 800 ms ± half: the fourth watch comes after 700 ms at the earliest.
    await waitFor('four watches', () => podWatches()[3], { timeoutMs: 10_000, everyMs: 10 });
    const times = road.asked.filter(({ path }) => path.startsWith('/api/v1/pods?watch'));
    expect((times[3]?.atMs ?? 0) - (times[0]?.atMs ?? 0)).toBeGreaterThan(690);
  });

  test('a slow server delays, and changes nothing else', async () => {
    road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    road.mishap = ({ path }) => (path.includes('limit') ? { kind: 'delay', ms: 700 } : undefined);
    const started = performance.now();
    const listener = new Listener(road.kubeconfig);
    await listener.whole();
    expect(performance.now() - started).toBeGreaterThan(700);
    expect(listener.broken).toEqual([]);
  });
});
