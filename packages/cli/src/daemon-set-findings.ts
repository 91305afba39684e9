/**
 * DaemonSets that count virtual nodes as theirs. They are read with the user's own rights, since the agent
 * has none on DaemonSets. The chart's admission policy keeps new ones off. It leaves older ones alone,
 * because a changed template restarts every pod. API servers before 1.36 have no such policy.
 */
import type { Finding } from '@spillway/agent/api-schemas';
import { type Node, type PodSpec, wellKnown } from '@spillway/core';
import { matchesNodeSelection, untoleratedTaint } from '@spillway/scheduling';

export interface DaemonSet {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

const key = wellKnown.virtualNodeTaint;

/** `nodes`: the virtual ones. */
export function daemonSetFindings(
  sets: readonly DaemonSet[],
  nodes: readonly Node[],
): readonly Finding[] {
  const check = 'daemonsets' as const;
  const counting = sets.filter(({ spec }) => countsAny(spec.template.spec, nodes));
  if (counting.length === 0) {
    const message = 'no DaemonSet counts virtual nodes';
    return [{ check, severity: 'ok', subject: 'DaemonSets', message }];
  }
  return counting.map(({ metadata: { name, namespace = 'default' }, spec }) => ({
    check,
    severity: 'warning' as const,
    subject: `${namespace}/${name}`,
    message:
      'tolerates the taint of virtual nodes, so it counts them and its rollout never ends; no pod of it runs there',
    remedy: remedyOf(spec.template.spec).join('\n'),
  }));
}

/** A virtual node has no operating system. Terms that are there already may be alternatives for several. */
function remedyOf(spec: PodSpec): readonly string[] {
  if (requiredTerms(spec).length === 0) {
    return [
      'add these lines to the spec of its template:',
      'nodeSelector:',
      '  kubernetes.io/os: linux',
    ];
  }
  return [
    'add these lines to each item of nodeSelectorTerms in the required nodeAffinity of its template:',
    'matchExpressions:',
    `- key: ${key}`,
    '  operator: DoesNotExist',
  ];
}

function requiredTerms({ affinity }: PodSpec) {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required?.nodeSelectorTerms ?? [];
}

function countsAny(spec: PodSpec, nodes: readonly Node[]): boolean {
  return nodes.some((node) => counts(spec, node));
}

/** As the DaemonSet controller decides. It adds tolerations of the taints that a node's conditions bring. */
function counts(spec: PodSpec, { metadata, spec: { taints = [] } = {} }: Node): boolean {
  const { name = '', labels = {} } = metadata;
  const lasting = taints.filter(({ key }) => !key.startsWith('node.kubernetes.io/'));
  return (
    untoleratedTaint(lasting, spec.tolerations ?? []) === undefined &&
    matchesNodeSelection(spec, { name, labels })
  );
}
