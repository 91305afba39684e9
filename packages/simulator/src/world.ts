/** The clusters of a trial under virtual time: API servers, kubelets, Deployments, and who watches. */
import {
  type ClusterName,
  type Node,
  type PodSpec,
  type Random,
  randomStream,
} from '@spillway/core';
import { ModelApiServer } from './cluster/api-server.ts';
import { type ControllerTiming, Deployments } from './cluster/deployments.ts';
import type { SchedulerTiming } from './cluster/kube-scheduler.ts';
import { type KubeletTiming, startKubelets } from './cluster/kubelets.ts';
import { Recorder } from './recorder.ts';
import {
  allocatableOf,
  nodeLabelsOf,
  nodeNameOf,
  podSpecOf,
  trialNamespace,
} from './systems/objects.ts';
import type { PodAsk, Trial } from './trial.ts';
import { VirtualTime } from './virtual-time.ts';

/** What is not ours takes so long. Measured on the `local` test bed; see docs/benchmark.md. */
export const timing: {
  readonly kubelet: KubeletTiming;
  readonly controller: ControllerTiming;
  readonly scheduler: SchedulerTiming;
  /**
   * `reactMs`: from a user's write until it is planned. `syncMs`: from a plan until members have it.
   * `statusMs`: maximum time from then until KubeFed has written it on the FederatedDeployment. In a share
   * `conflicts` of cases something else has written it meanwhile, and KubeFed writes `conflictMs` later
   * (`pkg/controller/sync/controller.go`, setFederatedStatus). As measured on the test bed.
   */
  readonly kubefed: {
    readonly reactMs: number;
    readonly syncMs: number;
    readonly statusMs: number;
    readonly conflictMs: number;
    readonly conflicts: number;
  };
  /** For each cluster that is asked before a decision. */
  readonly mck8s: { readonly queryMs: number };
  readonly agent: { readonly watchMsMax: number; readonly writeMsMax: number };
} = {
  kubelet: { startMs: [5, 100], stopMs: [5, 100] },
  controller: { reactMs: 20, batchMs: 15 },
  scheduler: { watchMs: 5, decisionMs: 4, bindMs: 5, backoffMsMax: 10_000 },
  kubefed: { reactMs: 20, syncMs: 80, statusMs: 250, conflictMs: 1_000, conflicts: 0.3 },
  mck8s: { queryMs: 50 },
  agent: { watchMsMax: 50, writeMsMax: 60 },
};

export interface WorldCluster {
  readonly index: number;
  readonly name: ClusterName;
  readonly api: ModelApiServer;
  readonly deployments: Deployments;
}

export interface WorldOptions {
  readonly trial: Trial;
  /** One API server for all clusters' nodes instead of one each. */
  readonly united?: boolean;
  /** When the trial's clock starts, on the world's: until then systems get to know themselves. */
  readonly startMs: number;
  /** Another course of what the trial leaves to chance: delays, orders. */
  readonly luck?: number;
  /** How agents come by each other's adverts; as many clusters as there are decide without it. */
  readonly adverts?: 'handed' | 'fetched' | undefined;
  /** One line per event, for replay. */
  readonly trace?: (event: object) => void;
}

/** Maximum number of clusters up to which every agent gets every advert as it comes. */
const handedMax = 64;

export class World {
  readonly trial: Trial;
  readonly adverts: 'handed' | 'fetched';
  readonly time = new VirtualTime();
  readonly clusters: readonly WorldCluster[];
  readonly recorder: Recorder;
  readonly startMs: number;
  readonly #luck: number;
  readonly #specs = new Map<string, PodSpec>();

  constructor({ trial, united = false, startMs, luck = 0, adverts, trace }: WorldOptions) {
    this.trial = trial;
    this.adverts = adverts ?? (trial.clusters.length <= handedMax ? 'handed' : 'fetched');
    this.#luck = luck;
    this.startMs = startMs;
    this.recorder = new Recorder({ trial, time: this.time, startMs, ...(trace && { trace }) });
    const own = trial.clusters.map(({ name, nodes }) => ({
      name,
      nodes: nodes.map((node, i) => nodeOf(nodeNameOf(name, i), node)),
    }));
    const planes = united ? [{ name: 'all', nodes: own.flatMap(({ nodes }) => nodes) }] : own;
    this.clusters = planes.map(({ name, nodes }, index) => {
      const api = new ModelApiServer({
        uidPrefix: name,
        nodes,
        namespaces: [{ metadata: { name: trialNamespace } }],
      });
      const deployments = new Deployments(api, this.time, timing.controller);
      startKubelets({
        api,
        time: this.time,
        random: this.random(`kubelets/${name}`),
        timing: timing.kubelet,
      });
      this.recorder.watch(index, api, deployments);
      return { index, name: name as ClusterName, api, deployments };
    });
  }

  /** Equal pods have one and the same spec, by which schedulers recognise them. */
  specOf(ask: PodAsk, schedulerName: string | undefined): PodSpec {
    const key = JSON.stringify([ask, schedulerName]);
    const spec = this.#specs.get(key) ?? podSpecOf(ask, schedulerName);
    this.#specs.set(key, spec);
    return spec;
  }

  random(stream: string): Random {
    return randomStream(this.trial.seed, this.#luck === 0 ? stream : `${stream}#${this.#luck}`);
  }

  cluster(index: number): WorldCluster {
    const cluster = this.clusters[index];
    if (cluster === undefined) throw new RangeError(`no cluster ${index}`);
    return cluster;
  }

  /** Whether a cut keeps two clusters apart at an instant of the world's clock. */
  separated(a: number, b: number, at: number): boolean {
    const trialMs = at - this.startMs;
    return this.trial.links.cuts.some(
      ({ fromMs, toMs, clusters }) =>
        fromMs <= trialMs && trialMs < toMs && clusters.includes(a) !== clusters.includes(b),
    );
  }
}

function nodeOf(name: string, node: Trial['clusters'][number]['nodes'][number]): Node {
  return {
    metadata: { name, labels: nodeLabelsOf(node) },
    status: { allocatable: allocatableOf(node) },
  };
}
