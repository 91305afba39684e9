/**
 * Required node affinity to nodes by name (`matchFields`), as DaemonSets have it. kube-scheduler takes
 * those nodes alone before it filters (PreFilterResult of nodeaffinity/node_affinity.go), so all
 * others get this verdict and no other.
 */
import type { NodeSelectorTerm, Verdict } from '@spillway/core';
import { type FilterStage, passes } from '../stage.ts';

const stage = 'NodeAffinity';
const code = 'UnschedulableAndUnresolvable';
const elsewhere: readonly Verdict[] = [
  { code, reason: "node(s) didn't satisfy plugin(s) [NodeAffinity]", stage },
];
const conflict: Verdict = { code, reason: 'pod affinity terms conflict', stage };

export const pinnedNodes: FilterStage = {
  name: stage,
  prepare({ affinity }) {
    const required = affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required === undefined || required.nodeSelectorTerms.length === 0) return undefined;
    const names = new Set<string>();
    for (const term of required.nodeSelectorTerms) {
      const named = namedBy(term);
      // Terms are alternatives: one that names no node leaves all of them open.
      if (named === undefined) return undefined;
      for (const name of named) names.add(name);
    }
    if (names.size === 0) return { rejected: conflict };
    return { check: (node) => (names.has(node.name) ? passes : elsewhere) };
  },
};

function namedBy({ matchFields = [] }: NodeSelectorTerm): readonly string[] | undefined {
  let named: readonly string[] | undefined;
  for (const { key, operator, values = [] } of matchFields) {
    if (key !== 'metadata.name' || operator !== 'In') continue;
    named = named === undefined ? values : named.filter((name) => values.includes(name));
  }
  return named;
}
