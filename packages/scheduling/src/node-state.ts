/** One node of a snapshot: what it offers, who is on it. Immutable. */
import {
  claimsOf,
  type HostPort,
  hostPortsOf,
  type Node,
  type NodeName,
  noResources,
  plus,
  type Pod,
  type PodAffinityTerm,
  placedRequests,
  type PodShape,
  type PodUid,
  type Resources,
  resourcesOf,
  type Taint,
  parseQuantity,
  valueOf,
  wellKnown,
} from '@spillway/core';

/** A pod on a node, cut down to what other pods' placement depends on. */
export interface PlacedPod {
  readonly uid: PodUid;
  readonly node: NodeName;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly requests: Resources;
  readonly scoringRequests: Resources;
  readonly hostPorts: readonly HostPort[];
  /** Being deleted: topology spread does not count it. */
  readonly terminating: boolean;
  /** Required anti-affinity: keeps others away. */
  readonly antiAffinity: readonly PodAffinityTerm[];
  /** PersistentVolumeClaims of its namespace. */
  readonly claims: readonly string[];
  /** Undefined for a pod that is promised and not yet seen on the node: it is never preempted. */
  readonly standing: Standing | undefined;
}

/** What decides whether a pod gives way to one of higher priority. */
export interface Standing {
  readonly name: string;
  readonly priority: number;
  /** As the API writes it, in UTC, so that earlier ones sort first; undefined: not started yet. */
  readonly startTime: string | undefined;
  /** A scheduler has preempted it, and it is ending. */
  readonly preempted: boolean;
  /** Not on the node: it waits there for pods that a scheduler has preempted for it. */
  readonly nominated: boolean;
}

export interface NodeState {
  readonly name: NodeName;
  /** False while only pods of it are known: a node that has been deleted, or not yet been seen. */
  readonly exists: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  /** Stands for a neighbour: never a candidate for local placement. */
  readonly virtual: boolean;
  readonly allocatable: Resources;
  readonly allocatablePods: number;
  readonly requested: Resources;
  readonly scoringRequested: Resources;
  readonly pods: ReadonlyMap<PodUid, PlacedPod>;
  readonly podCount: number;
}

export function placedPod(pod: Pod, node: NodeName): PlacedPod {
  const { metadata, spec } = pod;
  const anti = spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const { requests, scoringRequests } = placedRequests(pod);
  return {
    uid: (metadata.uid ?? '') as PodUid,
    node,
    namespace: metadata.namespace ?? 'default',
    labels: metadata.labels ?? {},
    requests,
    scoringRequests,
    hostPorts: hostPortsOf(pod),
    terminating: metadata.deletionTimestamp !== undefined,
    antiAffinity: anti ?? [],
    claims: spec.volumes === undefined ? none : claimsOf(pod).map(({ name }) => name),
    standing: standingOf(pod),
  };
}

const none: readonly string[] = [];

function standingOf({ metadata, spec, status }: Pod): Standing {
  const disruption = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  return {
    name: metadata.name ?? '',
    priority: spec.priority ?? 0,
    startTime: status?.startTime,
    preempted:
      metadata.deletionTimestamp !== undefined &&
      disruption?.status === 'True' &&
      disruption.reason === wellKnown.preemptedReason,
    nominated: !spec.nodeName,
  };
}

/** The pod that a placement of `shape` would be, for counting on. */
export function plannedPod(shape: PodShape, uid: PodUid, node: NodeName): PlacedPod {
  return {
    uid,
    node,
    namespace: shape.namespace,
    labels: shape.labels,
    requests: shape.requests,
    scoringRequests: shape.scoringRequests,
    hostPorts: shape.hostPorts,
    terminating: false,
    antiAffinity:
      shape.affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
    claims: shape.claims.map(({ name }) => name),
    standing: undefined,
  };
}

export function unknownNode(name: NodeName): NodeState {
  return {
    name,
    exists: false,
    labels: {},
    taints: [],
    unschedulable: true,
    virtual: false,
    allocatable: noResources,
    allocatablePods: 0,
    requested: noResources,
    scoringRequested: noResources,
    pods: new Map(),
    podCount: 0,
  };
}

/** `state` with what the Node object says. @throws Fault `InvalidQuantity` */
export function describedBy(state: NodeState, { metadata, spec, status }: Node): NodeState {
  const allocatable = status?.allocatable ?? status?.capacity;
  return {
    ...state,
    exists: true,
    labels: metadata.labels ?? {},
    taints: spec?.taints ?? [],
    unschedulable: spec?.unschedulable ?? false,
    virtual: metadata.labels?.[wellKnown.virtualNodeLabel] === 'true',
    allocatable: resourcesOf(allocatable),
    allocatablePods:
      allocatable?.['pods'] === undefined ? 0 : valueOf(parseQuantity(allocatable['pods'])),
  };
}

export function withPlaced(state: NodeState, pod: PlacedPod): NodeState {
  const before = state.pods.get(pod.uid);
  const base = before === undefined ? state : withoutPlaced(state, before);
  return {
    ...base,
    requested: plus(base.requested, pod.requests),
    scoringRequested: plus(base.scoringRequested, pod.scoringRequests),
    pods: new Map(base.pods).set(pod.uid, pod),
    podCount: base.podCount + 1,
  };
}

export function withoutPlaced(state: NodeState, pod: PlacedPod): NodeState {
  const pods = new Map(state.pods);
  pods.delete(pod.uid);
  return {
    ...state,
    requested: plus(state.requested, pod.requests, -1),
    scoringRequested: plus(state.scoringRequested, pod.scoringRequests, -1),
    pods,
    podCount: state.podCount - 1,
  };
}
