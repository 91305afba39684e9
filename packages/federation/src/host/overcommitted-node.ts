import type { NodeName, Pod } from '@spillway/core';
import type { Ledger } from '@spillway/scheduling';

/**
 * Whether this shadow, just seen, put its node above its allocatable: the cluster's own scheduler
 * bound a pod there at the same moment. A kubelet would reject the later of the two; we withdraw.
 */
export function overcommitsNode(pod: Pod, ledger: Ledger): boolean {
  const node = pod.spec.nodeName && ledger.snapshot.node(pod.spec.nodeName as NodeName);
  if (!node || !node.exists) return false;
  const { requested, allocatable } = node;
  return (
    requested.milliCpu > allocatable.milliCpu ||
    requested.memoryBytes > allocatable.memoryBytes ||
    node.podCount > node.allocatablePods ||
    [...requested.extended].some(([name, amount]) => amount > (allocatable.extended.get(name) ?? 0))
  );
}
