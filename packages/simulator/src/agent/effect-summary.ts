/** Work in a line each, for the story of a seed. */
import type { Work } from '@spillway/agent-core';
import type { Pod, PodUid } from '@spillway/core';
import { refOf } from '@spillway/federation';

export function summary(work: Work): string {
  const uids = (pods: readonly Pod[]): readonly PodUid[] => pods.map((pod) => refOf(pod).uid);
  const { kind } = work;
  if (kind === 'commit' || kind === 'update' || kind === 'try') {
    return `${kind} at ${work.host}: ${uids(work.request.pods).join(' ')}`;
  }
  if (kind === 'reserve') return `reserve ${work.request.count} at ${work.host}`;
  if (kind === 'tryShadow') return `try ${refOf(work.pod).uid} of ${work.home}`;
  if (kind === 'createShadow') return `create ${work.guest.uid} on ${work.place.node}`;
  return JSON.stringify(work);
}
