/**
 * Who binds a shadow to the node that is held for it. The agent creates the shadow bound; or it creates it
 * unbound and pinned to that node, and a scheduler of the host binds it (docs/adr/0034).
 */
import {
  type NodeName,
  type NodeSelectorTerm,
  type Pod,
  type PodSpec,
  wellKnown,
} from '@spillway/core';

/** Where a shadow is to run. */
export interface ShadowPlace {
  readonly node: NodeName;
  /** The scheduler of the host that binds the shadow there; absent: the agent does so as it creates it. */
  readonly scheduler?: string;
}

const nodeNameField = 'metadata.name';

/** The fields for its place that `spec` has as the spec of a shadow. */
export function shadowSpec(spec: PodSpec, { node, scheduler }: ShadowPlace): PodSpec {
  if (scheduler === undefined) {
    // No other scheduler may ever take it for its own.
    return { ...spec, nodeName: node, schedulerName: wellKnown.schedulerName };
  }
  // The agent has spread it. With one node to choose from, a scheduler would count one domain.
  const { topologySpreadConstraints: _spread, ...rest } = spec;
  return { ...rest, affinity: pinned(spec.affinity, node), schedulerName: scheduler };
}

/** Terms are alternatives, so each of them is pinned. One without any requirement matches no node. */
function pinned(affinity: PodSpec['affinity'], node: NodeName): PodSpec['affinity'] & object {
  const { nodeAffinity } = affinity ?? {};
  const { requiredDuringSchedulingIgnoredDuringExecution: required } = nodeAffinity ?? {};
  const terms = (required?.nodeSelectorTerms ?? [{}]).filter(
    (term) => required === undefined || !isEmpty(term),
  );
  const pin = { key: nodeNameField, operator: 'In', values: [node] };
  return {
    ...affinity,
    nodeAffinity: {
      ...nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((term) => ({
          ...term,
          matchFields: [...(term.matchFields ?? []), pin],
        })),
      },
    },
  };
}

function isEmpty({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean {
  return matchExpressions.length === 0 && matchFields.length === 0;
}

/** The node that an unbound shadow is pinned to. */
export function pinnedNode({ spec }: Pod): NodeName | undefined {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const [term] = required?.nodeSelectorTerms ?? [];
  const pin = term?.matchFields?.findLast(({ key }) => key === nodeNameField);
  return pin?.values?.[0] as NodeName | undefined;
}

/** It has no node, and a scheduler of the host's may still give it one. */
export function isUnbound({ spec, status }: Pod): boolean {
  return !spec.nodeName && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';
}

/** The scheduler has found that it does not fit on its node. */
export function isUnschedulable({ status }: Pod): boolean {
  return (
    status?.conditions?.some(
      ({ type, status: is, reason }) =>
        type === 'PodScheduled' && is === 'False' && reason === 'Unschedulable',
    ) ?? false
  );
}
