/**
 * Agreement with the real kube-scheduler on preemption. The same full clusters and the same urgent pods go
 * to both, and the same pods must end on the same node. `AGREEMENT_SEED` repeats a run.
 *
 * The controller manager and KWOK are stopped: a preempted pod stays, terminating, until it has been
 * counted. Every pod has its own start time, so that no choice is random.
 */
import {
  type Node,
  type Pod,
  type PodDisruptionBudget,
  type Random,
  randomStream,
  shapeOf,
} from '@spillway/core';
import { evaluate, Ledger, preempt } from '@spillway/scheduling';
import { type LocalCluster, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Draw } from './cluster-generator.ts';

const seed = Number(process.env['AGREEMENT_SEED'] ?? '20261130');
const rounds = 14;
const urgentPerRound = 6;
const priorities = [-10, 0, 5, 50] as const;
const urgentPriority = 1000;
/** Less than any other's: probes preempt nobody. */
const probePriority = -1000;
const soon = { timeoutMs: 15_000, everyMs: 10 };

let testbed: LocalTestbed;
let cluster: LocalCluster;

beforeAll(async () => {
  testbed = await startTestbed({ clusters: [{ name: 'preemption', nodes: [], city: undefined }] });
  cluster = testbed.cluster('preemption');
  await cluster.kill('kwok');
  await cluster.kill('kube-controller-manager');
  for (const value of [...priorities, urgentPriority, probePriority]) {
    await post('/apis/scheduling.k8s.io/v1/priorityclasses', {
      metadata: { name: className(value) },
      value,
    });
  }
});

afterAll(async () => await testbed?.stop());

interface Compared {
  readonly kubeScheduler: string;
  readonly ours: string;
  readonly pod: Pod['spec'];
}

describe('agreement with kube-scheduler on preemption', () => {
  it('ends the same pods on the same node, or none', { timeout: 600_000 }, async () => {
    console.log(`agreement: AGREEMENT_SEED=${seed}`);
    const compared: Compared[] = [];
    for (let round = 0; round < rounds; round++) {
      const world = new World(randomStream(seed, `preemption ${round}`), round);
      await world.create();
      for (let i = 0; i < urgentPerRound; i++) compared.push(await world.compare(i));
      await world.remove();
    }
    const count = (of: (each: Compared) => boolean): number => compared.filter(of).length;
    const preempted = count(({ ours }) => ours.includes(':'));
    const several = count(({ ours }) => ours.includes('+'));
    const nobody = count(({ ours }) => ours === 'nobody');
    console.log(
      `agreement: ${compared.length} urgent pods, ${preempted} preempted, ${several} of them several pods, ${nobody} nobody`,
    );
    expect(compared.filter(({ kubeScheduler, ours }) => kubeScheduler !== ours)).toEqual([]);
    // Each outcome has been met, or nothing has been compared.
    expect(Math.min(preempted, several, nobody)).toBeGreaterThan(5);
  });
});

/** A cluster whose nodes are full. */
class World {
  readonly #draw: Draw;
  readonly #ledger = new Ledger();
  readonly #namespace: string;
  readonly #round: number;
  #nodes: readonly Node[] = [];
  #pods: Pod[] = [];

  constructor(random: Random, round: number) {
    this.#draw = new Draw(random);
    this.#round = round;
    this.#namespace = `round-${round}`;
  }

  async create(): Promise<void> {
    const namespace = { metadata: { name: this.#namespace, labels: {} } };
    await post('/api/v1/namespaces', namespace);
    this.#ledger.apply({ kind: 'Namespace', type: 'set', object: namespace });
    const accounts = `/api/v1/namespaces/${this.#namespace}/serviceaccounts`;
    await post(accounts, { metadata: { name: 'default' } });
    for (const app of ['db', 'web']) await this.#budget(app);
    const nodes = 3 + this.#draw.below(4);
    this.#nodes = await Promise.all(
      Array.from({ length: nodes }, (_, i) => this.#node(`r${this.#round}-n${i}`)),
    );
    const wanted = this.#nodes.flatMap((node) => this.#filling(node));
    this.#pods = await Promise.all(wanted.map(async (pod, i) => this.#placed(pod, i)));
    await this.#seen();
  }

  async remove(): Promise<void> {
    await Promise.all(this.#pods.map(remove));
    await Promise.all(
      this.#nodes.map(({ metadata }) =>
        cluster.client.call('DELETE', `/api/v1/nodes/${metadata.name}`),
      ),
    );
  }

  /** One urgent pod, for both; what is preempted for it is gone afterwards. */
  async compare(i: number): Promise<Compared> {
    const urgent = await post<Pod>(this.#podsPath(), this.#urgent(`urgent-${i}`));
    const shape = shapeOf(urgent);
    const fits = evaluate(this.#ledger.snapshot, shape).feasible.length > 0;
    const found = fits
      ? undefined
      : preempt(this.#ledger.snapshot, { shape, priority: urgentPriority, never: false });
    const names = found?.victims.map(({ standing }) => standing.name).toSorted() ?? [];
    const ours = fits ? 'fits' : found ? `${found.node}: ${names.join(' + ')}` : 'nobody';
    const decided = await waitFor(
      `kube-scheduler to decide on ${urgent.metadata.name}`,
      async () => {
        const pod = await cluster.client.get<Pod>(podPath(urgent));
        const refused = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
        return pod.spec.nodeName || refused?.status === 'False' ? pod : undefined;
      },
      soon,
    );
    const kubeScheduler = await this.#preempted(decided, ours);
    await remove(decided);
    await this.#removeEnding();
    return { kubeScheduler, ours, pod: urgent.spec };
  }

  /** Preempted pods are marked one by one: as many as expected are waited for, and no longer than that. */
  async #preempted(decided: Pod, expected: string): Promise<string> {
    if (decided.spec.nodeName) return 'fits';
    const node = decided.status?.nominatedNodeName;
    if (!node) return 'nobody';
    let said = '';
    await waitFor(
      'the preempted pods to end',
      async () => {
        const ending = (await this.#listed()).filter(isPreempted);
        const names = ending.map(({ metadata }) => metadata.name ?? '').toSorted();
        said = `${node}: ${names.join(' + ')}`;
        return said === expected || undefined;
      },
      { timeoutMs: 3_000, everyMs: 10 },
    ).catch(() => {});
    return said;
  }

  async #removeEnding(): Promise<void> {
    const gone = (await this.#listed()).filter(({ metadata }) => metadata.deletionTimestamp);
    await Promise.all(gone.map(remove));
    for (const object of gone) this.#ledger.apply({ kind: 'Pod', type: 'deleted', object });
    const names = new Set(gone.map(({ metadata }) => metadata.name));
    this.#pods = this.#pods.filter(({ metadata }) => !names.has(metadata.name));
    await this.#seen();
  }

  /** A pod that only the free room of the largest gap would hold shows what kube-scheduler has seen. */
  async #seen(): Promise<void> {
    const free = this.#nodes.map(({ metadata }) => {
      const state = this.#ledger.snapshot.node(metadata.name as never);
      return (state?.allocatable.milliCpu ?? 0) - (state?.requested.milliCpu ?? 0);
    });
    // One milli-CPU more than is free anywhere, and exactly what is free somewhere: both must be judged so.
    const most = Math.max(...free);
    const gap = free.filter((each) => each === most).length;
    const [tooLarge, fitting] = [`${most + 1}m`, `${most}m`];
    let probes = 0;
    await waitFor(
      'kube-scheduler to see the cluster as it is',
      async () => {
        const outcomes = [];
        for (const cpu of most > 0 ? [tooLarge, fitting] : [tooLarge]) {
          const priorityClassName = className(probePriority);
          const probe = this.#pod(`probe-${probes++}`, cpu, { priorityClassName });
          const made = await post<Pod>(this.#podsPath(), probe);
          const decided = await waitFor(
            'a probe to be decided',
            async () => {
              const now = await cluster.client.get<Pod>(podPath(made));
              const said = now.status?.conditions?.find(({ type }) => type === 'PodScheduled');
              return now.spec.nodeName || said?.status === 'False' ? now : undefined;
            },
            soon,
          );
          await remove(decided);
          outcomes.push(decided.spec.nodeName !== undefined);
        }
        const expected = most > 0 ? [false, gap > 0] : [false];
        return JSON.stringify(outcomes) === JSON.stringify(expected) || undefined;
      },
      { timeoutMs: 20_000, everyMs: 20 },
    );
  }

  async #budget(app: string): Promise<void> {
    const path = `/apis/policy/v1/namespaces/${this.#namespace}/poddisruptionbudgets`;
    await post(path, {
      metadata: { name: app },
      spec: { minAvailable: 1, selector: { matchLabels: { app } } },
    });
    const object = await cluster.client.call<PodDisruptionBudget>(
      'PATCH',
      `${path}/${app}/status`,
      { status: { disruptionsAllowed: this.#draw.below(3) } },
      'application/merge-patch+json',
    );
    this.#ledger.apply({ kind: 'PodDisruptionBudget', type: 'set', object });
  }

  async #node(name: string): Promise<Node> {
    const zone = this.#draw.pick(['east', 'west']);
    const allocatable = { cpu: `${3 + this.#draw.below(4)}`, memory: '64Gi', pods: '20' };
    const labels = { 'kubernetes.io/hostname': name, zone };
    const status = { capacity: allocatable, allocatable };
    await post('/api/v1/nodes', { metadata: { name, labels }, status });
    // Admission marks new nodes not ready; nobody else is there to take that away.
    const object = await cluster.client.call<Node>(
      'PATCH',
      `/api/v1/nodes/${name}`,
      { spec: { taints: [] } },
      'application/merge-patch+json',
    );
    this.#ledger.apply({ kind: 'Node', type: 'set', object });
    return object;
  }

  /** Pods that fill the node to its last CPU. */
  #filling({ metadata, status }: Node): readonly Pod[] {
    const pods: Pod[] = [];
    let left = Number(status?.allocatable?.['cpu'] ?? 0) * 1000;
    while (left > 0) {
      const cpu = Math.min(left, this.#draw.pick([500, 1000, 1500, 2000]));
      left -= cpu;
      const { name = '' } = metadata;
      const priority = this.#draw.pick(priorities);
      const pod = this.#pod(`${name}-p${pods.length}`, `${cpu}m`, {
        nodeName: name,
        priorityClassName: className(priority),
      });
      pods.push(this.#draw.chance(25) ? withPort(pod) : pod);
    }
    return pods;
  }

  async #placed(pod: Pod, i: number): Promise<Pod> {
    const made = await post<Pod>(this.#podsPath(), pod);
    const startTime = new Date(Date.UTC(2026, 10, 30, 12, 0, (i * 37) % 3_600)).toISOString();
    const object = await cluster.client.call<Pod>(
      'PATCH',
      `${podPath(made)}/status`,
      { status: { phase: 'Running', startTime: startTime.replace('.000', '') } },
      'application/merge-patch+json',
    );
    this.#ledger.apply({ kind: 'Pod', type: 'set', object });
    return object;
  }

  #urgent(name: string): Pod {
    const cpu = this.#draw.pick(['500m', '1', '2', '3', '4', '7']);
    const zone = this.#draw.chance(30) && {
      nodeSelector: { zone: this.#draw.pick(['east', 'west']) },
    };
    const far = this.#draw.chance(30) && {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            {
              topologyKey: this.#draw.pick(['zone', 'kubernetes.io/hostname']),
              labelSelector: { matchLabels: { app: this.#draw.pick(['db', 'web']) } },
            },
          ],
        },
      },
    };
    const spread = this.#draw.chance(25) && {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'web' } },
        },
      ],
    };
    const priorityClassName = className(urgentPriority);
    const pod = this.#pod(name, cpu, { priorityClassName, ...zone, ...far, ...spread });
    return this.#draw.chance(20) ? withPort(pod) : pod;
  }

  #pod(name: string, cpu: string, spec: Partial<Pod['spec']>): Pod {
    return {
      metadata: {
        name,
        namespace: this.#namespace,
        labels: { app: this.#draw.pick(['db', 'web', 'batch', 'batch']) },
      },
      spec: {
        containers: [{ name: 'one', image: 'none', resources: { requests: { cpu } } }],
        ...spec,
      },
    };
  }

  async #listed(): Promise<readonly Pod[]> {
    return (await cluster.client.get<{ items: readonly Pod[] }>(this.#podsPath())).items;
  }

  #podsPath(): string {
    return `/api/v1/namespaces/${this.#namespace}/pods`;
  }
}

function withPort(pod: Pod): Pod {
  const [container] = pod.spec.containers;
  const ports = [{ containerPort: 80, hostPort: 8080 }];
  return container === undefined
    ? pod
    : { ...pod, spec: { ...pod.spec, containers: [{ ...container, ports }] } };
}

function isPreempted({ metadata, status }: Pod): boolean {
  const reason = status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason;
  return metadata.deletionTimestamp !== undefined && reason === 'PreemptionByScheduler';
}

function className(priority: number): string {
  return priority < 0 ? `minus-${-priority}` : `plus-${priority}`;
}

function podPath({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}

async function remove(pod: Pod): Promise<void> {
  await cluster.client.call('DELETE', `${podPath(pod)}?gracePeriodSeconds=0`);
}

async function post<T>(path: string, object: unknown): Promise<T> {
  return await cluster.client.call<T>('POST', path, object);
}
