/**
 * The partition policy `fence` (docs/adr/0021). No second copy of an offloaded pod runs before its host has
 * confirmed that the first is gone.
 *
 * Kubernetes evicts and replaces the pods of a lost node. It does not do so to pods that tolerate that taint
 * without a limit. So only such pods may leave. The call that binds a pod also writes on it that it is
 * fenced. So this stays true while the pod is away, whatever happens to the policy and to the agent.
 */
import { type Pod, type Toleration, type Verdict, wellKnown } from '@spillway/core';
import type { PlacementPolicy } from '../policy/policy.ts';

/** The taints that Kubernetes puts on a node it can't hear, or hears bad news of. */
const partitionTaints = ['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready'] as const;

/** Annotations to write on a pod when it is bound to a neighbour. */
export function bindingAnnotations(policy: PlacementPolicy): Readonly<Record<string, string>> {
  return policy.partition === 'fence' ? { [wellKnown.partitionAnnotation]: 'fence' } : {};
}

/** The pod as its binding leaves it, which the watch has yet to show. */
export function boundPod(pod: Pod, policy: PlacementPolicy): Pod {
  const annotations = { ...pod.metadata.annotations, ...bindingAnnotations(policy) };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

export function isFenced(pod: Pod): boolean {
  return pod.metadata.annotations?.[wellKnown.partitionAnnotation] === 'fence';
}

/** Why `policy`, which comes from `source`, keeps the pod at home; empty when it may leave. */
export function policyVerdicts(
  pod: Pod,
  policy: PlacementPolicy,
  source: string,
): readonly Verdict[] {
  if (!policy.mayLeave) {
    const reason = `may not leave its home because of ${source}`;
    return [{ code: 'Refused', reason, stage: 'MayLeave' }];
  }
  if (policy.partition !== 'fence') return [];
  const evictedBy = partitionTaints.filter((taint) => !toleratesForEver(pod, taint));
  if (evictedBy.length === 0) return [];
  const reason = `would be replaced when its host can't be heard, which partition policy fence (${source}) rules out: it must tolerate ${evictedBy.join(' and ')} (NoExecute) without tolerationSeconds`;
  return [{ code: 'Refused', reason, stage: 'Fence' }];
}

/** As the taint manager does: of several tolerations that match, the one with the least time counts. */
function toleratesForEver(pod: Pod, taint: string): boolean {
  const matching = (pod.spec.tolerations ?? []).filter((toleration) =>
    tolerates(toleration, taint),
  );
  return (
    matching.length > 0 &&
    matching.every(({ tolerationSeconds }) => tolerationSeconds === undefined)
  );
}

/** Both taints have no value. */
function tolerates({ key, operator, value, effect }: Toleration, taint: string): boolean {
  if (effect && effect !== 'NoExecute') return false;
  if (operator === 'Exists') return !key || key === taint;
  return (operator === undefined || operator === 'Equal') && key === taint && !value;
}
