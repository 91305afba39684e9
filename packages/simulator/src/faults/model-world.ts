/** What a simulated world is made of, and what it offers to those who act in it. */
import { type ClusterName, type Pod, type Random, wellKnown } from '@spillway/core';
import type { PartitionPolicy, TransitionObserver } from '@spillway/federation';
import type { ModelAgent } from '../agent/agent.ts';
import type { Act } from '../agent/driver.ts';
import type { ModelApiServer } from '../cluster/api-server.ts';
import type { Kubelets } from '../cluster/kubelets.ts';
import type { ModelNetwork } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { AgentLives } from './agent-lives.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { FaultsInForce } from './in-force.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly clusters: number;
  readonly nodesPerCluster: number;
  readonly podsPerCluster: number;
  /** Whether the clusters' own schedulers place pods too. */
  readonly rivals: boolean;
  /** Whether the clusters' own schedulers bind guests; else agents create them bound. */
  readonly schedulersBindGuests: boolean;
  /**
   * With it, all pods have this partition policy and controllers that replace them. Their nodes are lost at
   * any time, and pods that do not tolerate that are evicted.
   */
  readonly partition?: PartitionPolicy;
  /**
   * Each cluster's quota of guests, which its agent knows nothing of, and a size of pods that the last
   * cluster's admission forbids to guests.
   */
  readonly guestQuota?: number;
  /** How long users and faults are busy, ms. */
  readonly troubleMs: number;
  /** Faults that are left out; all else happens as it would. */
  readonly without?: readonly FaultKind[];
}

/** Where something happens. */
export interface Site {
  readonly world: World;
  readonly cluster: ModelCluster;
}

/** For those who look on, or end an agent at one of its effects. */
export interface WorldHooks {
  readonly act?: (at: Site, ...args: Parameters<Act>) => void;
  readonly observe?: (at: Site, ...args: Parameters<TransitionObserver>) => void;
  readonly faultBegins?: (kind: FaultKind, cluster: ClusterName) => void;
}

export interface ModelCluster {
  readonly name: ClusterName;
  readonly api: ModelApiServer;
  readonly kubelets: Kubelets;
  /** Undefined while none is active. */
  agent: ModelAgent | undefined;
  epoch: number;
}

export interface World {
  readonly options: WorldOptions;
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly clusters: readonly ModelCluster[];
  readonly lives: AgentLives;
  readonly inForce: FaultsInForce;
  /** Whether faults of this kind happen. Chance is drawn all the same, so that what else happens stays as it was. */
  happens(kind: FaultKind): boolean;
  say(line: string): void;
}

/** A label that users change. */
export const relabelled = 'track';

export function isShadow(pod: Pod): boolean {
  return pod.metadata.labels?.[wellKnown.homeLabel] !== undefined;
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)] as Item;
}
