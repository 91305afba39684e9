/**
 * Required pod affinity and anti-affinity, after interpodaffinity/filtering.go: pods that must be
 * near, pods that must not, and pods already there that want the newcomer away.
 */
import type { PodAffinityTerm, PodShape, Verdict } from '@spillway/core';
import { speaksOf } from '../affinity-term.ts';
import { DomainSet } from '../domains.ts';
import type { NodeState } from '../node-state.ts';
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

export const interPodAffinity: FilterStage = {
  name: stage,
  prepare(shape, snapshot) {
    const { podAffinity, podAntiAffinity } = shape.affinity;
    const affinity = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const antiAffinity = podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const repelled = domainsOfRepelling(shape, snapshot);
    if (affinity.length === 0 && antiAffinity.length === 0) {
      if (repelled.size === 0) return undefined;
      return { check: (node) => (repelled.include(node) ? unwanted : passes) };
    }
    const { near, far } = domainsOf({ affinity, antiAffinity, shape, snapshot });
    const speaksOfItself = (term: PodAffinityTerm): boolean =>
      speaksOf(term, shape.namespace, shape, snapshot);
    const likesItself = affinity.every(speaksOfItself);
    const shunsItself = antiAffinity.filter(speaksOfItself);
    return {
      check(node) {
        // The first pod of a group that must be together has no other pod to be near.
        const first = likesItself && near.size === 0;
        for (const { topologyKey } of affinity) {
          const value = node.labels[topologyKey];
          if (value === undefined || !(first || near.has(topologyKey, value))) return notNear;
        }
        for (const { topologyKey } of antiAffinity) {
          const value = node.labels[topologyKey];
          if (value !== undefined && far.has(topologyKey, value)) return tooNear;
        }
        return repelled.include(node) ? unwanted : passes;
      },
      placed(node) {
        if (likesItself) mark(node, affinity, near);
        mark(node, shunsItself, far);
      },
    };
  },
};

/** Domains that hold a pod with which the shape must be, and must not be, together. */
function domainsOf(options: {
  readonly affinity: readonly PodAffinityTerm[];
  readonly antiAffinity: readonly PodAffinityTerm[];
  readonly shape: PodShape;
  readonly snapshot: Snapshot;
}): { readonly near: DomainSet; readonly far: DomainSet } {
  const { affinity, antiAffinity, shape, snapshot } = options;
  const near = new DomainSet();
  const far = new DomainSet();
  for (const node of snapshot.nodes()) {
    if (!node.exists) continue;
    for (const pod of node.pods.values()) {
      const speaks = (term: PodAffinityTerm): boolean =>
        speaksOf(term, shape.namespace, pod, snapshot);
      // One pod must satisfy all terms of affinity together.
      if (affinity.length > 0 && affinity.every(speaks)) mark(node, affinity, near);
      for (const term of antiAffinity) if (speaks(term)) mark(node, [term], far);
    }
  }
  return { near, far };
}

function domainsOfRepelling(shape: PodShape, snapshot: Snapshot): DomainSet {
  const repelled = new DomainSet();
  for (const pod of snapshot.repellingPods()) {
    const node = snapshot.node(pod.node);
    if (!node?.exists) continue;
    for (const term of pod.antiAffinity) {
      if (speaksOf(term, pod.namespace, shape, snapshot)) mark(node, [term], repelled);
    }
  }
  return repelled;
}

function mark(node: NodeState, terms: readonly PodAffinityTerm[], into: DomainSet): void {
  for (const { topologyKey } of terms) {
    const value = node.labels[topologyKey];
    if (value !== undefined) into.add(topologyKey, value);
  }
}
