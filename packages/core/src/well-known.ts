/** Names that Spillway puts on Kubernetes objects. One list, because several packages read them. */
export const wellKnown = {
  /** `spec.schedulerName` of pods that are ours from the start. */
  schedulerName: 'spillway',
  /** Namespace label, `enabled`: its pods that kube-scheduler finds Unschedulable are ours too. */
  offloadLabel: 'spillway.dev/offload',
  /** Namespace or pod annotation: the placement policy, see docs. */
  policyAnnotation: 'spillway.dev/policy',
  /** Label `true` on the pod of a cluster's active agent, and on no other: what a Service selects. */
  activeLabel: 'spillway.dev/active',
  /** Annotation `fence` on pods that are away under that partition policy, written by their binding. */
  partitionAnnotation: 'spillway.dev/partition',
  /** Annotation on pods that Spillway has bound to a virtual node, written by the binding: its seal. */
  boundByAnnotation: 'spillway.dev/bound-by',
  /** Annotation on pods that are away, written by the binding: what the host runs them without, parts by `; `. */
  leftOutAnnotation: 'spillway.dev/left-out',
  /** Label `true` on virtual nodes. */
  virtualNodeLabel: 'spillway.dev/virtual-node',
  /** Label on virtual nodes: the neighbour they stand for. */
  clusterLabel: 'spillway.dev/cluster',
  /** Annotation on virtual nodes: where the neighbour was last to be reached, JSON list of multiaddrs. */
  addressesAnnotation: 'spillway.dev/addresses',
  /** Annotation on virtual nodes: the certificate that the neighbour last proved itself by, JSON. */
  membershipAnnotation: 'spillway.dev/membership',
  /** Taint of virtual nodes, effect NoSchedule. */
  virtualNodeTaint: 'spillway.dev/virtual-node',
  /** Labels of shadow pods and guest namespaces. */
  homeLabel: 'spillway.dev/home',
  homeNamespaceLabel: 'spillway.dev/home-namespace',
  homeUidLabel: 'spillway.dev/home-uid',
  /** Label of a guest namespace, any value: it is kept, guests or none. */
  keepLabel: 'spillway.dev/keep',
  /** Annotation of shadow pods: their own name, so that a copy of one under another name is told from it. */
  homeNameAnnotation: 'spillway.dev/home-name',
  /** On a shadow: what it was made from, so that a change at home is told from one at the host. */
  madeFromAnnotation: 'spillway.dev/made-from',
  /** Annotations of shadow pods: what files of the downward API show, a number after it. */
  homeFieldPrefix: 'home.spillway.dev/field-',
  /** Attribute of a certificate: clusters of equal value have joined their pod networks. */
  podNetworkAttribute: 'pod-network',
  /** ConfigMap in the agents' namespace, and its key that operators write. */
  revocationsConfigMap: 'spillway-revocations',
  revocationsKey: 'revocations.list',
  /** ConfigMap in the agents' namespace, and its key: set when this cluster is to leave the federation. */
  leavingConfigMap: 'spillway-leaving',
  leavingKey: 'leaving',
  guestPriorityClass: 'spillway-guest',
  /** Kubernetes' own: why a pod's DisruptionTarget condition is True when a scheduler preempted it. */
  preemptedReason: 'PreemptionByScheduler',
} as const;

/** The virtual node's name for a neighbour: `spillway-<cluster>`. */
export function virtualNodeName(cluster: string): string {
  return `spillway-${cluster}`;
}
