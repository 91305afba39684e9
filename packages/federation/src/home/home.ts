/**
 * The home: what an agent does for the pods of its own cluster. It is a machine without I/O: it is told
 * events and returns effects. The effects for one pod must be performed in their order. Those of different
 * pods may be performed in any order. The daemon and the simulator both run it.
 */
import {
  assert,
  type ClusterName,
  earliest,
  type MonotonicMs,
  type PersistentVolumeClaim,
  type Pod,
  type PodUid,
  type Random,
  unreachable,
  type Verdict,
  virtualNodeName,
} from '@spillway/core';
import { podNetworksJoined } from '../offload/pod-network.ts';
import { OffloadedPods } from './offloaded/offloaded-pods.ts';
import type { PodState } from './offloaded/states.ts';
import type { OffloadedState, PodAway } from './offloaded/offloaded-pod.ts';
import { eligibilityOf } from './eligibility.ts';
import type { HomeConfig } from './config.ts';
import type { HomeEffect, HomeEvent } from './events.ts';
import { refOf } from './events.ts';
import type { ForeignPod } from './offloaded/foreign-pods.ts';
import { type ForecastRequest, type Foreseen, foresee } from './foresee.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { LocalLedger, Neighbourhood, Policies, Seals } from './ports.ts';
import { type PodLife, podText, type TransitionObserver } from './pod-life.ts';
import { TriedTemplates } from './pending/tried-templates.ts';
import { PendingPods } from './pending/pending-pods.ts';

export interface HomeOptions {
  readonly ledger: LocalLedger;
  readonly neighbourhood: Neighbourhood;
  /** What the federation's root has signed of this cluster. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly policies: Policies;
  readonly seals: Seals;
  readonly config: HomeConfig;
  readonly random: Random;
  /** Of the agent that runs this; see `AdvertVersion.epoch`. */
  readonly homeEpoch: number;
  /** The neighbour that a virtual node stands for; undefined for every other node. */
  readonly clusterOfNode: (node: string) => ClusterName | undefined;
  /** Told of every transition of every pod. */
  readonly observe?: TransitionObserver | undefined;
}

export type PodExplanation =
  | {
      readonly state: 'waiting';
      readonly podState: PodState;
      readonly message: string;
      readonly home: readonly Verdict[];
      readonly neighbours: Readonly<Record<string, string>>;
      /** The placement policy that it goes by, and where that comes from. */
      readonly policy: { readonly text: string; readonly source: string };
    }
  | ({ readonly state: 'away' } & OffloadedState)
  | {
      /** Something else has bound it to the virtual node of `host`. */
      readonly state: 'foreign';
      readonly host: ClusterName;
      readonly message: string;
    };

const none: readonly HomeEffect[] = [];

export class Home {
  readonly #options: HomeOptions;
  readonly #pending: PendingPods;
  readonly #offloaded: OffloadedPods;
  /** Pods without a node, ours or not: a namespace's label may make them ours. */
  readonly #unbound = new Map<PodUid, Pod>();
  readonly #namespaces = new Map<string, NamespaceFacts>();
  /** Pods whose node is no virtual one as far as is known: nodes may be listed after pods. */
  readonly #bound = new Map<PodUid, Pod>();
  #effects: HomeEffect[] = [];
  #synced = false;

  constructor(options: HomeOptions) {
    this.#options = options;
    const { config, random, homeEpoch, seals, observe } = options;
    const emit = (effect: HomeEffect): void => {
      this.#effects.push(effect);
    };
    const tried = new TriedTemplates(config, random);
    const joined = (host: ClusterName): boolean | undefined =>
      podNetworksJoined(
        options.attributes ?? {},
        options.neighbourhood.neighbour(host)?.attributes,
      );
    this.#offloaded = new OffloadedPods({
      config,
      random,
      homeEpoch,
      tried,
      seals,
      emit,
      joined,
      observe,
    });
    this.#pending = new PendingPods({
      ledger: options.ledger,
      neighbourhood: options.neighbourhood,
      policies: options.policies,
      seals,
      config,
      random,
      homeEpoch,
      tried,
      emit,
      placed: () => this.#offloaded.countByHost(),
      onBoundAway: (pod, grant, life) => this.#offloaded.bound(pod, grant, life),
      observe,
    });
  }

  step(event: HomeEvent, now: MonotonicMs): readonly HomeEffect[] {
    this.#take(event, now);
    // Before the caches are whole, a pod that seems unbound may be bound, and free room taken.
    if (this.#synced) {
      this.#pending.tick(now);
      this.#offloaded.tick(now);
    }
    const effects = this.#effects;
    if (effects.length === 0) return none;
    this.#effects = [];
    return effects;
  }

  /** When to call `step` with `tick`; undefined when only an event can change anything. */
  wakeAt(): MonotonicMs | undefined {
    if (!this.#synced) return undefined;
    return earliest(this.#pending.wakeAt(), this.#offloaded.wakeAt());
  }

  /** Neighbours whose guest stream must be open, since pods of ours are there. */
  hosts(): ReadonlySet<ClusterName> {
    return this.#offloaded.hosts();
  }

  /** Whether `capacityChanged` at a neighbour would bring a try forward; else it need not be told. */
  awaitsNews(now: MonotonicMs): boolean {
    return this.#pending.awaitsNews(now);
  }

  /** Whether a binding to a node of the home that was not answered may still take effect. */
  get hasDoubtfulBindings(): boolean {
    return this.#pending.hasDoubtfulBindings;
  }

  /** For people and metrics. */
  counts(): {
    readonly waiting: number;
    readonly awayByHost: ReadonlyMap<ClusterName, number>;
    /** Pods that are bound to a neighbour, or about to be, whose first commit is not answered yet. */
    readonly unanswered: number;
  } {
    const { size: waiting, unanswered } = this.#pending;
    return { waiting, awayByHost: this.#offloaded.countByHost(), unanswered };
  }

  /** How many pods are in each state. O(pods). @throws Fault `Internal` when a pod is in two. */
  podStates(): ReadonlyMap<PodState, number> {
    const counts = new Map<PodState, number>();
    const counted = new Set<PodUid>();
    const count = ({ ref, state }: Pick<PodLife, 'ref' | 'state'>): void => {
      counts.set(state, (counts.get(state) ?? 0) + 1);
      assert(!counted.has(ref.uid), () => `${podText(ref)} is in one state, and not in two`);
      counted.add(ref.uid);
    };
    for (const life of this.#pending.lives()) count(life);
    for (const entry of this.#offloaded.pods()) count(entry);
    return counts;
  }

  /** Those whose pods may leave, or that are annotated. */
  namespaces(): ReadonlyMap<string, NamespaceFacts> {
    return this.#namespaces;
  }

  /** What keeps a pod waiting, or where it is; undefined for pods that are none of ours. */
  explain(namespace: string, name: string): PodExplanation | undefined {
    const foreign = this.#offloaded.foreign.find(namespace, name);
    if (foreign !== undefined) {
      return { state: 'foreign', host: foreign.host, message: foreign.message };
    }
    const away = this.#offloaded.explain(namespace, name);
    if (away !== undefined) {
      return { state: 'away', ...away };
    }
    const waiting = this.#pending.explain(namespace, name);
    return waiting && { state: 'waiting', ...waiting };
  }

  /** A pod of ours that is away, by its name. O(offloaded pods). */
  podAway(namespace: string, name: string): PodAway | undefined {
    return this.#offloaded.away(namespace, name);
  }

  /** Where pods that do not exist yet would go now. The same code decides for pods that exist. */
  forecast(
    requests: readonly ForecastRequest[],
    now: MonotonicMs,
    claims: readonly PersistentVolumeClaim[] = [],
  ): readonly Foreseen[] {
    const { policies, ledger, neighbourhood } = this.#options;
    return foresee(requests, {
      policies,
      ledger,
      neighbourhood,
      namespaces: this.#namespaces,
      placed: this.#offloaded.countByHost(),
      outlook: (pod, eligibility, policyFor) => this.#pending.outlook(pod, eligibility, policyFor),
      now,
      claims,
    });
  }

  /** Pods that something else has bound to a virtual node. Pods that were given back stay in it while they exist. */
  foreign(): readonly ForeignPod[] {
    return this.#offloaded.foreign.list();
  }

  #take(event: HomeEvent, now: MonotonicMs): void {
    switch (event.kind) {
      case 'pod':
        return this.#pod(event.pod, now);
      case 'podDeleted': {
        const { uid } = refOf(event.pod);
        this.#unbound.delete(uid);
        this.#bound.delete(uid);
        this.#pending.drop(uid);
        return this.#offloaded.deleted(uid);
      }
      case 'namespace': {
        const { name, offload, annotations } = event;
        if (offload || Object.keys(annotations).length > 0) {
          this.#namespaces.set(name, { offload, annotations });
        } else this.#namespaces.delete(name);
        return this.#considerAll(name, now);
      }
      case 'policiesChanged':
        return this.#considerAll(event.namespace, now);
      case 'virtualNode':
        return this.#reconsiderBound(({ spec }) => spec.nodeName === event.node, now);
      case 'synced':
        this.#synced = true;
        return this.#reconsiderBound(() => true, now);
      case 'capacityChanged':
        return this.#pending.capacityChanged(event.where, now);
      case 'tick':
        return;
      case 'reserved':
        return this.#pending.reserved(event, now);
      case 'tried':
        return this.#pending.tried(event, now);
      case 'boundLocally':
        this.#pending.boundLocally(event.uid, event.outcome, now);
        return event.outcome === 'failed' ? this.#considerAgain(event.uid, now) : undefined;
      case 'volumesWritten':
      case 'preempted':
        return this.#pending.writtenAtHome(event, now);
      case 'boundAway':
        this.#pending.boundAway(event.uid, event.outcome, now);
        return event.outcome === 'failed' ? this.#considerAgain(event.uid, now) : undefined;
      case 'committed':
        return this.#offloaded.committed(event, now);
      case 'updated':
        return this.#offloaded.updated(event, now);
      case 'released':
        return this.#offloaded.released(event, now);
      case 'stream':
        return this.#offloaded.stream(event.host, event.state);
      case 'guest':
        return this.#offloaded.guest(event.host, event.update);
      case 'leaving':
        return this.#leave(now);
      case 'evicted':
        return this.#offloaded.evicted(event, now);
      case 'statusWritten':
        return this.#offloaded.statusWritten(event, now);
      case 'finalized':
        return this.#offloaded.finalized(event, now);
      case 'revoked':
        return this.#offloaded.revoked(event.clusters);
      case 'orphanChecked':
        // A read that is newer than the watch: the pod no longer waits.
        if (isBound(event.pod, event.ref.uid)) this.#pending.drop(event.ref.uid);
        return this.#offloaded.orphanChecked(event.host, event.ref, event.pod);
      default:
        return unreachable(event);
    }
  }

  #pod(pod: Pod, now: MonotonicMs): void {
    const { uid } = refOf(pod);
    const node = pod.spec.nodeName;
    if (!node) {
      this.#unbound.set(uid, pod);
      return this.#consider(pod, now);
    }
    this.#unbound.delete(uid);
    const host = this.#options.clusterOfNode(node);
    if (host === undefined) {
      // The Node may be listed later. Or it was deleted, and the agent is about to create it again.
      const mayBeVirtual = !this.#synced || clusterOfVirtualNode(node) !== undefined;
      if (mayBeVirtual) this.#bound.set(uid, pod);
      else this.#bound.delete(uid);
      return this.#pending.drop(uid);
    }
    this.#bound.delete(uid);
    this.#pending.seenAway(pod, host);
    this.#offloaded.seen(pod, host);
  }

  /** Pods whose node was no virtual one as far as was known. */
  #reconsiderBound(concerned: (pod: Pod) => boolean, now: MonotonicMs): void {
    for (const pod of [...this.#bound.values()].filter(concerned)) {
      this.#bound.delete(refOf(pod).uid);
      this.#pod(pod, now);
    }
  }

  /** `Policies` already keeps every pod at home. */
  #leave(now: MonotonicMs): void {
    for (const pod of this.#unbound.values()) this.#consider(pod, now);
    this.#offloaded.leave();
  }

  #considerAll(namespace: string, now: MonotonicMs): void {
    for (const pod of this.#unbound.values()) {
      if (pod.metadata.namespace === namespace) this.#consider(pod, now);
    }
  }

  /** A pod that was dropped during a binding may be eligible again: it waits for that binding's end. */
  #considerAgain(uid: PodUid, now: MonotonicMs): void {
    const pod = this.#unbound.get(uid);
    if (pod !== undefined) this.#consider(pod, now);
  }

  #consider(pod: Pod, now: MonotonicMs): void {
    // The watch is behind what this agent knows: the pod is bound already.
    if (this.#offloaded.has(refOf(pod).uid)) return;
    const namespace = this.#namespaces.get(pod.metadata.namespace ?? 'default');
    const eligibility = eligibilityOf(pod, namespace?.offload ?? false);
    if (eligibility === undefined) this.#pending.drop(refOf(pod).uid);
    else this.#pending.enqueue(pod, eligibility, namespace?.annotations ?? {}, now);
  }
}

function isBound(pod: Pod | undefined, uid: PodUid): boolean {
  return pod !== undefined && refOf(pod).uid === uid && Boolean(pod.spec.nodeName);
}

/** The inverse of `virtualNodeName`, for agents that know their neighbours by name. */
export function clusterOfVirtualNode(node: string): ClusterName | undefined {
  const prefix = virtualNodeName('');
  return node.startsWith(prefix) ? (node.slice(prefix.length) as ClusterName) : undefined;
}
