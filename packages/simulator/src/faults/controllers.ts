/**
 * Controllers that replace their pods. A ReplicaSet replaces one by another as soon as it has failed, is
 * being deleted or is gone. A StatefulSet replaces it by one of the same name, and the old one must be gone
 * first. Nothing else makes a second copy of a pod in the real world.
 */
import type { Pod, PodUid } from '@spillway/core';
import { refOf } from '@spillway/federation';
import type { ModelApiServer } from '../cluster/api-server.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** Pods that stand for one another have the same; a shadow has its pod's. */
export const copyOfAnnotation = 'sim/copy-of';

const reactMs = 300;

export function startControllers(api: ModelApiServer, time: VirtualTime): void {
  const replaced = new Set<PodUid>();
  let made = 0;
  const replace = (pod: Pod): void => {
    const { uid } = refOf(pod);
    if (replaced.has(uid)) return;
    replaced.add(uid);
    time.after(reactMs, () => {
      const { namespace = '', name = '', annotations, ownerReferences = [] } = pod.metadata;
      const newName = isStateful(pod) ? name : `${name.split('.')[0]}.${made++}`;
      const { nodeName: _node, ...spec } = pod.spec;
      const { [copyOfAnnotation]: copyOf = '' } = annotations ?? {};
      const metadata = {
        name: newName,
        namespace,
        annotations: { [copyOfAnnotation]: copyOf },
        ownerReferences,
      };
      api.whenUp(() => api.create({ metadata, spec }));
    });
  };
  api.watch(({ kind, type, object }) => {
    if (kind !== 'Pod' || object.metadata.ownerReferences === undefined) return;
    const failed = object.status?.phase === 'Failed';
    if (type === 'deleted' && object.status?.phase !== 'Succeeded') replace(object);
    else if (isStateful(object)) {
      if (failed) time.after(reactMs, () => api.whenUp(() => api.delete(refOf(object), 0)));
    } else if (failed || object.metadata.deletionTimestamp !== undefined) replace(object);
  });
}

export function isStateful({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'StatefulSet') ?? false;
}
