/** The test bed of the drill `binding`: a full home, and two equal hosts that differ in who binds guests. */
import { equalNodes, type KubernetesMinor, startTestbed, waitFor } from '@spillway/testbed';
import { findOvercommits } from '../audit/overcommit.ts';
import { type Federation, startFederation } from '../federation/federation.ts';
import { type Placement, placementsIn } from '../observation/placements.ts';
import { clusterNames } from '../observation/tally.ts';
import { type AuditFigures, auditFigures } from '../report/figures.ts';
import { makeBurst, podCpuMilli } from './burst-pods.ts';
import { inNamespace, isRunning, Setting } from './setting.ts';

export const binders = ['agent', 'scheduler'] as const;
export type Binder = (typeof binders)[number];

/** Both are in one city, so that the way to them is equally long. */
const hostOf: Readonly<Record<Binder, string>> = { agent: 'lyon-a', scheduler: 'lyon-b' };
const schedulerOf: Readonly<Record<Binder, string>> = {
  agent: '',
  scheduler: 'default-scheduler',
};

const home = 'paris';
const homeNodes = 2;
const nodeCpuMilli = 4_000;
/** Own pods of a contested host for each pod of the burst: half of all pods find no room. */
const ownPart = 1;
/** A contested burst is over when no pod has changed for this long, and after `contestedMsMax` at the latest. */
const quietMs = 3_000;
const contestedMsMax = 30_000;

export interface Round {
  readonly calm: readonly Placement[];
  readonly contested: readonly Placement[];
  /** Pods of the contested burst that failed. */
  readonly failed: number;
}

export interface TrialOptions {
  readonly pods: number;
  readonly kubernetes?: KubernetesMinor;
  readonly say: (text: string) => void;
}

export class BindingTrial {
  readonly setting: Setting;
  readonly federation: Federation;
  readonly #pods: number;
  #changedAtMs = performance.now();

  private constructor(setting: Setting, federation: Federation, pods: number) {
    this.setting = setting;
    this.federation = federation;
    this.#pods = pods;
    setting.histories.onChange((_cluster, { kind }) => {
      if (kind === 'Pod') this.#changedAtMs = performance.now();
    });
  }

  static async start({ pods, kubernetes, say }: TrialOptions): Promise<BindingTrial> {
    const hostNodes = equalNodes(Math.ceil((pods * podCpuMilli) / nodeCpuMilli), {
      memory: '16Gi',
    });
    const testbed = await startTestbed({
      ...(kubernetes && { kubernetes }),
      clusters: [
        { name: home, city: 'paris', nodes: equalNodes(homeNodes) },
        ...binders.map((binder) => ({ name: hostOf[binder], city: 'lyon', nodes: hostNodes })),
      ],
    });
    const setting = await Setting.filled(testbed, say);
    try {
      const federation = await startFederation(testbed, (cluster) => {
        const binder = binders.find((each) => hostOf[each] === cluster);
        return binder === undefined ? [] : [`host.scheduler=${schedulerOf[binder]}`];
      });
      return new BindingTrial(setting, federation, pods);
    } catch (error) {
      await setting.stop();
      throw error;
    }
  }

  /** One burst to a quiet host, and one to a contested host. */
  async round(binder: Binder, round: number): Promise<Round> {
    await this.#lendOnly(binder);
    const calm = await this.#calm(binder, `calm-${binder}-${round}`);
    return { calm, ...(await this.#contested(binder, `contested-${binder}-${round}`)) };
  }

  /** Bindings, of guests and of own pods alike, that put a node of the host above its allocatable. */
  overcommits(binder: Binder): number {
    const { histories } = this.setting.histories;
    const history = histories.find(({ cluster }) => cluster === hostOf[binder]);
    return history ? findOvercommits(history, clusterNames(histories), () => true).length : 0;
  }

  /** Without the overcommitted nodes of the host whose agent binds: how many those are is what the drill asks. */
  audit(): AuditFigures {
    const { findings, ...figures } = auditFigures(this.setting.histories);
    if (findings === undefined) return figures;
    const overcommittedNodes = findings.overcommittedNodes.filter(
      ({ cluster }) => cluster !== hostOf.agent,
    );
    return {
      ...figures,
      overcommittedNodes: overcommittedNodes.length,
      findings: { ...findings, overcommittedNodes },
    };
  }

  async stop(): Promise<void> {
    await this.federation.stop();
    await this.setting.stop();
  }

  /** The home's operator cordons the virtual node of the other host. */
  async #lendOnly(binder: Binder): Promise<void> {
    const { homeCluster } = this.setting;
    for (const each of binders) {
      const verb = each === binder ? 'uncordon' : 'cordon';
      await homeCluster.kubectl([verb, `spillway-${hostOf[each]}`]);
    }
    const other = hostOf[binder === 'agent' ? 'scheduler' : 'agent'];
    const lent = async (): Promise<true | undefined> => {
      const agent = this.federation.agent(home);
      const { cordoned } = await agent.get<{ cordoned: string[] }>('/v1/status');
      return (cordoned.length === 1 && cordoned[0] === other) || undefined;
    };
    await waitFor(`${other} is not lent from`, lent, { timeoutMs: 30_000, everyMs: 100 });
  }

  async #calm(binder: Binder, namespace: string): Promise<readonly Placement[]> {
    const { setting } = this;
    await makeBurst(setting.homeCluster, { namespace, pods: this.#pods, way: 'schedulerName' });
    await setting.until(`the burst runs at ${hostOf[binder]}`, () => {
      const made = setting.pods(namespace);
      return made.length === this.#pods && made.every(isRunning);
    });
    const placements = placementsIn(setting.histories, inNamespace(namespace));
    await setting.removed(home, namespace);
    return placements;
  }

  async #contested(binder: Binder, namespace: string): Promise<Omit<Round, 'calm'>> {
    const { setting } = this;
    const host = hostOf[binder];
    const own = { namespace: `own-${namespace}`, pods: Math.ceil(this.#pods * ownPart) };
    await Promise.all([
      makeBurst(setting.homeCluster, { namespace, pods: this.#pods, way: 'schedulerName' }),
      // One after the other, so that some arrive at whatever moment a guest is placed.
      makeBurst(setting.testbed.cluster(host), { ...own, way: 'kube-scheduler', parallel: 1 }),
    ]);
    const endsAtMs = performance.now() + contestedMsMax;
    await setting.until(`${host} has given its room away`, () => {
      const now = performance.now();
      return now > endsAtMs || now - this.#changedAtMs > quietMs;
    });
    const failed = setting
      .pods(namespace)
      .filter(({ status }) => status?.phase === 'Failed').length;
    const contested = placementsIn(setting.histories, inNamespace(namespace));
    await setting.removed(home, namespace);
    await setting.removed(host, own.namespace);
    return { contested, failed };
  }
}
