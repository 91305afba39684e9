/**
 * kube-scheduler, as far as waiting times go: one pod at a time, on a cache that lags. A pod that finds no
 * room is marked Unschedulable. It waits, with a back-off, for something to change. Its filters and scores
 * are ours, which agree with the real ones pod by pod (bench/src/agreement).
 *
 * Source: kubernetes/pkg/scheduler (v1.36): scheduling queue, back-off 1 s doubling to 10 s.
 */
import {
  type ClusterEvent,
  type Node,
  type NodeName,
  type Pod,
  type PodSpec,
  type PodUid,
  shapeOf,
  wellKnown,
} from '@spillway/core';
import { type PodRef, refOf } from '@spillway/federation';
import { Ledger, placePods } from '@spillway/scheduling';
import type { VirtualTime } from '../virtual-time.ts';
import { isEnded, type ModelApiServer } from './api-server.ts';

export interface SchedulerTiming {
  /** From a change to the scheduler's knowing of it, ms. */
  readonly watchMs: number;
  /** One decision, ms. */
  readonly decisionMs: number;
  /** From the decision until the binding shows at the API server, ms. */
  readonly bindMs: number;
  /** What found no room is not tried again sooner than this, at last, ms. */
  readonly backoffMsMax: number;
  /** From when until when it is down, ms; never without. */
  readonly down?: readonly [number, number];
}

const backoffMsMin = 1_000;

interface Waiting {
  readonly ref: PodRef;
  pod: Pod;
  attempts: number;
  /** Not tried again before. */
  notBefore: number;
  /** It found no room, and nothing has changed since. */
  parked: boolean;
}

export class KubeScheduler {
  readonly #ledger = new Ledger();
  readonly #waiting = new Map<PodUid, Waiting>();
  readonly #api: ModelApiServer;
  readonly #time: VirtualTime;
  readonly #timing: SchedulerTiming;
  /** Of these templates no pod finds room until some has been freed. */
  readonly #full = new Set<PodSpec>();
  #working = false;
  #wakeAt: number | undefined;

  static start(api: ModelApiServer, time: VirtualTime, timing: SchedulerTiming): KubeScheduler {
    return new KubeScheduler(api, time, timing);
  }

  private constructor(api: ModelApiServer, time: VirtualTime, timing: SchedulerTiming) {
    this.#api = api;
    this.#time = time;
    this.#timing = timing;
    for (const object of api.nodes) this.#node(object);
    api.watch((event) => time.after(timing.watchMs, () => this.#take(event)));
  }

  #node(object: Node): void {
    this.#ledger.apply({ kind: 'Node', type: 'set', object });
  }

  #take(event: ClusterEvent): void {
    this.#ledger.apply(event);
    if (event.kind !== 'Pod') return;
    const pod = event.object;
    const { uid } = refOf(pod);
    const gone = event.type === 'deleted' || isEnded(pod);
    if (gone || pod.spec.nodeName || pod.metadata.deletionTimestamp) this.#waiting.delete(uid);
    else if (pod.spec.schedulerName !== wellKnown.schedulerName) this.#enqueue(pod);
    // Room may have appeared: a pod that had a node has gone.
    if (gone && pod.spec.nodeName) this.#unpark();
    this.#work();
  }

  #enqueue(pod: Pod): void {
    const ref = refOf(pod);
    const known = this.#waiting.get(ref.uid);
    if (known !== undefined) known.pod = pod;
    else this.#waiting.set(ref.uid, { ref, pod, attempts: 0, notBefore: 0, parked: false });
  }

  #unpark(): void {
    this.#full.clear();
    for (const waiting of this.#waiting.values()) waiting.parked = false;
  }

  #work(): void {
    if (this.#working) return;
    const { now } = this.#time;
    const [downFrom, downUntil] = this.#timing.down ?? [0, 0];
    if (downFrom <= now && now < downUntil) return this.#wake(downUntil);
    let soonest: number | undefined;
    let next: Waiting | undefined;
    for (const waiting of this.#waiting.values()) {
      if (waiting.parked) continue;
      if (waiting.notBefore > now) {
        soonest = Math.min(soonest ?? waiting.notBefore, waiting.notBefore);
        continue;
      }
      next ??= waiting;
      // Guests have the lowest priority: they are next when nobody else is.
      if (isGuest(waiting.pod)) continue;
      next = waiting;
      break;
    }
    if (next !== undefined) this.#startOn(next);
    else if (soonest !== undefined) this.#wake(soonest);
  }

  #startOn(waiting: Waiting): void {
    this.#working = true;
    this.#time.after(this.#timing.decisionMs, () => {
      this.#working = false;
      this.#decide(waiting);
      this.#work();
    });
  }

  #wake(at: number): void {
    if (this.#wakeAt !== undefined && this.#wakeAt <= at) return;
    this.#wakeAt = at;
    this.#time.after(at - this.#time.now, () => {
      if (this.#wakeAt !== at) return;
      this.#wakeAt = undefined;
      this.#work();
    });
  }

  #decide(waiting: Waiting): void {
    const { ref, pod } = waiting;
    if (this.#waiting.get(ref.uid) !== waiting) return;
    const [node] = this.#full.has(pod.spec)
      ? []
      : placePods(this.#ledger.snapshot, shapeOf(pod), 1).nodes;
    if (node !== undefined) return this.#bind(waiting, node);
    this.#full.add(pod.spec);
    waiting.attempts += 1;
    const backoffMs = Math.min(
      backoffMsMin * 2 ** (waiting.attempts - 1),
      this.#timing.backoffMsMax,
    );
    waiting.notBefore = this.#time.now + backoffMs;
    waiting.parked = true;
    if (waiting.attempts > 1) return;
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
    this.#time.after(this.#timing.bindMs, () => {
      this.#api.whenUp(() => this.#api.patchStatus(ref, { conditions: [condition] }));
    });
  }

  #bind({ ref, pod }: Waiting, node: NodeName): void {
    this.#ledger.assume(pod, node);
    this.#waiting.delete(ref.uid);
    this.#time.after(this.#timing.bindMs, () => {
      this.#api.whenUp(() => {
        if (this.#api.bind(ref, node) !== 'bound') this.#ledger.forget(ref.uid);
      });
    });
  }
}

function isGuest({ metadata }: Pod): boolean {
  return metadata.labels?.[wellKnown.homeLabel] !== undefined;
}
