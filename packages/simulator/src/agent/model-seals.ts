/** Seals without a key: nobody in a simulated world forges one. */
import { type ClusterName, wellKnown } from '@spillway/core';
import { refOf, type Seals } from '@spillway/federation';

export function modelSeals(home: ClusterName): Seals {
  const seal: Seals['seal'] = (uid, host) => `${home}/${host}/${uid}`;
  return {
    seal,
    holds: (pod, host) =>
      pod.metadata.annotations?.[wellKnown.boundByAnnotation] === seal(refOf(pod).uid, host),
  };
}
