/**
 * Selectors that an API server has completed by `matchLabelKeys` and `mismatchLabelKeys`, changed so that a
 * second API server does not complete them again. It would refuse the pod: a key must not be in both the
 * keys and the selector (`ValidateMatchLabelKeysAndMismatchLabelKeys`). The selector keeps what was merged
 * into it. The keys are left out, so that every version selects the same pods.
 *
 * Source: `applyLabelKeysToLabelSelector` of Kubernetes' pkg/registry/core/pod/strategy.go, v1.35 to v1.37.
 */
import type {
  Affinity,
  LabelSelector,
  LabelSelectorRequirement,
  PodAffinity,
  PodAffinityTerm,
  PodSpec,
  TopologySpreadConstraint,
} from '@spillway/core';

type Labels = Readonly<Record<string, string>>;

/** `labels` are the pod's own. What an API server has left undone (a gate that is off) is done here. */
export function mergedOnce(spec: PodSpec, labels: Labels): PodSpec {
  const { affinity, topologySpreadConstraints: spread } = spec;
  return {
    ...spec,
    ...(affinity && { affinity: withTerms(affinity, (term) => mergedTerm(term, labels)) }),
    ...(spread && {
      topologySpreadConstraints: spread.map((constraint) => mergedConstraint(constraint, labels)),
    }),
  };
}

function mergedConstraint(
  { matchLabelKeys, ...rest }: TopologySpreadConstraint,
  labels: Labels,
): TopologySpreadConstraint {
  return withSelector(rest, requirements(matchLabelKeys, 'In', labels));
}

function mergedTerm(
  { matchLabelKeys, mismatchLabelKeys, ...rest }: PodAffinityTerm,
  labels: Labels,
): PodAffinityTerm {
  return withSelector(rest, [
    ...requirements(matchLabelKeys, 'In', labels),
    ...requirements(mismatchLabelKeys, 'NotIn', labels),
  ]);
}

/** A selector that is not there selects nothing, and stays so. */
function withSelector<Selecting extends { readonly labelSelector?: LabelSelector }>(
  selecting: Selecting,
  merged: readonly LabelSelectorRequirement[],
): Selecting {
  const { labelSelector } = selecting;
  if (labelSelector === undefined) return selecting;
  const expressions = labelSelector.matchExpressions ?? [];
  const missing = merged.filter((requirement) => !stands(requirement, expressions));
  if (missing.length === 0) return selecting;
  const matchExpressions = [...expressions, ...missing];
  return { ...selecting, labelSelector: { ...labelSelector, matchExpressions } };
}

function requirements(
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): readonly LabelSelectorRequirement[] {
  return (keys ?? []).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}

/**
 * Any expression with a key of `matchLabelKeys` is the merged one, since an author may not write one. Its
 * value is that of the pod's creation, even if the label has changed since.
 */
function stands(
  { key, operator, values }: LabelSelectorRequirement,
  expressions: readonly LabelSelectorRequirement[],
): boolean {
  return expressions.some(
    (each) =>
      each.key === key &&
      each.operator === operator &&
      (operator === 'In' || (each.values?.length === 1 && each.values[0] === values?.[0])),
  );
}

function withTerms(
  affinity: Affinity,
  change: (term: PodAffinityTerm) => PodAffinityTerm,
): Affinity {
  const { podAffinity, podAntiAffinity } = affinity;
  return {
    ...affinity,
    ...(podAffinity && { podAffinity: changed(podAffinity, change) }),
    ...(podAntiAffinity && { podAntiAffinity: changed(podAntiAffinity, change) }),
  };
}

function changed(
  affinity: PodAffinity,
  change: (term: PodAffinityTerm) => PodAffinityTerm,
): PodAffinity {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: required,
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
  } = affinity;
  return {
    ...(required && { requiredDuringSchedulingIgnoredDuringExecution: required.map(change) }),
    ...(preferred && {
      preferredDuringSchedulingIgnoredDuringExecution: preferred.map((each) => ({
        ...each,
        podAffinityTerm: change(each.podAffinityTerm),
      })),
    }),
  };
}
