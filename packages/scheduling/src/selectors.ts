/** Label and node selectors as k8s.io/apimachinery and component-helpers match them. */
import type {
  LabelSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodSpec,
  Taint,
  Toleration,
} from '@spillway/core';

type Labels = Readonly<Record<string, string>>;

export interface SelectableNode {
  /** Absent where upstream looks at labels only: then field requirements are passed over. */
  readonly name?: string;
  readonly labels: Labels;
}

/** An absent selector matches nothing, an empty one everything. */
export function matchesLabels(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  for (const key in selector.matchLabels) {
    if (labels[key] !== selector.matchLabels[key]) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) =>
    matchesRequirement(requirement, labels[requirement.key]),
  );
}

/** Whether a selector is empty, so that it matches everything. */
export function isEmptySelector({ matchLabels, matchExpressions }: LabelSelector): boolean {
  for (const _key in matchLabels) return false;
  return (matchExpressions?.length ?? 0) === 0;
}

/** Whether any term matches; a term without requirements matches nothing. */
export function matchesTerms(terms: readonly NodeSelectorTerm[], node: SelectableNode): boolean {
  return terms.some((term) => matchesTerm(term, node));
}

export function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  node: SelectableNode,
): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) =>
      matchesRequirement(requirement, node.labels[requirement.key]),
    ) &&
    (node.name === undefined ||
      matchFields.every(
        (field) => field.key === 'metadata.name' && matchesRequirement(field, node.name),
      ))
  );
}

/** nodeSelector and required node affinity together. */
export function matchesNodeSelection(
  spec: Pick<PodSpec, 'nodeSelector' | 'affinity'>,
  node: SelectableNode,
): boolean {
  for (const key in spec.nodeSelector) {
    if (node.labels[key] !== spec.nodeSelector[key]) return false;
  }
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesTerms(required.nodeSelectorTerms, node);
}

export function matchesRequirement(
  { operator, values = [] }: NodeSelectorRequirement,
  value: string | undefined,
): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt':
      return comparesAs(operator, integer(value), integer(values[0]));
    default:
      return false;
  }
}

/** The first taint that keeps pods from being scheduled and is not tolerated. */
export function untoleratedTaint(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
): Taint | undefined {
  return taints.find(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || 'Equal') {
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    // Lt and Gt are behind a feature gate that is off by default: they tolerate nothing.
    default:
      return false;
  }
}

function comparesAs(operator: 'Gt' | 'Lt', a: bigint | undefined, b: bigint | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return operator === 'Gt' ? a > b : a < b;
}

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text)
    ? BigInt(text.replace(/^\+/, ''))
    : undefined;
}
