/** Which pods are ours to place (design, "How a pod travels", 1). We take nothing else. */
import { type Pod, wellKnown } from '@spillway/core';

/**
 * `named`: the pod names Spillway as its scheduler, so no other scheduler places it.
 * `offered`: its namespace lets it leave and the home's own scheduler found it Unschedulable.
 */
export type Eligibility = 'named' | 'offered';

export function eligibilityOf(pod: Pod, namespaceOffloads: boolean): Eligibility | undefined {
  const { metadata, spec, status } = pod;
  if (spec.nodeName || metadata.deletionTimestamp !== undefined) return undefined;
  if ((status?.phase ?? 'Pending') !== 'Pending' || spec.schedulingGates?.length) return undefined;
  if (metadata.labels?.[wellKnown.homeLabel] !== undefined) return undefined;
  if (spec.schedulerName === wellKnown.schedulerName) return 'named';
  // A nominated pod waits for its own preemption victims to leave: it has room at home.
  if (!namespaceOffloads || status?.nominatedNodeName) return undefined;
  const unschedulable = status?.conditions?.some(
    (condition) =>
      condition.type === 'PodScheduled' &&
      condition.status === 'False' &&
      condition.reason === 'Unschedulable',
  );
  return unschedulable ? 'offered' : undefined;
}
