/**
 * The service account token that the API server's admission plugin ServiceAccount adds to a pod. A pod that
 * only a manifest describes does not show it, and would seem to need none (kubernetes v1.36.3,
 * plugin/pkg/admission/serviceaccount/admission.go).
 */
import type { Container, Pod, PodSpec } from '@spillway/core';
import { isRecord, type PlacedManifest } from './manifest-objects.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const volumeName = `${volumePrefix}admission`;

/** `shop/web`: the ServiceAccounts among `objects` whose pods get no token unless they ask for it. */
export function withoutToken(
  objects: readonly PlacedManifest[],
  defaultNamespace: string,
): ReadonlySet<string> {
  const accounts = objects.filter(({ manifest }) => {
    const { automountServiceAccountToken } = manifest as { automountServiceAccountToken?: unknown };
    return manifest.kind === 'ServiceAccount' && automountServiceAccountToken === false;
  });
  return new Set(
    accounts.map(({ manifest: { metadata = {} } }) =>
      accountKey(metadata.namespace ?? defaultNamespace, metadata.name ?? ''),
    ),
  );
}

/** `tokenless`: as `withoutToken` returns it. */
export function withToken(pod: Pod, tokenless: ReadonlySet<string>): Pod {
  const { namespace = 'default', annotations } = pod.metadata;
  if (annotations?.['kubernetes.io/config.mirror'] !== undefined) return pod;
  // `serviceAccount` is the older name of the field: the API server reads both.
  const { serviceAccountName, serviceAccount: older } = pod.spec;
  const account = serviceAccountName || (typeof older === 'string' && older) || 'default';
  const spec: PodSpec = { ...pod.spec, serviceAccountName: account };
  const asked = spec['automountServiceAccountToken'];
  const mounts =
    typeof asked === 'boolean' ? asked : !tokenless.has(accountKey(namespace, account));
  return { ...pod, spec: mounts ? withVolume(spec) : spec };
}

function withVolume(spec: PodSpec): PodSpec {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  if (all.every(mountsAnother)) return spec;
  const { name = volumeName } =
    spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix)) ?? {};
  const mounted = (container: Container): Container =>
    mountsAnother(container)
      ? container
      : {
          ...container,
          volumeMounts: [...mountsOf(container), { name, mountPath, readOnly: true }],
        };
  const token = { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
  return {
    ...spec,
    containers: spec.containers.map(mounted),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(mounted) }),
    ...(name === volumeName && { volumes: [...(spec.volumes ?? []), { name, ...token }] }),
  };
}

/** What stands at the token's path already keeps the token out. */
function mountsAnother(container: Container): boolean {
  return mountsOf(container).some((mount) => isRecord(mount) && mount['mountPath'] === mountPath);
}

function mountsOf(container: Container): readonly unknown[] {
  const mounts = container['volumeMounts'];
  return Array.isArray(mounts) ? mounts : [];
}

function accountKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
