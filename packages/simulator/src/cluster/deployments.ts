/**
 * Deployments of one cluster, and the ReplicaSets under them: a number of pods of one template. They are
 * created in batches that double, as kube-controller-manager creates them. They are replaced when they end.
 * When there are too many, they are deleted in its order.
 *
 * Source: kubernetes/pkg/controller/replicaset (slowStartBatch), controller.ActivePodsWithRanks.
 */
import { type ClusterEvent, type Pod, type PodSpec, type PodUid } from '@spillway/core';
import { refOf } from '@spillway/federation';
import type { VirtualTime } from '../virtual-time.ts';
import { isEnded, type ModelApiServer } from './api-server.ts';

export interface ControllerTiming {
  /** From a change to the controllers' knowing of it, through Deployment and ReplicaSet, ms. */
  readonly reactMs: number;
  /** One batch of creations or deletions, ms. */
  readonly batchMs: number;
}

export interface PodTemplate {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

interface Deployment {
  readonly name: string;
  readonly template: PodTemplate;
  replicas: number;
  made: number;
  /** A reconciliation is due or under way. */
  busy: boolean;
  readonly pods: Map<PodUid, Pod>;
}

const graceSeconds = 30;

export interface DeploymentStatus {
  readonly replicas: number;
  readonly readyReplicas: number;
  /** Those that are terminating too. */
  readonly pods: readonly Pod[];
}

export class Deployments {
  readonly #api: ModelApiServer;
  readonly #time: VirtualTime;
  readonly #timing: ControllerTiming;
  readonly #deployments = new Map<string, Deployment>();
  /** Pods that were asked to go, as opposed to pods that ended by themselves. */
  readonly asked = new Set<PodUid>();

  constructor(api: ModelApiServer, time: VirtualTime, timing: ControllerTiming) {
    this.#api = api;
    this.#time = time;
    this.#timing = timing;
    api.watch((event) => this.#take(event));
  }

  /** Creates it, or changes its replicas; 0 of one that is not wanted any more takes its pods away. */
  scale(name: string, template: PodTemplate, replicas: number): void {
    let deployment = this.#deployments.get(name);
    if (deployment === undefined) {
      if (replicas === 0) return;
      deployment = { name, template, replicas, made: 0, busy: false, pods: new Map() };
      this.#deployments.set(name, deployment);
    }
    deployment.replicas = replicas;
    this.#soon(deployment, this.#timing.reactMs);
  }

  status(name: string): DeploymentStatus | undefined {
    const deployment = this.#deployments.get(name);
    if (deployment === undefined) return undefined;
    const pods = [...deployment.pods.values()];
    const ready = pods.filter(
      ({ status, metadata }) =>
        status?.phase === 'Running' && metadata.deletionTimestamp === undefined,
    ).length;
    return { replicas: deployment.replicas, readyReplicas: ready, pods };
  }

  #take({ kind, type, object }: ClusterEvent): void {
    if (kind !== 'Pod') return;
    const owner = object.metadata.ownerReferences?.[0];
    const deployment = owner && this.#deployments.get(owner.name);
    if (deployment === undefined) return;
    const { uid } = refOf(object);
    if (type === 'deleted') deployment.pods.delete(uid);
    else deployment.pods.set(uid, object);
    const left = type === 'deleted' || isEnded(object) || object.metadata.deletionTimestamp;
    if (left) this.#soon(deployment, this.#timing.reactMs);
  }

  #soon(deployment: Deployment, ms: number): void {
    if (deployment.busy) return;
    deployment.busy = true;
    this.#time.after(ms, () => {
      deployment.busy = false;
      this.#reconcile(deployment, 1);
    });
  }

  #reconcile(deployment: Deployment, batch: number): void {
    const active = [...deployment.pods.values()].filter(
      (pod) => !isEnded(pod) && pod.metadata.deletionTimestamp === undefined,
    );
    // Ended pods of a ReplicaSet are left to the garbage collector; here they go at once.
    for (const pod of deployment.pods.values()) if (isEnded(pod)) this.#api.delete(refOf(pod), 0);
    const surplus = active.length - deployment.replicas;
    if (surplus > 0) {
      for (const pod of active.sort(firstToGo).slice(0, surplus)) {
        this.asked.add(refOf(pod).uid);
        this.#api.delete(refOf(pod), graceSeconds);
      }
      return;
    }
    const missing = Math.min(-surplus, batch);
    for (let i = 0; i < missing; i++) this.#create(deployment);
    if (-surplus <= missing) return;
    deployment.busy = true;
    this.#time.after(this.#timing.batchMs, () => {
      deployment.busy = false;
      this.#reconcile(deployment, batch * 2);
    });
  }

  #create(deployment: Deployment): void {
    const { name, template } = deployment;
    this.#api.create({
      metadata: {
        name: `${name}-${deployment.made++}`,
        namespace: template.namespace,
        labels: template.labels,
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: name, controller: true },
        ],
      },
      spec: template.spec,
    });
  }
}

/** Without a node before with, pending before running, newer before older. */
function firstToGo(a: Pod, b: Pod): number {
  return (
    Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)) ||
    Number(a.status?.phase === 'Running') - Number(b.status?.phase === 'Running') ||
    madeAt(b) - madeAt(a)
  );
}

function madeAt({ metadata }: Pod): number {
  return Number((metadata.name ?? '').split('-').at(-1));
}
