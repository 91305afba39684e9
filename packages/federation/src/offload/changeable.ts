/**
 * What may be changed in a pod that is bound, as a home sends it. The host is told when this differs from
 * what was last sent. `host/guest-changes.ts` is the other side.
 */
import { type Brand, type Container, digest, type Pod } from '@spillway/core';
import { isOurAnnotation } from '../advert/template.ts';
import { portablePod } from './portability.ts';

export type Changeable = Brand<string, 'Changeable'>;

/** Cost: the pod's metadata and containers. */
export function changeableOf(pod: Pod): Changeable {
  const { labels = {}, annotations = {} } = pod.metadata;
  const { containers, initContainers = [], tolerations } = pod.spec;
  const { metadata } = portablePod({ metadata: { labels, annotations }, spec: { containers: [] } });
  const theirs = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !isOurAnnotation(key),
  );
  const image = (container: Container): unknown => [container.name, container.image];
  return digest(
    JSON.stringify([
      Object.entries(metadata.labels ?? {}).sort(byKey),
      theirs.sort(byKey),
      containers.map(image),
      initContainers.map(image),
      pod.spec['activeDeadlineSeconds'],
      tolerations,
    ]),
  ) as Changeable;
}

function byKey([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}
