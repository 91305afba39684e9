/**
 * Required pod affinity and anti-affinity, after interpodaffinity/filtering.go: pods that must be
 * near, pods that must not, and pods already there that want the newcomer away.
 */
import type { PodAffinityTerm, PodShape, Verdict } from '@spillway/core';
import type { NodeState, PlacedPod } from '../node-state.ts';
import { matchesLabels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { type FilterStage, passes } from '../stage.ts';

const stage = 'InterPodAffinity';
const notNear: readonly Verdict[] = [
  {
    code: 'UnschedulableAndUnresolvable',
    reason: "node(s) didn't match pod affinity rules",
    stage,
  },
];
const tooNear: readonly Verdict[] = [
  { code: 'Unschedulable', reason: "node(s) didn't match pod anti-affinity rules", stage },
];
const unwanted: readonly Verdict[] = [
  {
    code: 'Unschedulable',
    reason: "node(s) didn't satisfy existing pods anti-affinity rules",
    stage,
  },
];

type Labels = Readonly<Record<string, string>>;
interface Subject {
  readonly namespace: string;
  readonly labels: Labels;
}

export const interPodAffinity: FilterStage = {
  name: stage,
  prepare(shape, snapshot) {
    const affinity =
      shape.affinity.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const antiAffinity =
      shape.affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const repelled = domainsOfRepelling(shape, snapshot);
    if (affinity.length === 0 && antiAffinity.length === 0 && repelled.size === 0) return undefined;
    const { near, far } = domainsOf({ affinity, antiAffinity, shape, snapshot });
    // The first of a group that wants to be together has nobody to be near yet.
    const first =
      near.size === 0 && affinity.every((term) => matchesTerm(term, shape, shape, snapshot));
    return (node) => {
      const together = affinity.every((term) => {
        const value = node.labels[term.topologyKey];
        return value !== undefined && (first || near.has(domain(term.topologyKey, value)));
      });
      if (!together) return notNear;
      for (const { topologyKey } of antiAffinity) {
        const value = node.labels[topologyKey];
        if (value !== undefined && far.has(domain(topologyKey, value))) return tooNear;
      }
      if (repelled.size > 0) {
        for (const key in node.labels) {
          if (repelled.has(domain(key, node.labels[key] ?? ''))) return unwanted;
        }
      }
      return passes;
    };
  },
};

/** Domains that hold a pod with which the shape must be, and must not be, together. */
function domainsOf(options: {
  readonly affinity: readonly PodAffinityTerm[];
  readonly antiAffinity: readonly PodAffinityTerm[];
  readonly shape: PodShape;
  readonly snapshot: Snapshot;
}): { readonly near: ReadonlySet<string>; readonly far: ReadonlySet<string> } {
  const { affinity, antiAffinity, shape, snapshot } = options;
  const near = new Set<string>();
  const far = new Set<string>();
  if (affinity.length === 0 && antiAffinity.length === 0) return { near, far };
  const mark = (node: NodeState, { topologyKey }: PodAffinityTerm, into: Set<string>): void => {
    const value = node.labels[topologyKey];
    if (value !== undefined) into.add(domain(topologyKey, value));
  };
  for (const node of snapshot.nodes()) {
    if (!node.exists) continue;
    for (const pod of node.pods.values()) {
      if (
        affinity.length > 0 &&
        affinity.every((term) => matchesTerm(term, shape, pod, snapshot))
      ) {
        for (const term of affinity) mark(node, term, near);
      }
      for (const term of antiAffinity) {
        if (matchesTerm(term, shape, pod, snapshot)) mark(node, term, far);
      }
    }
  }
  return { near, far };
}

function domainsOfRepelling(shape: PodShape, snapshot: Snapshot): ReadonlySet<string> {
  const repelled = new Set<string>();
  for (const pod of snapshot.repellingPods()) {
    const node = snapshot.node(pod.node);
    if (!node?.exists) continue;
    for (const term of pod.antiAffinity) {
      const value = node.labels[term.topologyKey];
      if (value === undefined || !matchesTerm(term, pod, shape, snapshot)) continue;
      repelled.add(domain(term.topologyKey, value));
    }
  }
  return repelled;
}

/** Whether `term` of `owner` speaks of `subject`. Without namespaces it means the owner's own. */
function matchesTerm(
  term: PodAffinityTerm,
  owner: Subject | PlacedPod,
  subject: Subject,
  snapshot: Snapshot,
): boolean {
  const { namespaces = [], namespaceSelector } = term;
  const named =
    namespaces.length === 0 && namespaceSelector === undefined
      ? owner.namespace === subject.namespace
      : namespaces.includes(subject.namespace);
  const inNamespace =
    named ||
    (namespaceSelector !== undefined &&
      matchesLabels(namespaceSelector, snapshot.namespaceLabels(subject.namespace) ?? {}));
  return inNamespace && matchesLabels(term.labelSelector, subject.labels);
}

function domain(key: string, value: string): string {
  return `${key}\n${value}`;
}
