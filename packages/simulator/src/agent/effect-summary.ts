/** Effects in a line each, for the story of a seed. */
import type { Pod, PodUid } from '@spillway/core';
import { type HomeEffect, type HostEffect, refOf } from '@spillway/federation';

export function summary(effect: HomeEffect | HostEffect): string {
  const uids = (pods: readonly Pod[]): readonly PodUid[] => pods.map((pod) => refOf(pod).uid);
  const { kind } = effect;
  if (kind === 'commit') return `commit to ${effect.host}: ${uids(effect.request.pods).join(' ')}`;
  if (kind === 'update') return `update at ${effect.host}: ${uids(effect.request.pods).join(' ')}`;
  if (kind === 'reserve') return `reserve ${effect.request.count} at ${effect.host}`;
  if (kind === 'try') {
    return 'tryId' in effect
      ? `try at ${effect.host}: ${uids(effect.request.pods).join(' ')}`
      : `try ${refOf(effect.pod).uid} of ${effect.home}`;
  }
  if (kind === 'create') return `create ${effect.guest.uid} on ${effect.place.node}`;
  return JSON.stringify(effect);
}
