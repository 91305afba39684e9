/** PersistentVolumeClaims that do not exist yet, as the API server and its controllers would make them. */
import type { PersistentVolumeClaim, Pod } from '@spillway/core';
import type { Snapshot } from '@spillway/scheduling';

const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

/** `claims` that exist already stay as they are. Those that name no class get the default one. */
export function withNewClaims(
  snapshot: Snapshot,
  claims: readonly PersistentVolumeClaim[],
): Snapshot {
  const storageClassName = defaultClass(snapshot);
  return claims.reduce((known, claim) => {
    const { namespace = 'default', name = '' } = claim.metadata;
    if (known.claim(namespace, name) !== undefined) return known;
    return known.withLookedUp('PersistentVolumeClaim', {
      metadata: { ...claim.metadata, namespace },
      spec: { ...(storageClassName !== undefined && { storageClassName }), ...claim.spec },
      status: { phase: 'Pending' },
    });
  }, snapshot);
}

/** Those of the pod's generic ephemeral volumes. The pod owns them. */
export function ephemeralClaims({ metadata, spec }: Pod): readonly PersistentVolumeClaim[] {
  const { name = '', namespace = 'default', uid = '' } = metadata;
  const owner = { apiVersion: 'v1', kind: 'Pod', name, uid, controller: true };
  return (spec.volumes ?? []).flatMap((volume) => {
    const { volumeClaimTemplate } = (volume.ephemeral ?? {}) as {
      readonly volumeClaimTemplate?: { readonly spec?: PersistentVolumeClaim['spec'] };
    };
    if (volumeClaimTemplate === undefined) return [];
    const claim = { name: `${name}-${volume.name}`, namespace, ownerReferences: [owner] };
    const { spec: asked } = volumeClaimTemplate;
    return [{ metadata: claim, ...(asked && { spec: asked }) }];
  });
}

/** Of several the newest, as admission chooses. */
function defaultClass(snapshot: Snapshot): string | undefined {
  const defaults = [...snapshot.all('StorageClass')].filter(
    ({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true',
  );
  const age = ({ metadata }: (typeof defaults)[number]): string => metadata.creationTimestamp ?? '';
  return defaults.toSorted((a, b) => (age(a) < age(b) ? 1 : -1))[0]?.metadata.name;
}
