/** Small objects for tests of the stages: nodes that differ in CPU and labels, pods in CPU and priority. */
import {
  type LookedUpKind,
  type LookedUpObjects,
  type Node,
  type Pod,
  type PodShape,
  type PodSpec,
  type PodStatus,
  shapeOf,
} from '@spillway/core';
import { Snapshot } from '../snapshot.ts';

export function node(name: string, cpu: string, labels: Record<string, string> = {}): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    status: { allocatable: { cpu, memory: '8Gi', pods: '110' } },
  };
}

export interface PodFacts {
  readonly cpu?: string;
  readonly node?: string;
  readonly metadata?: Partial<Pod['metadata']>;
  readonly spec?: Partial<PodSpec>;
  readonly status?: PodStatus;
}

export function pod(name: string, { cpu = '1', node: on, metadata, spec, status }: PodFacts): Pod {
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
    spec: {
      ...(on !== undefined && { nodeName: on }),
      containers: [{ name: 'c', resources: { requests: { cpu } } }],
      ...spec,
    },
    ...(status && { status }),
  };
}

export function shape(facts: PodFacts = {}): PodShape {
  return shapeOf(pod('new', facts));
}

/** `looked` are objects that stages look up, each with its kind. */
export function snapshotOf(given: {
  readonly nodes: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly looked?: readonly Looked[];
}): Snapshot {
  let snapshot = Snapshot.empty;
  for (const each of given.nodes) snapshot = snapshot.withNode(each);
  for (const each of given.pods ?? []) snapshot = snapshot.withPod(each);
  for (const { kind, object } of given.looked ?? []) snapshot = snapshot.withLookedUp(kind, object);
  return snapshot;
}

export interface Looked<Kind extends LookedUpKind = LookedUpKind> {
  readonly kind: Kind;
  readonly object: LookedUpObjects[Kind];
}

export function looked<Kind extends LookedUpKind>(
  kind: Kind,
  object: LookedUpObjects[Kind],
): Looked<Kind> {
  return { kind, object };
}
