/** What a virtual node shows of its neighbour, and what operators set on it. See docs/adr/0007. */
import { type ClusterName, type Node, type PeerId, wellKnown } from '@spillway/core';
import type { NodeMarks } from './directory.ts';

/** By which certificate a neighbour last proved itself. */
export interface NodeMembership {
  readonly serial: string;
  readonly peer: PeerId;
  readonly notBeforeMs: number;
}

export interface VirtualNodeState {
  readonly cluster: ClusterName;
  /** Multiaddrs: where an agent that starts again may find it. */
  readonly addresses: readonly string[];
  /** False once the neighbour is gone: the node becomes NotReady, as any lost node does. */
  readonly reachable: boolean;
  /** What a revocation that comes later is compared with. */
  readonly membership?: NodeMembership;
  /** A node that has to be created again is created cordoned. */
  readonly cordoned: boolean;
  /** Why it is no longer a member. Then it is never reachable. */
  readonly revoked?: string;
}

/** The neighbour that `node` stands for; undefined for a node that is not virtual. */
export function neighbourOfNode({ metadata }: Pick<Node, 'metadata'>): ClusterName | undefined {
  const { labels } = metadata;
  if (labels?.[wellKnown.virtualNodeLabel] !== 'true') return undefined;
  return labels[wellKnown.clusterLabel] as ClusterName | undefined;
}

export const noMarks: NodeMarks = Object.freeze({ cordoned: false, taints: Object.freeze([]) });

/** A cordon, and taints that are neither ours nor Kubernetes' own. */
export function marksOf({ spec }: Node): NodeMarks {
  const taints = (spec?.taints ?? []).filter(
    ({ key, effect }) =>
      effect !== 'PreferNoSchedule' &&
      key !== wellKnown.virtualNodeTaint &&
      !key.startsWith('node.kubernetes.io/'),
  );
  return { cordoned: spec?.unschedulable === true, taints };
}
