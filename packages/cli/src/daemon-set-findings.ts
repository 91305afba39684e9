/**
 * DaemonSets that count virtual nodes as theirs. They are read with the user's own rights, since the agent
 * has none on DaemonSets. The chart's admission policy keeps new ones off. It leaves older ones alone,
 * because a changed template restarts every pod. API servers before 1.36 have no such policy.
 */
import type { Finding } from '@spillway/agent/api-schemas';
import { type PodSpec, type Toleration, wellKnown } from '@spillway/core';

export interface DaemonSet {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

const key = wellKnown.virtualNodeTaint;

/** `clusters`: those that have a virtual node. */
export function daemonSetFindings(
  sets: readonly DaemonSet[],
  clusters: readonly string[],
): readonly Finding[] {
  const check = 'daemonsets' as const;
  const counting = sets.filter(({ spec }) => countsAny(spec.template.spec, clusters));
  if (counting.length === 0) {
    const message = 'no DaemonSet counts virtual nodes';
    return [{ check, severity: 'ok', subject: 'DaemonSets', message }];
  }
  return counting.map(({ metadata: { name, namespace = 'default' }, spec }) => ({
    check,
    severity: 'warning' as const,
    subject: `${namespace}/${name}`,
    message:
      'tolerates every taint, so it counts virtual nodes and its rollout never ends; no pod of it runs there',
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

function countsAny(spec: PodSpec, clusters: readonly string[]): boolean {
  const { tolerations = [] } = spec;
  const tolerated = clusters.some((cluster) =>
    tolerations.some((toleration) => toleratesNodeOf(cluster, toleration)),
  );
  return tolerated && !keptOff(spec);
}

function toleratesNodeOf(cluster: string, toleration: Toleration): boolean {
  if (toleration.key && toleration.key !== key) return false;
  if (toleration.effect && toleration.effect !== 'NoSchedule') return false;
  return toleration.operator === 'Exists' || toleration.value === cluster;
}

/** A virtual node has no other label that a selector may name, but those of its kind. */
function keptOff(spec: PodSpec): boolean {
  const labels = Object.keys(spec.nodeSelector ?? {});
  if (labels.some((label) => !label.startsWith('spillway.dev/'))) return true;
  const terms = requiredTerms(spec);
  return (
    terms.length > 0 &&
    terms.every(({ matchExpressions = [] }) =>
      matchExpressions.some(
        ({ key: label, operator }) =>
          (label === key && operator === 'DoesNotExist') ||
          (!label.startsWith('spillway.dev/') && ['In', 'Exists'].includes(operator)),
      ),
    )
  );
}
