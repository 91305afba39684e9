/** Nodes that KWOK plays, and how one is made to fall silent: the same beside real nodes as alone. */
import { milliValueOf, parseQuantity, valueOf } from '@spillway/core';
import type { NodeSpec } from './spec.ts';

/** Longer than any test bed lives. */
const failedSeconds = 30 * 86_400;

/** The Lease of a node that someone else than KWOK holds: KWOK plays it no more. */
export function failedLease(now: Date): object {
  return {
    spec: {
      holderIdentity: 'failed',
      renewTime: now.toISOString().replace('Z', '000Z'),
      leaseDurationSeconds: failedSeconds,
    },
  };
}

export function leasePath(node: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`;
}

export function nodeObject(spec: NodeSpec): object {
  const { cpu, memory, reserved } = spec;
  const rest = {
    pods: `${spec.pods}`,
    ...(spec.gpus > 0 && { 'nvidia.com/gpu': `${spec.gpus}` }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: spec.name,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        'kubernetes.io/hostname': spec.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        ...(spec.zone !== undefined && { 'topology.kubernetes.io/zone': spec.zone }),
        ...spec.labels,
      },
    },
    spec: { taints: spec.taints },
    status: {
      capacity: { cpu, memory, ...rest },
      allocatable: { ...less({ cpu, memory }, reserved), ...rest },
    },
  };
}

type CpuAndMemory = { readonly cpu: string; readonly memory: string };

function less(capacity: CpuAndMemory, reserved: CpuAndMemory | undefined): CpuAndMemory {
  if (reserved === undefined) return capacity;
  const cpu = (of: CpuAndMemory): number => milliValueOf(parseQuantity(of.cpu));
  const memory = (of: CpuAndMemory): number => valueOf(parseQuantity(of.memory));
  return {
    cpu: `${cpu(capacity) - cpu(reserved)}m`,
    memory: `${memory(capacity) - memory(reserved)}`,
  };
}
