/**
 * Agreement with the real kube-scheduler: generated pods go to both, one at a time. The seed is printed;
 * `AGREEMENT_SEED` and `AGREEMENT_PODS` repeat or lengthen a run.
 *
 * The controller manager and KWOK are stopped, so that they change nothing during the test. What they would
 * do for volumes, nodes and service accounts is part of the generated objects.
 */
import { type Node, type NodeName, type Pod, randomStream, shapeOf } from '@spillway/core';
import { type Evaluation, evaluate, Ledger, placePods } from '@spillway/scheduling';
import {
  KubeError,
  type LocalCluster,
  type LocalTestbed,
  startTestbed,
  waitFor,
} from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GeneratedCluster, generateCluster } from './cluster-generator.ts';
import { asReadBy } from './known-faults.ts';
import { messageOf, reasonCounts, withoutPreemption } from './message.ts';
import { kubernetesMinorOf } from './one-pod.ts';
import { featureNames, generatePod } from './pod-generator.ts';

const seed = Number(process.env['AGREEMENT_SEED'] ?? '20261123');
const podsMin = Number(process.env['AGREEMENT_PODS'] ?? '1000');
const podsPerCluster = 60;

/** What every run must have met: a stage that never spoke has not been compared. */
const reasonsMin = [
  'Too many pods',
  'Insufficient cpu',
  'Insufficient memory',
  'Insufficient ephemeral-storage',
  'Insufficient nvidia.com/gpu',
  'Insufficient hugepages-2Mi',
  'node(s) were unschedulable',
  'node(s) had untolerated taint(s)',
  "node(s) didn't match Pod's node affinity/selector",
  "node(s) didn't satisfy plugin(s) [NodeAffinity]",
  "node(s) didn't have free ports for the requested pod ports",
  "node(s) didn't match PersistentVolume's node affinity",
  'node(s) had no available volume zone',
  "node(s) didn't match pod topology spread constraints",
  "node(s) didn't match pod topology spread constraints (missing required label)",
  "node(s) didn't match pod affinity rules",
  "node(s) didn't match pod anti-affinity rules",
  "node(s) didn't satisfy existing pods anti-affinity rules",
];

let testbed: LocalTestbed;
let cluster: LocalCluster;
/** Of the Kubernetes version that is compared with: of 1.36 it is 36. */
let minor: number;

beforeAll(async () => {
  testbed = await startTestbed({ clusters: [{ name: 'agreement', nodes: [], city: undefined }] });
  cluster = testbed.cluster('agreement');
  minor = await kubernetesMinorOf(cluster);
  await cluster.kill('kwok');
  await cluster.kill('kube-controller-manager');
  await cluster.client.call('POST', '/apis/node.k8s.io/v1/runtimeclasses', {
    metadata: { name: 'padded' },
    handler: 'padded',
    overhead: { podFixed: { cpu: '250m', memory: '120Mi' } },
  });
});

afterAll(async () => {
  await testbed?.stop();
});

describe('agreement with kube-scheduler', () => {
  it('decides as kube-scheduler does, for the same reasons on as many nodes', {
    timeout: 600_000,
  }, async () => {
    console.log(`agreement: Kubernetes 1.${minor}, AGREEMENT_SEED=${seed}`);
    const coverage = new Coverage();
    for (let round = 0; coverage.compared < podsMin; round++) await playRound(round, coverage);
    console.log(coverage.report());
    expect(coverage.disagreements, `AGREEMENT_SEED=${seed}`).toEqual([]);
    expect(featureNames.filter((name) => !coverage.features.has(name))).toEqual([]);
    expect(reasonsMin.filter((reason) => !coverage.reasons.has(reason))).toEqual([]);
  });
});

async function playRound(round: number, coverage: Coverage): Promise<void> {
  const random = randomStream(seed, `round ${round}`);
  const generated = generateCluster(random, round);
  const ledger = new Ledger();
  await create(generated, ledger);
  const bound: Pod[] = [];
  for (let i = 0; i < podsPerCluster && coverage.compared < podsMin; i++) {
    const { pod, features } = generatePod(random, generated, `pod-${i}`);
    const created = await createValid(pod);
    if (created === undefined) {
      coverage.invalid += 1;
      continue;
    }
    const read = asReadBy(minor, created);
    const evaluation = evaluate(ledger.snapshot, shapeOf(read));
    const plan = placePods(ledger.snapshot, shapeOf(read), 1);
    const decided = await decision(created);
    const node = decided.spec.nodeName;
    const says = node ?? withoutPreemption(scheduled(decided)?.message ?? '');
    const agreesWith = ({ feasible, ...rest }: Evaluation): boolean =>
      node === undefined
        ? feasible.length === 0 && says === messageOf({ feasible, ...rest })
        : feasible.some((name) => name === node);
    const agrees = agreesWith(evaluation);
    if (read !== created && !agreesWith(evaluate(ledger.snapshot, shapeOf(created)))) {
      coverage.faulty += 1;
    }
    const planned = plan.nodes.length === Math.min(1, evaluation.feasible.length);
    coverage.add({ features, reasons: reasonCounts(evaluation), bound: node !== undefined });
    if (!agrees || !planned) {
      coverage.disagreements.push(
        JSON.stringify({
          round,
          pod: { metadata: pod.metadata, spec: pod.spec },
          features,
          kubeScheduler: says,
          feasible: evaluation.feasible,
          plan,
          ours: messageOf(evaluation),
          verdictsThere: node && evaluation.verdicts.get(node as NodeName),
        }),
      );
    }
    if (node === undefined) {
      await remove(decided);
    } else {
      ledger.apply({ kind: 'Pod', type: 'set', object: decided });
      bound.push(decided);
    }
  }
  await Promise.all(bound.map(remove));
  await Promise.all(
    generated.nodes.map(({ metadata }) =>
      cluster.client.call('DELETE', `/api/v1/nodes/${metadata.name}`),
    ),
  );
}

/** Makes the cluster, and waits until kube-scheduler's messages count its nodes. */
async function create(generated: GeneratedCluster, ledger: Ledger): Promise<void> {
  for (const namespace of generated.namespaces) {
    const object = await post<typeof namespace>('/api/v1/namespaces', namespace);
    ledger.apply({ kind: 'Namespace', type: 'set', object });
    await post(`/api/v1/namespaces/${namespace.metadata.name}/serviceaccounts`, {
      metadata: { name: 'default' },
    });
  }
  for (const volume of generated.volumes) {
    const object = await post<typeof volume>('/api/v1/persistentvolumes', volume);
    ledger.apply({ kind: 'PersistentVolume', type: 'set', object });
  }
  for (const claim of generated.claims) {
    const path = `/api/v1/namespaces/${claim.metadata.namespace}/persistentvolumeclaims`;
    await post(path, claim);
    const object = await cluster.client.call<typeof claim>(
      'PATCH',
      `${path}/${claim.metadata.name}/status`,
      { status: claim.status },
      'application/merge-patch+json',
    );
    ledger.apply({ kind: 'PersistentVolumeClaim', type: 'set', object });
  }
  for (const node of generated.nodes) {
    await post('/api/v1/nodes', node);
    // Admission marks new nodes not ready; nobody else is there to take that away.
    const object = await cluster.client.call<Node>(
      'PATCH',
      `/api/v1/nodes/${node.metadata.name}`,
      { spec: { taints: node.spec?.taints ?? [] } },
      'application/merge-patch+json',
    );
    ledger.apply({ kind: 'Node', type: 'set', object });
  }
  await seen(generated);
}

/** A pod that fits nowhere shows which nodes, and which of their taints, kube-scheduler knows. */
async function seen({ namespaces, nodes }: GeneratedCluster): Promise<void> {
  const namespace = namespaces[0]?.metadata.name ?? '';
  const expected = `0/${nodes.length} nodes are available: ${nodes.length} node(s) didn't match Pod's node affinity/selector.`;
  let probes = 0;
  await waitFor(
    'kube-scheduler to see the new nodes',
    async () => {
      probes += 1;
      const pod: Pod = {
        metadata: { name: `probe-${probes}`, namespace },
        spec: {
          containers: [{ name: 'one', image: 'none' }],
          tolerations: ['dedicated', 'flaky', 'node.kubernetes.io/unschedulable'].map((key) => ({
            key,
            operator: 'Exists',
          })),
          nodeSelector: { 'no-node': 'has-this' },
        },
      };
      const decided = await decision(await post<Pod>(podsPath(pod), pod));
      await remove(decided);
      return withoutPreemption(scheduled(decided)?.message ?? '') === expected ? true : undefined;
    },
    { timeoutMs: 30_000, everyMs: 50 },
  );
}

/** Undefined when the features that the pod combines contradict each other. */
async function createValid(pod: Pod): Promise<Pod | undefined> {
  try {
    return await post<Pod>(podsPath(pod), pod);
  } catch (error) {
    if (error instanceof KubeError && error.status === 422) return undefined;
    throw error;
  }
}

function decision({ metadata }: Pod): Promise<Pod> {
  return waitFor(
    `kube-scheduler to decide on ${metadata.name}`,
    async () => {
      const pod = await cluster.client.get<Pod>(podPath(metadata));
      return pod.spec.nodeName !== undefined || scheduled(pod)?.status === 'False'
        ? pod
        : undefined;
    },
    { timeoutMs: 30_000, everyMs: 4 },
  );
}

function scheduled(pod: Pod) {
  return pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

async function remove({ metadata }: Pod): Promise<void> {
  await cluster.client.call('DELETE', `${podPath(metadata)}?gracePeriodSeconds=0`);
}

async function post<T>(path: string, object: unknown): Promise<T> {
  return await cluster.client.call<T>('POST', path, object);
}

function podsPath({ metadata }: Pod): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods`;
}

function podPath({ namespace, name }: Pod['metadata']): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}

class Coverage {
  readonly disagreements: string[] = [];
  readonly features = new Map<string, number>();
  readonly reasons = new Map<string, number>();
  compared = 0;
  invalid = 0;
  bound = 0;
  /** Pods of which kube-scheduler decided otherwise than the API documents; see known-faults.ts. */
  faulty = 0;

  add(one: {
    readonly features: readonly string[];
    readonly reasons: ReadonlyMap<string, number>;
    readonly bound: boolean;
  }): void {
    this.compared += 1;
    if (one.bound) this.bound += 1;
    for (const feature of one.features) increment(this.features, feature);
    for (const reason of one.reasons.keys()) increment(this.reasons, reason);
  }

  report(): string {
    const lines = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .sort((a, b) => b[1] - a[1])
        .map(([what, n]) => `  ${n} × ${what}`)
        .join('\n');
    return [
      `agreement: ${this.compared} pods, ${this.bound} bound, ${this.invalid} more were invalid, ${this.disagreements.length} disagreements`,
      `pods decided by a known fault of kube-scheduler 1.${minor}: ${this.faulty}`,
      `pods with feature\n${lines(this.features)}`,
      `pods refused by some node because\n${lines(this.reasons)}`,
    ].join('\n');
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
