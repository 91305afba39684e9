/**
 * An OffloadPolicy object as a PlacementPolicy. The API server has checked it by the schema of the CRD. An
 * older schema, or one without CEL, may have let in more. Then the policy has a problem for its author to
 * fix. It is never guessed.
 */
import type { LabelSelector, ObjectMeta } from '@spillway/core';
import {
  type ClusterRequirement,
  type ClusterTerm,
  nearest,
  parsePolicy,
  type PartitionPolicy,
  type PlacementPolicy,
  policyText,
} from './policy.ts';

export interface OffloadPolicy {
  readonly metadata: ObjectMeta;
  readonly spec: OffloadPolicySpec;
}

/** See packages/chart/spillway/files/crds/offloadpolicies.yaml. */
export interface OffloadPolicySpec {
  readonly podSelector?: LabelSelector;
  readonly precedence?: number;
  readonly policy?: string;
  readonly required?: readonly ClusterSelector[];
  readonly preferred?: readonly ClusterSelector[];
  readonly refused?: readonly ClusterSelector[];
  readonly rttMsMax?: number;
  readonly mayLeave?: {
    readonly pods?: 'Always' | 'Matching' | 'Never';
    readonly podSelector?: LabelSelector;
  };
  readonly partition?: PartitionPolicy;
  readonly preemption?: 'BeforeNeighbours' | 'AfterNeighbours';
}

/** One of both. */
export interface ClusterSelector {
  readonly names?: readonly string[];
  readonly selector?: LabelSelector;
}

/** The policy for pods that may leave, or what its author must fix. */
export function placementPolicyOf(
  spec: OffloadPolicySpec,
): PlacementPolicy | { readonly problem: string } {
  const { policy = 'nearest', rttMsMax, partition = 'keep', mayLeave, preemption } = spec;
  const made = {
    ...nearest,
    name: policy as PlacementPolicy['name'],
    require: (spec.required ?? []).map(termOf),
    prefer: (spec.preferred ?? []).map(termOf),
    refuse: (spec.refused ?? []).map(termOf),
    rttMsMax,
    partition,
    mayLeave: mayLeave?.pods !== 'Never',
    preempt: preemption === 'BeforeNeighbours' ? ('first' as const) : ('last' as const),
  };
  // The one reader of policies judges this one too: that it can be written and read again is its check.
  const read = parsePolicy(policyText(made), Number.POSITIVE_INFINITY);
  if ('problem' in read) return read;
  return policyText(read) === policyText(made)
    ? made
    : { problem: `policy ${JSON.stringify(policyText(made))}: names or values can't be read` };
}

function termOf({ names, selector }: ClusterSelector): ClusterTerm {
  const named: readonly ClusterRequirement[] = names
    ? [{ key: 'name', operator: '=', values: names }]
    : [];
  const labelled = Object.entries(selector?.matchLabels ?? {}).map(
    ([key, value]): ClusterRequirement => ({ key, operator: '=', values: [value] }),
  );
  const expressed = (selector?.matchExpressions ?? []).map(
    ({ key, operator, values = [] }): ClusterRequirement => ({
      key,
      operator: operators[operator] ?? '=',
      values,
    }),
  );
  return [...named, ...labelled, ...expressed];
}

const operators: Readonly<Record<string, ClusterRequirement['operator']>> = {
  In: '=',
  NotIn: '!=',
  Exists: 'exists',
  DoesNotExist: 'absent',
};
