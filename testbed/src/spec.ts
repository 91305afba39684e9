/** What to start: clusters, their nodes, and how far apart they are. */
import type { Taint } from '@spillway/core';
import type { KubernetesMinor } from './kubernetes-versions.ts';

export interface NodeSpec {
  readonly name: string;
  /** Quantities. */
  readonly cpu: string;
  readonly memory: string;
  /** What the node's own daemons take of it: capacity less this is allocatable. Quantities. */
  readonly reserved?: { readonly cpu: string; readonly memory: string };
  readonly pods: number;
  /** Whole GPUs, as `nvidia.com/gpu`. */
  readonly gpus: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly zone: string | undefined;
}

export interface ClusterSpec {
  readonly name: string;
  readonly nodes: readonly NodeSpec[];
  /** For distances; see cities.ts. */
  readonly city: string | undefined;
}

/** Clusters of real Docker nodes, whose pods really run. `nodes` are KWOK's, beside the real ones. */
export interface KindClusterSpec extends ClusterSpec {
  /** Real nodes besides the control plane's; where there are any, the control plane's takes no pods. */
  readonly workers?: number;
  /** Of the real nodes: the control plane's first, then each worker's. */
  readonly nodeLabels?: readonly Readonly<Record<string, string>>[];
}

export interface LocalTestbedSpec extends Distances {
  readonly kind?: 'local';
  readonly clusters: readonly ClusterSpec[];
  /** What `askedKubernetes` says otherwise. */
  readonly kubernetes?: KubernetesMinor;
  /** After how long without a heartbeat a node is NotReady. Kubernetes' default is 50 s. */
  readonly nodeGraceSeconds?: number;
  /** API servers write down all that agents send them; see `LocalCluster.auditLog`. */
  readonly auditRequests?: boolean;
}

export interface KindTestbedSpec extends Distances {
  readonly kind: 'kind';
  readonly clusters: readonly KindClusterSpec[];
  /** Subnets of pods and Services that no other cluster of the test bed has. Default: all have the same. */
  readonly distinctSubnets?: boolean;
  /** As for `local`. */
  readonly nodeGraceSeconds?: number;
}

export type TestbedSpec = LocalTestbedSpec | KindTestbedSpec;

/** What is said of how far clusters are apart. */
export interface Distances {
  readonly clusters: readonly ClusterSpec[];
  /** RTT in ms by pair of clusters; a pair without is as far apart as its cities, else 0. */
  readonly rttMs?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** `count` equal nodes, spread over `zones`. */
export function equalNodes(
  count: number,
  node: Partial<Omit<NodeSpec, 'name' | 'zone'>> & { readonly zones?: readonly string[] } = {},
): readonly NodeSpec[] {
  const { zones = [], ...rest } = node;
  return Array.from({ length: count }, (_, i) => ({
    name: `node-${i + 1}`,
    cpu: '4',
    memory: '4Gi',
    pods: 110,
    gpus: 0,
    labels: {},
    taints: [],
    ...rest,
    zone: zones[i % Math.max(1, zones.length)],
  }));
}
