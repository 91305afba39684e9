/** What an agent is told once, when it starts. */
import type { ClusterName, Random } from '@spillway/core';
import type {
  Advert,
  DirectoryConfig,
  GuestTerms,
  HomeConfig,
  HostConfig,
  Neighbourhood,
  NodeMembership,
  Policies,
  Seals,
  TransitionObserver,
} from '@spillway/federation';
import type { Coordinates } from './neighbours.ts';

export interface AgentOptions {
  readonly cluster: ClusterName;
  /** Of this life of the agent; see `AdvertVersion.epoch`. */
  readonly epoch: number;
  readonly labels: Readonly<Record<string, string>>;
  /** What the federation's root has signed of this cluster. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly directory: DirectoryConfig;
  readonly coordinates: Coordinates;
  /** By which certificate a neighbour last proved itself. */
  readonly membershipOf: (cluster: ClusterName) => NodeMembership | undefined;
  readonly virtualNodes: 'kept' | 'given';
  /** Where it looks its neighbours up. Without it, they are those whose adverts it receives. */
  readonly neighbourhood?: Neighbourhood;
  readonly policies: Policies;
  readonly seals: Seals;
  readonly homeConfig: HomeConfig;
  readonly hostConfig: HostConfig;
  readonly terms: GuestTerms;
  /** What it may hear of adverts, all clusters together. */
  readonly advertBytesPerSecond: number;
  /** Where a home's pods live here. */
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
  /** How this agent is reached now. */
  readonly whereabouts: () => Pick<Advert, 'peer' | 'addresses'>;
  readonly random: (purpose: 'home' | 'streams') => Random;
  /** Which neighbour a node stands for, where Nodes do not say so themselves. */
  readonly clusterOfNode?: (node: string) => ClusterName | undefined;
  /** Told of every transition of every pod of this home. */
  readonly observePods?: TransitionObserver | undefined;
  /** Whether to look through every neighbour for guests that a former life left there. */
  readonly looksThrough: boolean;
}
