/** The configuration of one kind cluster, as `kind create cluster --config` takes it. */
import { Fault } from '@spillway/core';
import { stringify } from 'yaml';
import type { KindClusterSpec } from '../spec.ts';

export interface KindConfigOptions {
  /** The how manieth cluster of the test bed this is, from 0: its subnets are its own. */
  readonly index: number;
  /** Of 127.0.0.1, where Docker publishes the API server: kind's own choice is sometimes taken when Docker comes to it. */
  readonly apiServerPort: number;
  readonly nodeGraceSeconds: number | undefined;
  /** kubeadm patches that this machine needs. */
  readonly kubeadmPatches?: readonly string[];
  /** containerd patches that this machine needs. */
  readonly containerdPatches?: readonly string[];
}

/** Pods and services have 10.0 to 10.99 and 10.100 to 10.199. */
export const kindClustersMax = 100;

/** @throws Fault `InvalidInput` when labels are given for nodes that there are not. */
export function kindConfig(spec: KindClusterSpec, options: KindConfigOptions): string {
  const { index, apiServerPort, nodeGraceSeconds } = options;
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
      podSubnet: `10.${index}.0.0/16`,
      serviceSubnet: serviceSubnet(index),
    },
    nodes: Array.from({ length: workers + 1 }, (_, i) => node(i)),
    ...(patches.length > 0 && { kubeadmConfigPatches: patches }),
    ...(containerdPatches.length > 0 && { containerdConfigPatches: containerdPatches }),
  });
}

/** Of the how manieth cluster of a test bed. */
export function serviceSubnet(index: number): string {
  return `10.${100 + index}.0.0/16`;
}

function graceSecondsPatch(seconds: number): string {
  return stringify({
    kind: 'ClusterConfiguration',
    controllerManager: { extraArgs: { 'node-monitor-grace-period': `${seconds}s` } },
  });
}
