/** What every drill begins with: a full home, hosts with room for the burst, a history of them all. */
import {
  cities,
  equalNodes,
  type KubernetesMinor,
  type LocalTestbed,
  startTestbed,
  waitFor,
} from '@spillway/testbed';
import { isFault, type Pod } from '@spillway/core';
import { type Federation, startFederation } from '../federation/federation.ts';
import { collectHistories, type Histories } from '../observation/histories.ts';
import { perSecond, placementsIn } from '../observation/placements.ts';
import { shadowCount, tallyOf } from '../observation/tally.ts';
import { cpuMilliOf, tenths } from '../report/figures.ts';
import { type Burst, fillerYaml, makeBurst, podCpuMilli, removePods } from './burst-pods.ts';

export interface SettingOptions {
  readonly clusters: number;
  /** Of the burst. The last host has room for all of it; the others, which are nearer, for half each. */
  readonly pods: number;
  readonly kubernetes?: KubernetesMinor;
  /** Seconds without a heartbeat until a node is NotReady. */
  readonly nodeGraceSeconds?: number;
  readonly say: (text: string) => void;
}

const settleMsMax = 180_000;
const nodeCpuMilli = 4_000;
const homeNodes = 5;

export class Setting {
  readonly testbed: LocalTestbed;
  readonly histories: Histories;
  readonly home: string;
  readonly hosts: readonly string[];
  readonly #say: (text: string) => void;

  private constructor(testbed: LocalTestbed, histories: Histories, say: (text: string) => void) {
    this.testbed = testbed;
    this.histories = histories;
    const [home = '', ...hosts] = testbed.clusters.map(({ name }) => name);
    this.home = home;
    this.hosts = hosts;
    this.#say = say;
  }

  static async start(options: SettingOptions): Promise<Setting> {
    const { clusters, pods, say } = options;
    const burstNodes = Math.ceil((pods * podCpuMilli) / nodeCpuMilli);
    const nodesOf = (i: number): number =>
      i === clusters - 1 ? burstNodes + 1 : Math.ceil(burstNodes / 2);
    say(`Starting ${clusters} clusters …`);
    const testbed = await startTestbed({
      ...(options.kubernetes && { kubernetes: options.kubernetes }),
      clusters: cities.slice(0, clusters).map(({ name }, i) => ({
        name,
        city: name,
        nodes: i === 0 ? equalNodes(homeNodes) : equalNodes(nodesOf(i), { memory: '16Gi' }),
      })),
      ...(options.nodeGraceSeconds !== undefined && { nodeGraceSeconds: options.nodeGraceSeconds }),
    });
    return await Setting.filled(testbed, say);
  }

  /** Stops `testbed` when its first cluster, the home, cannot be filled. */
  static async filled(testbed: LocalTestbed, say: (text: string) => void): Promise<Setting> {
    try {
      const setting = new Setting(testbed, await collectHistories(testbed.clusters), say);
      await setting.#fill();
      return setting;
    } catch (error) {
      await testbed.stop();
      throw error;
    }
  }

  get homeCluster() {
    return this.testbed.cluster(this.home);
  }

  async #fill(): Promise<void> {
    const cpus = cpuMilliOf(this.homeCluster) / 1000;
    await this.homeCluster.apply(fillerYaml(cpus));
    await this.until('the home is full', () => {
      const fillers = [...this.histories.pods(this.home).values()];
      return fillers.length === cpus && fillers.every(isRunning);
    });
    this.#say(`  up, and all ${cpus} CPUs of ${this.home} are taken`);
  }

  /** kube-scheduler's own binding of a burst at an empty cluster: pods per second. */
  async kubeSchedulerBindsPerSecond(pods: number): Promise<number> {
    const cluster = this.testbed.cluster(this.hosts.at(-1) ?? '');
    const burst: Burst = { namespace: 'kube-scheduler', pods, way: 'kube-scheduler' };
    await makeBurst(cluster, burst);
    const placements = () => placementsIn(this.histories, inNamespace(burst.namespace));
    await this.until('kube-scheduler has bound the burst', () => placements().length === pods);
    const rate = tenths(perSecond(placements()));
    await this.removed(cluster.name, burst.namespace);
    this.#say(`  kube-scheduler binds ${pods} pods at the empty ${cluster.name}: ${rate} a second`);
    return rate;
  }

  /** Of a burst at the full home without Spillway. */
  async isolatedPendingRatio(pods: number): Promise<number> {
    const burst: Burst = { namespace: 'isolated', pods, way: 'kube-scheduler' };
    await makeBurst(this.homeCluster, burst);
    await this.until('kube-scheduler has tried the burst', () => {
      const made = this.pods(burst.namespace);
      return made.length === pods && made.every(isDecided);
    });
    const ratio = this.pendingRatio(burst.namespace);
    await this.removed(this.home, burst.namespace);
    return ratio;
  }

  async federation(settings: readonly string[] = []): Promise<Federation> {
    const federation = await startFederation(this.testbed, settings);
    this.#say('  one agent in each, ready and acquainted');
    return federation;
  }

  /** The home's pods of one namespace that exist now. */
  pods(namespace: string): readonly Pod[] {
    return [...this.histories.pods(this.home).values()].filter(inNamespace(namespace));
  }

  pendingRatio(namespace: string): number {
    const pods = this.pods(namespace);
    return pods.filter(({ spec }) => !spec.nodeName).length / Math.max(1, pods.length);
  }

  async until(what: string, holds: () => boolean, timeoutMs = settleMsMax): Promise<void> {
    await waitFor(what, () => holds() || undefined, { timeoutMs, everyMs: 50 });
  }

  /** Whether it comes to hold in time. */
  async settles(holds: () => boolean): Promise<boolean> {
    try {
      await this.until('it settles', holds);
      return true;
    } catch (error) {
      if (isFault(error, 'DeadlineExceeded')) return false;
      throw error;
    }
  }

  /** Ends all pods of a namespace, and waits until they are gone, and their shadows too. */
  async removed(cluster: string, namespace: string): Promise<void> {
    await removePods(this.testbed.cluster(cluster), namespace);
    await this.until(
      `the pods of ${namespace} are gone`,
      () =>
        ![...this.histories.pods(cluster).values()].some(inNamespace(namespace)) &&
        this.shadows() === this.away(),
    );
  }

  /** Unfinished shadows at all hosts. */
  shadows(): number {
    return shadowCount(this.histories);
  }

  /** The home's unfinished pods at neighbours. */
  away(): number {
    return tallyOf(this.histories, this.home).away;
  }

  async stop(): Promise<void> {
    await this.histories.stop();
    await this.testbed.stop();
  }
}

export function inNamespace(namespace: string): (pod: Pod) => boolean {
  return ({ metadata }) => metadata.namespace === namespace;
}

export function isRunning({ status }: Pod): boolean {
  return status?.phase === 'Running';
}

function isDecided(pod: Pod): boolean {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled !== undefined;
}
