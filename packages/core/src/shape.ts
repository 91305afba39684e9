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
import { podRequests, podScoringRequests } from './pod-requests.ts';
import type { Resources } from './resources.ts';
import type { Verdict } from './verdict.ts';

export type ShapeKey = Brand<string, 'ShapeKey'>;

export interface HostPort {
  /** `0.0.0.0` means every address. */
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
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
  /** PersistentVolumeClaims of its namespace. */
  readonly claims: readonly string[];
  /** What we can't judge yet: a pod with any of these stays pending. */
  readonly unsupported: readonly Verdict[];
}

/** @throws Fault `InvalidQuantity`. Cost: the pod's size, once. */
export function shapeOf(pod: Pod): PodShape {
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
  for (const container of spec.initContainers ?? [])
    if (container.restartPolicy === 'Always') take(container);
  return ports;
}

function claimsOf({ metadata, spec }: Pod): readonly string[] {
  const claims: string[] = [];
  for (const volume of spec.volumes ?? []) {
    if (volume.persistentVolumeClaim) claims.push(volume.persistentVolumeClaim.claimName);
    // A generic ephemeral volume's claim is named after pod and volume.
    else if ('ephemeral' in volume) claims.push(`${metadata.name ?? ''}-${volume.name}`);
  }
  return claims;
}

function unsupportedOf({ spec }: Pod): readonly Verdict[] {
  const stage = 'Unsupported';
  const verdicts: Verdict[] = [];
  if (spec.resourceClaims?.length) {
    verdicts.push({ code: 'Unsupported', reason: 'has resource claims (DRA)', stage });
  }
  if (spec.schedulingGates?.length) {
    verdicts.push({ code: 'Unsupported', reason: 'has scheduling gates', stage });
  }
  for (const volume of spec.volumes ?? []) {
    const exclusive = ['gcePersistentDisk', 'awsElasticBlockStore', 'azureDisk', 'rbd', 'iscsi'];
    const source = exclusive.find((name) => name in volume);
    if (source !== undefined) {
      verdicts.push({ code: 'Unsupported', reason: `has a ${source} volume`, stage });
    }
  }
  return verdicts;
}

/** Equal values give equal text whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Map) return [...(inner as Map<string, number>)].sort();
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
