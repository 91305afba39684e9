/** What a pod's owner is told once its guest exists, whether the commit's answer or the guest stream says so first. */
import { opensPorts } from '../../offload/pod-network.ts';
import type { OffloadedPod } from './offloaded-pod.ts';
import { type OffloadOptions, tell } from './options.ts';

export function tellOffloaded(
  entry: OffloadedPod,
  { emit, joined }: Pick<OffloadOptions, 'emit' | 'joined'>,
): void {
  const { host } = entry;
  tell(entry, { reason: 'Offloaded', message: `runs at ${host}`, warning: false }, emit);
  if (!opensPorts(entry.pod) || joined(host) !== false) return;
  const why = `the pod network of ${host} is not joined with this cluster's`;
  const message = `Services of this cluster do not list it: ${why}`;
  tell(entry, { reason: 'NoEndpoint', message, warning: false }, emit);
}
