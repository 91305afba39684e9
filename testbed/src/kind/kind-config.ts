/** The configuration of one kind cluster, as `kind create cluster --config` takes it. */
import { Fault } from '@spillway/core';
import { stringify } from 'yaml';
import type { KindClusterSpec } from '../spec.ts';

export interface KindConfigOptions {
  readonly subnets: Subnets;
  /** Of 127.0.0.1, where Docker publishes the API server: kind's own choice is sometimes taken when Docker comes to it. */
  readonly apiServerPort: number;
  readonly nodeGraceSeconds: number | undefined;
  /** kubeadm patches that this machine needs. */
  readonly kubeadmPatches?: readonly string[];
  /** containerd patches that this machine needs. */
  readonly containerdPatches?: readonly string[];
}

export interface Subnets {
  readonly podSubnet: string;
  readonly serviceSubnet: string;
}

export const kindClustersMax = 100;

/** kind's own, of every cluster: most people's clusters have the same ones. */
const sameSubnets: Subnets = { podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/16' };

/** Of a test bed's clusters, in their order. */
export function subnetsOf(clusters: number, distinct = false): readonly Subnets[] {
  return Array.from({ length: clusters }, (_, i) =>
    distinct
      ? { podSubnet: `10.${i}.0.0/16`, serviceSubnet: `10.${kindClustersMax + i}.0.0/16` }
      : sameSubnets,
  );
}

/** @throws Fault `InvalidInput` when labels are given for nodes that there are not. */
export function kindConfig(spec: KindClusterSpec, options: KindConfigOptions): string {
  const { subnets, apiServerPort, nodeGraceSeconds } = options;
  const { kubeadmPatches = [], containerdPatches = [] } = options;
  const { workers = 0, nodeLabels = [] } = spec;
  if (nodeLabels.length > workers + 1) {
    throw new Fault(
      'InvalidInput',
      `${spec.name}: labels for ${nodeLabels.length} nodes, and there are ${workers + 1}`,
    );
  }
  const node = (i: number): object => ({
    role: i === 0 ? 'control-plane' : 'worker',
    ...(nodeLabels[i] !== undefined && { labels: nodeLabels[i] }),
  });
  const patches = [
    ...kubeadmPatches,
    ...(nodeGraceSeconds === undefined ? [] : [graceSecondsPatch(nodeGraceSeconds)]),
  ];
  return stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: {
      apiServerPort,
      ...subnets,
    },
    nodes: Array.from({ length: workers + 1 }, (_, i) => node(i)),
    ...(patches.length > 0 && { kubeadmConfigPatches: patches }),
    ...(containerdPatches.length > 0 && { containerdConfigPatches: containerdPatches }),
  });
}

function graceSecondsPatch(seconds: number): string {
  return stringify({
    kind: 'ClusterConfiguration',
    controllerManager: { extraArgs: { 'node-monitor-grace-period': `${seconds}s` } },
  });
}
