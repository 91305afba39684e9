/** Writes down what users of the simulated clusters would see of their pods. */
import { type PodUid, wellKnown } from '@spillway/core';
import { clusterOfVirtualNode, refOf } from '@spillway/federation';
import type { ModelApiServer } from './cluster/api-server.ts';
import type { Deployments } from './cluster/deployments.ts';
import type { PodRecord } from './recording.ts';
import { appLabel, homeIndexLabel, nodeNameOf } from './systems/objects.ts';
import type { Trial } from './trial.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface RecorderOptions {
  readonly trial: Trial;
  readonly time: VirtualTime;
  readonly startMs: number;
  readonly trace?: (event: object) => void;
}

type Pod = Parameters<typeof refOf>[0];

export class Recorder {
  readonly pods: PodRecord[] = [];
  readonly #options: RecorderOptions;
  readonly #byUid = new Map<PodUid, PodRecord>();
  readonly #apps: ReadonlyMap<string, number>;
  readonly #nodes = new Map<string, { readonly host: number; readonly node: number }>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { apps, clusters } = options.trial;
    this.#apps = new Map(apps.map(({ name }, i) => [name, i]));
    for (const [host, { name, nodes }] of clusters.entries()) {
      for (let node = 0; node < nodes.length; node++) {
        this.#nodes.set(nodeNameOf(name, node), { host, node });
      }
    }
  }

  watch(cluster: number, api: ModelApiServer, deployments: Deployments): void {
    api.watch(({ kind, type, object }) => {
      if (kind !== 'Pod') return;
      if (isShadow(object)) this.#shadow(object);
      else if (type === 'deleted') this.#deleted(object, deployments);
      else this.#pod(cluster, object);
    });
  }

  #pod(cluster: number, pod: Pod): void {
    const { uid } = refOf(pod);
    let record = this.#byUid.get(uid);
    if (record === undefined) {
      const app = this.#apps.get(pod.metadata.labels?.[appLabel] ?? '');
      if (app === undefined) return;
      const labelled = pod.metadata.labels?.[homeIndexLabel];
      const home = labelled === undefined ? this.#homeOf(app, cluster) : Number(labelled);
      record = {
        app,
        home,
        createdMs: this.#now,
        boundMs: undefined,
        runningMs: undefined,
        host: undefined,
        node: undefined,
        endedMs: undefined,
        evicted: false,
      };
      this.#byUid.set(uid, record);
      this.pods.push(record);
      this.#tell('created', uid, { app, home });
    }
    const { nodeName } = pod.spec;
    if (nodeName && clusterOfVirtualNode(nodeName) === undefined) this.#bound(record, uid, pod);
    const { phase } = pod.status ?? {};
    if (phase === 'Running' && record.runningMs === undefined) {
      record.runningMs = this.#now;
      this.#tell('running', uid);
    }
    if ((phase === 'Failed' || phase === 'Succeeded') && record.endedMs === undefined) {
      record.endedMs = this.#now;
      record.evicted = phase === 'Failed';
      this.#tell(phase, uid, { reason: pod.status?.['reason'] });
    }
  }

  #shadow(shadow: Pod): void {
    const uid = shadow.metadata.labels?.[wellKnown.homeUidLabel] as PodUid;
    const record = this.#byUid.get(uid);
    if (record !== undefined && shadow.spec.nodeName) this.#bound(record, uid, shadow);
  }

  #bound(record: PodRecord, uid: PodUid, { spec }: Pod): void {
    if (record.boundMs !== undefined) return;
    const place = this.#nodes.get(spec.nodeName ?? '');
    record.boundMs = this.#now;
    record.host = place?.host;
    record.node = place?.node;
    this.#tell('bound', uid, { node: spec.nodeName });
  }

  #deleted(pod: Pod, deployments: Deployments): void {
    const { uid } = refOf(pod);
    const record = this.#byUid.get(uid);
    if (record === undefined) return;
    record.endedMs ??= this.#now;
    record.evicted ||= !deployments.asked.has(uid) && record.boundMs !== undefined;
    deployments.asked.delete(uid);
    this.#byUid.delete(uid);
    this.#tell('deleted', uid);
  }

  /** The cluster itself where it was asked; else the app's home that is nearest to it. */
  #homeOf(app: number, cluster: number): number {
    const { apps, rttMs } = this.#options.trial;
    const homes = apps[app]?.homes ?? [];
    if (homes.includes(cluster)) return cluster;
    return homes.reduce((a, b) => (rttMs(b, cluster) < rttMs(a, cluster) ? b : a), homes[0] ?? 0);
  }

  get #now(): number {
    return this.#options.time.now - this.#options.startMs;
  }

  #tell(event: string, pod: PodUid, more: object = {}): void {
    this.#options.trace?.({ atMs: this.#now, event, pod, ...more });
  }
}

function isShadow({ metadata }: Pod): boolean {
  return metadata.labels?.[wellKnown.homeUidLabel] !== undefined;
}
