/** What happened in a trial under one system: what all measures are computed from. */
export interface Recording {
  readonly pods: readonly PodRecord[];
  /** When it ended, ms on the trial's clock; what exists then has no `endedMs`. */
  readonly endMs: number;
  /** Of decentralized systems only. */
  readonly gossip?: GossipRecord;
  /** Live only. */
  readonly processes?: readonly ProcessRecord[];
}

/** One pod that users see; a shadow is part of the pod at home. Times in ms of the trial's clock. */
export interface PodRecord {
  /** Index into the trial's apps. */
  readonly app: number;
  /** Index of the cluster it was asked at; for a placer above the clusters, the home nearest to where it is. */
  readonly home: number;
  readonly createdMs: number;
  /** Bound to a real node; for a guest, its shadow's creation. */
  boundMs: number | undefined;
  /** Its containers run. */
  runningMs: number | undefined;
  /** Index of the cluster that it runs in; undefined while it has no node. */
  host: number | undefined;
  /** Index of its node among that cluster's. */
  node: number | undefined;
  /** Deleted, or ended otherwise. */
  endedMs: number | undefined;
  /** It ended because a host or a node let it down, not because it was asked to. */
  evicted: boolean;
}

export interface GossipRecord {
  readonly agents: number;
  /** What adverts, bytes and messages were counted over, ms: simulated, the second half. */
  readonly overMs: number;
  /** Adverts published, all agents together. */
  readonly adverts: number;
  /** What each agent heard of adverts, copies and gossip about them included. */
  readonly heardBytesPerAgent: number;
  /** Calls and stream messages of negotiation, all agents together. */
  readonly negotiationMessages: number;
  /** From a change of room until 99 % of the agents knew, the wait for the advert's turn included: median over changes, ms. */
  readonly known99Ms: number;
  /** The same from when the advert was said, also before the second half. */
  readonly spread99Ms: number;
  /** Room reserved in vain: slots asked for and refused. */
  readonly slotsAsked: number;
  readonly slotsRefused: number;
  /** How old adverts were when somebody decided by them, ms. */
  readonly stalenessMs: { readonly p50: number; readonly p99: number };
}

export interface ProcessRecord {
  /** Such as `agent/paris`, `kube-apiserver/paris`, `kubefed`. */
  readonly name: string;
  readonly cpuSeconds: number;
  readonly rssMib: number;
}
