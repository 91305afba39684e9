/**
 * A pod's shape: all that decides where it fits. Pods of equal key are interchangeable to every stage
 * of the pipeline, so equivalence is computed once and a batch of them is decided together.
 */
import type { Brand } from './brand.ts';
import type {
  Affinity,
  Container,
  Pod,
  Toleration,
  TopologySpreadConstraint,
} from './kubernetes-objects.ts';
import { isSidecar, podRequests, podScoringRequests } from './pod-requests.ts';
import type { Resources } from './resources.ts';
import type { Verdict } from './verdict.ts';

export type ShapeKey = Brand<string, 'ShapeKey'>;

export interface HostPort {
  /** `0.0.0.0` means every address. */
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** A PersistentVolumeClaim of the pod's namespace. */
export interface PodClaim {
  readonly name: string;
  /** Of the pod that must own it: the claim of a generic ephemeral volume. */
  readonly ownerUid?: string;
}

export interface PodShape {
  readonly key: ShapeKey;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly requests: Resources;
  /** For scores only: containers that ask nothing count a little. */
  readonly scoringRequests: Resources;
  readonly hostPorts: readonly HostPort[];
  readonly nodeName: string | undefined;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity: Affinity;
  readonly tolerations: readonly Toleration[];
  readonly spread: readonly TopologySpreadConstraint[];
  readonly claims: readonly PodClaim[];
  /** What we can't judge yet: a pod with any of these stays pending. */
  readonly unsupported: readonly Verdict[];
}

/** Shapes remembered by the text of their pods: the pods of one controller differ in nothing else. */
const rememberedMax = 4_096;
const remembered = new Map<string, PodShape>();

/** @throws Fault `InvalidQuantity`. Cost: the pod's size; a third of that for texts seen before. */
export function shapeOf(pod: Pod): PodShape {
  const text = textOf(pod);
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const shape = reduced(pod);
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(text, shape);
  return shape;
}

function reduced(pod: Pod): PodShape {
  const { metadata, spec } = pod;
  const parts = {
    namespace: metadata.namespace ?? 'default',
    labels: metadata.labels ?? {},
    requests: podRequests(pod),
    scoringRequests: podScoringRequests(pod),
    hostPorts: hostPortsOf(pod),
    nodeName: spec.nodeName || undefined,
    nodeSelector: spec.nodeSelector ?? {},
    affinity: spec.affinity ?? {},
    tolerations: spec.tolerations ?? [],
    spread: spec.topologySpreadConstraints ?? [],
    claims: claimsOf(pod),
    unsupported: unsupportedOf(pod),
  };
  return { ...parts, key: canonical(parts) as ShapeKey };
}

/** All of a pod that its shape is made from, as it stands. Whatever `reduced` reads must be in it. */
function textOf({ metadata, spec }: Pod): string {
  const container = ({ resources, ports, restartPolicy, ...rest }: Container): unknown => [
    resources?.requests,
    ports,
    restartPolicy,
    rest['restartPolicyRules'],
    hasBindMountOptions(rest),
  ];
  return JSON.stringify([
    metadata.namespace,
    metadata.labels,
    spec.containers.map(container),
    spec.initContainers?.map(container),
    spec.overhead,
    spec.resources?.requests,
    spec.nodeName,
    spec.nodeSelector,
    spec.affinity,
    spec.tolerations,
    spec.topologySpreadConstraints,
    // The token volume, whose name is random, decides nothing.
    spec.volumes?.filter((volume) => !('projected' in volume)),
    spec.volumes?.some(({ ephemeral }) => ephemeral) && [metadata.name, metadata.uid],
    spec.schedulingGates,
    spec.resourceClaims,
    spec['schedulingGroup'],
    spec['workloadRef'],
    spec['hostUsers'] === false && spec.hostNetwork === true,
  ]);
}

/** Ports of the node that the pod's containers, sidecars included, ask for. */
export function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  const ports: HostPort[] = [];
  const take = (container: Container): void => {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (!hostPort) continue;
      ports.push({ ip: hostIP || '0.0.0.0', protocol: protocol ?? 'TCP', port: hostPort });
    }
  };
  for (const container of spec.containers) take(container);
  for (const container of spec.initContainers ?? []) if (isSidecar(container)) take(container);
  return ports;
}

/** The claims that its volumes name, and those that kube-controller-manager makes for it. */
export function claimsOf({ metadata, spec }: Pod): readonly PodClaim[] {
  const claims: PodClaim[] = [];
  for (const { name, persistentVolumeClaim, ephemeral } of spec.volumes ?? []) {
    if (persistentVolumeClaim !== undefined) claims.push({ name: persistentVolumeClaim.claimName });
    else if (ephemeral !== undefined) {
      claims.push({ name: `${metadata.name}-${name}`, ownerUid: metadata.uid ?? '' });
    }
  }
  return claims;
}

/** Volumes that must not be mounted twice (VolumeRestrictions). */
const unsupportedVolumes = ['gcePersistentDisk', 'awsElasticBlockStore', 'rbd', 'iscsi'];

/** An extended resource that no node has: a scheduler makes a ResourceClaim of it (KEP-5004). */
const deviceClassPrefix = 'deviceclass.resource.kubernetes.io/';

/** KEP-5855, alpha in 1.37. */
function hasBindMountOptions(container: Readonly<Record<string, unknown>>): boolean {
  const mounts = (container['volumeMounts'] ?? []) as readonly {
    readonly bindMountOptions?: readonly string[];
  }[];
  return mounts.some(({ bindMountOptions = [] }) => bindMountOptions.length > 0);
}

function unsupportedOf({ spec }: Pod): readonly Verdict[] {
  const reasons: string[] = [];
  if (spec.schedulingGates?.length) reasons.push('pod has scheduling gates');
  if (spec.resourceClaims?.length) reasons.push('pod has resource claims (DRA)');
  // 1.35 has `workloadRef` (alpha), which 1.36 replaced.
  if (spec['schedulingGroup'] !== undefined || spec['workloadRef'] !== undefined) {
    reasons.push('pod belongs to a scheduling group');
  }
  for (const volume of spec.volumes ?? []) {
    const source = unsupportedVolumes.find((name) => name in volume);
    if (source !== undefined) reasons.push(`pod has a volume of kind ${source}`);
  }
  // What kube-scheduler asks of a node's declared features (KEP-5328).
  if (spec['hostUsers'] === false && spec.hostNetwork) {
    reasons.push("pod has a user namespace of its own on its node's network");
  }
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  if (all.some(hasBindMountOptions)) reasons.push('pod mounts a volume with bind mount options');
  const rules = all.flatMap((container) => container['restartPolicyRules'] ?? []);
  if (JSON.stringify(rules).includes('RestartAllContainers')) {
    reasons.push('pod has a container that restarts all containers');
  }
  const asked = all.flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
  const classResource = asked.find((name) => name.startsWith(deviceClassPrefix));
  if (classResource !== undefined) reasons.push(`pod asks for ${classResource} (DRA)`);
  return reasons.map((reason) => ({ code: 'Unsupported', reason, stage: 'Unsupported' }));
}

/** Equal values give equal text whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Map)
      return [...(inner as Map<string, number>)].sort(([a], [b]) => (a < b ? -1 : 1));
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
