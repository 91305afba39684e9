/** Nodes above their allocatable, and by which pod: replays one cluster's history. */
import {
  type NodeName,
  type Pod,
  podRequests,
  type Resources,
  resourcesOf,
  wellKnown,
} from '@spillway/core';
import type { History } from '../observation/histories.ts';
import { type ClusterNames, hostOf, isFinished, isShadow } from '../observation/tally.ts';

export interface Overcommit {
  readonly cluster: string;
  readonly node: string;
  /** The pod that tipped it. */
  readonly pod: string;
  readonly resourceVersion: string;
  readonly what: string;
}

interface Load {
  readonly allocatable: Resources;
  readonly pods: number;
}

/**
 * Of the pods that `counts` names. Without it, only a pod that Spillway put there counts: what a cluster's own
 * scheduler does is its own affair.
 */
export function findOvercommits(
  { cluster, changes }: History,
  clusters: ClusterNames,
  counts: (pod: Pod) => boolean = isOurs,
): readonly Overcommit[] {
  const found: Overcommit[] = [];
  const nodes = new Map<string, Load>();
  const placed = new Map<NodeName, Map<string, Pod>>();
  for (const change of changes) {
    if (change.kind === 'Node') {
      const { metadata, status } = change.object;
      if (change.type === 'deleted') nodes.delete(metadata.name ?? '');
      else {
        nodes.set(metadata.name ?? '', {
          allocatable: resourcesOf(status?.allocatable),
          pods: Number(status?.allocatable?.['pods'] ?? 0),
        });
      }
      continue;
    }
    const pod = change.object;
    const node = (pod.spec.nodeName ?? '') as NodeName;
    if (node === '' || (!isShadow(pod) && hostOf(pod, clusters) !== undefined)) continue;
    const uid = pod.metadata.uid ?? '';
    const there = placed.get(node) ?? new Map<string, Pod>();
    placed.set(node, there);
    if (change.type === 'deleted' || isFinished(pod)) {
      there.delete(uid);
      continue;
    }
    const isNew = !there.has(uid);
    there.set(uid, pod);
    const load = nodes.get(node);
    if (!isNew || load === undefined || !counts(pod)) continue;
    const what = excess(load, [...there.values()]);
    if (what === undefined) continue;
    const { namespace = '', name = '', resourceVersion = '' } = pod.metadata;
    found.push({ cluster, node, pod: `${namespace}/${name}`, resourceVersion, what });
  }
  return found;
}

function isOurs(pod: Pod): boolean {
  return isShadow(pod) || pod.spec.schedulerName === wellKnown.schedulerName;
}

function excess({ allocatable, pods: podsMax }: Load, pods: readonly Pod[]): string | undefined {
  if (pods.length > podsMax) return `${pods.length} pods on a node for ${podsMax}`;
  let [milliCpu, memoryBytes] = [0, 0];
  const extended = new Map<string, number>();
  for (const pod of pods) {
    const requests = podRequests(pod);
    milliCpu += requests.milliCpu;
    memoryBytes += requests.memoryBytes;
    for (const [name, amount] of requests.extended) {
      extended.set(name, (extended.get(name) ?? 0) + amount);
    }
  }
  if (milliCpu > allocatable.milliCpu) return `${milliCpu}m CPU of ${allocatable.milliCpu}m`;
  if (memoryBytes > allocatable.memoryBytes)
    return `${memoryBytes} bytes of ${allocatable.memoryBytes}`;
  for (const [name, amount] of extended) {
    const most = allocatable.extended.get(name) ?? 0;
    if (amount > most) return `${amount} ${name} of ${most}`;
  }
  return undefined;
}
