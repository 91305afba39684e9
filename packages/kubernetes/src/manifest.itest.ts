import {
  clusterName,
  type NodeName,
  type Pod,
  type PodUid,
  randomStream,
  type WallMs,
} from '@spillway/core';
import { type OffloadPolicy, PolicyBook } from '@spillway/federation';
import { agentObjects, makeAgentPod, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ActiveLabel } from './active-label.ts';
import { ApiClient } from './api-client.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { EventRecorder } from './event-recorder.ts';
import { servedCustomResources } from './custom-resources.ts';
import { LeaseElector } from './lease-elector.ts';
import { NeighbourObjects } from './neighbour-objects.ts';
import { OffloadPolicyWatch, writeOffloadPolicyStatus } from './offload-policies.ts';
import { Pods } from './pods.ts';
import { RevocationStore } from './revocation-store.ts';
import { type AgentCluster, startAgentCluster, systemClock } from './testing/agent-cluster.ts';
import { type Asked, BadRoad } from './testing/bad-road.ts';
import { installCrds } from './testing/crds.ts';
import { factsOf } from './testing/neighbour-facts.ts';
import { VirtualNodes } from './virtual-nodes.ts';

let agent: AgentCluster;
let road: BadRoad;
let api: ApiClient;

beforeAll(async () => {
  agent = await startAgentCluster();
  await installCrds(agent.cluster);
  road = await BadRoad.start(agent.cluster, agent.kubeconfig);
  api = new ApiClient({ kubeconfig: road.kubeconfig });
});

afterAll(async () => {
  api.close();
  await road.stop();
  await agent.stop();
});

const lyon = clusterName('lyon');

/** Once everything that this package does, as an agent does it. */
async function everything(): Promise<void> {
  const pods = new Pods(api);
  let synced = false;
  const watch = new ClusterWatch({
    api,
    random: randomStream(1, 'watch'),
    onEvent: () => {},
    onSynced: () => {
      synced = true;
    },
    onBroken: (_, error) => {
      throw error;
    },
  });
  watch.start();
  await waitFor('synced', () => synced || undefined, { timeoutMs: 20_000 });
  await waitFor(
    'all watches',
    () => road.asked.filter(({ path }) => path.includes('watch=1')).length >= 5 || undefined,
    { timeoutMs: 5_000 },
  );
  watch.stop();

  let active = false;
  const elector = new LeaseElector({
    api,
    clock: systemClock,
    random: randomStream(1, 'lease'),
    namespace: 'spillway-system',
    name: 'spillway-agent',
    instance: 'agent',
    durationMs: 2_000,
    renewMs: 1_000,
    retryMs: 100,
    onActive: () => {
      active = true;
    },
    onLost: () => {},
    onProblem: (error) => {
      throw error;
    },
  });
  elector.start();
  await waitFor('active', () => active || undefined, { timeoutMs: 5_000 });
  await elector.stop();
  await makeAgentPod(agent.cluster, 'agent');
  const label = new ActiveLabel({
    api,
    pod: { namespace: 'spillway-system', name: 'agent' },
    onProblem: (error) => {
      throw error;
    },
  });
  label.start();
  await waitFor(
    'the label',
    () => road.asked.some(({ method }) => method === 'PATCH') || undefined,
    { timeoutMs: 5_000 },
  );
  await label.stop();

  const nodes = new VirtualNodes(api);
  const allocatable = { milliCpu: 1, memoryBytes: 1, ephemeralStorageBytes: 0, pods: 1 };
  const state = {
    cluster: lyon,
    addresses: [],
    reachable: true,
    allocatable: { ...allocatable, extended: new Map() },
  };
  await nodes.keep(state, new Date());
  await nodes.renewAll(new Date());

  const store = new RevocationStore({
    api,
    namespace: 'spillway-system',
    random: randomStream(1, 'revocations'),
    onStored: () => {},
    onBroken: (error) => {
      throw error;
    },
  });
  store.start();
  await waitFor(
    'the watch of revocations',
    () => road.asked.some(({ path }) => path.includes('configmaps?fieldSelector')) || undefined,
    { timeoutMs: 5_000 },
  );
  store.stop();
  await store.keep('');

  const made = await agent.cluster.client.call<Pod>('POST', '/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { schedulerName: 'spillway', containers: [{ name: 'c', image: 'i' }] },
  });
  const ref = { namespace: 'default', name: 'p', uid: made.metadata.uid as PodUid };
  await pods.bindPod(ref, 'spillway-lyon' as NodeName);
  await pods.patchPodStatus(ref, { phase: 'Running' });
  let nowMs = systemClock.monotonicMs();
  const recorder = new EventRecorder({
    api,
    clock: { ...systemClock, monotonicMs: () => nowMs },
    component: 'spillway',
  });
  recorder.start();
  const written = (method: string): true | undefined =>
    road.asked.some((asked) => asked.method === method && asked.path.includes('/events')) ||
    undefined;
  recorder.record({ ref, reason: 'Offloaded', message: 'one', warning: false });
  await waitFor('the event', () => written('POST'), { timeoutMs: 5_000 });
  nowMs = (nowMs + 20_000) as typeof nowMs;
  await waitFor(
    'the event again',
    () => {
      recorder.record({ ref, reason: 'Offloaded', message: 'two', warning: false });
      return written('PATCH');
    },
    { timeoutMs: 5_000 },
  );
  recorder.stop();
  await pods.finalizeDeletion(ref);

  const spec = { containers: [{ name: 'c', image: 'i' }] };
  const guest = { metadata: { name: 'g', namespace: 'shop', uid: 'u' }, spec };
  await pods.createShadow({ home: lyon, pod: guest, node: 'node-1' as NodeName });
  await pods.missingNeeds(lyon, 'shop', { configMaps: ['c'], secrets: ['s'] });
  // After a restart the namespace is there already, and read.
  await new Pods(api).missingNeeds(lyon, 'shop', { configMaps: ['c'], secrets: ['s'] });
  const shadow = await pods.getPod('spillway-lyon-shop', 'g');
  const shadowUid = shadow?.metadata.uid as PodUid;
  await pods.deleteShadow({ namespace: 'spillway-lyon-shop', name: 'g', uid: shadowUid });
  await servedCustomResources(api);
  const neighbours = new NeighbourObjects({ api, silentMs: 0, forgottenMs: 0 });
  const fail = (_: unknown, error: unknown): void => {
    throw error;
  };
  const policies = '/apis/spillway.dev/v1alpha1/namespaces/default/offloadpolicies';
  const object = await agent.cluster.client.call<OffloadPolicy>('POST', policies, {
    apiVersion: 'spillway.dev/v1alpha1',
    kind: 'OffloadPolicy',
    metadata: { name: 'a' },
    spec: {},
  });
  const book = new PolicyBook('nearest');
  book.set(object);
  const policyWatch = new OffloadPolicyWatch({
    api,
    random: randomStream(1, 'policies'),
    onEvent: () => {},
    onListed: () => {},
    onBroken: (error) => fail('', error),
  });
  policyWatch.start();
  await waitFor(
    'the watch of policies',
    () => road.asked.some(({ path }) => path.includes('offloadpolicies?watch')) || undefined,
    { timeoutMs: 5_000 },
  );
  policyWatch.stop();
  for (const report of book.reports('default')) {
    await writeOffloadPolicyStatus(api, report, systemClock.wallMs());
  }
  const heard = systemClock.wallMs();
  await neighbours.keep([factsOf('lyon', { lastHeard: heard })], heard, fail);
  await neighbours.keep([], (heard + 60_000) as WallMs, fail);
  // Made before, so it is read.
  await new VirtualNodes(api).keep(state, new Date());
  await nodes.remove(lyon);
}

/** `list nodes`, `create pods/binding`, `get leases.coordination.k8s.io`. */
function rightOf({ method, path }: Asked): string {
  const { pathname, searchParams } = new URL(path, 'https://x');
  const [, root, ...rest] = pathname.split('/');
  const [group, parts] = root === 'api' ? ['', rest.slice(1)] : [rest[0] ?? '', rest.slice(2)];
  const inNamespace = parts[0] === 'namespaces' && parts.length > 2;
  const [resource = '', name, subresource] = inNamespace ? parts.slice(2) : parts;
  const read = searchParams.has('watch') ? 'watch' : name === undefined ? 'list' : 'get';
  const verbs: Readonly<Record<string, string>> = {
    GET: read,
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  };
  return `${verbs[method]} ${resource}${subresource ? `/${subresource}` : ''}${group && `.${group}`}`;
}

function grantedRights(): ReadonlySet<string> {
  const rights = agentObjects().flatMap(({ rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => `${verb} ${resource}${group && `.${group}`}`),
        ),
      ),
    ),
  );
  return new Set(rights);
}

describe('the agent’s manifest', () => {
  test('grants what the agent asks for, and nothing that it does not', async () => {
    await everything();
    const asked = new Set(road.asked.map(rightOf));
    // Everyone may ask what is served.
    asked.delete('list .spillway.dev');
    // Everyone may ask who they are; `bind` is asked of the authorizer by the API server itself.
    asked.delete('create selfsubjectreviews.authentication.k8s.io');
    asked.add('bind clusterroles.rbac.authorization.k8s.io');
    expect([...asked].toSorted()).toEqual([...grantedRights()].toSorted());
  });

  test('no Secret, ConfigMap or new pod outside of guest namespaces, no role but its own', async () => {
    const may = async (method: 'GET' | 'POST', path: string, body?: object): Promise<boolean> => {
      try {
        await agent.api.call({ method, path, ...(body && { body }) });
        return true;
      } catch (error) {
        if ((error as { status?: number }).status === 403) return false;
        return (error as { status?: number }).status === 404;
      }
    };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    };
    const binding = (role: string, kind: string) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'x' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
      subjects: [{ kind: 'ServiceAccount', name: 'spillway-agent', namespace: 'spillway-system' }],
    });
    const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings';
    expect(await may('GET', '/api/v1/namespaces/kube-system/secrets/x')).toBe(false);
    expect(await may('GET', '/api/v1/namespaces/default/configmaps/x')).toBe(false);
    expect(await may('GET', '/api/v1/secrets')).toBe(false);
    // Of ConfigMaps in its own namespace, the one that keeps what is revoked.
    const own = '/api/v1/namespaces/spillway-system/configmaps';
    expect(await may('GET', `${own}/kube-root-ca.crt`)).toBe(false);
    expect(await may('GET', own)).toBe(false);
    expect(await may('GET', `${own}/spillway-revocations`)).toBe(true);
    expect(await may('POST', '/api/v1/namespaces/kube-system/pods', pod)).toBe(false);
    expect(await may('POST', bindings, binding('cluster-admin', 'ClusterRole'))).toBe(false);
    // What it may, in the namespace of its guests.
    expect(await may('GET', '/api/v1/namespaces/spillway-lyon-shop/secrets/x')).toBe(true);
  });
});
