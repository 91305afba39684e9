/** The pods that manifests would make, as their controllers would make them and the API server would complete them. */
import { Fault, type PersistentVolumeClaim, type Pod, type PodSpec } from '@spillway/core';
import { requireReadable } from '@spillway/federation';
import { isRecord, type Manifest, type Metadata, type PlacedManifest } from './manifest-objects.ts';
import { withToken } from './service-account-token.ts';

export interface PodsContext {
  /** Of objects that name none. */
  readonly namespace: string;
  /** As `withoutToken` returns it. */
  readonly tokenless: ReadonlySet<string>;
}

/** How many pods each kind makes at once. */
const counts: Readonly<Record<string, (spec: NonNullable<Manifest['spec']>) => number>> = {
  Deployment: ({ replicas = 1 }) => replicas,
  ReplicaSet: ({ replicas = 1 }) => replicas,
  StatefulSet: ({ replicas = 1 }) => replicas,
  Job: ({ parallelism = 1, completions = parallelism }) => Math.min(parallelism, completions),
};

/** Undefined: its kind makes no pods, or is not read here. @throws Fault `InvalidInput`, `InvalidQuantity` */
export function podsOf(
  placed: PlacedManifest,
  context: PodsContext,
): { readonly count: number; readonly pod: Pod } | undefined {
  const { manifest, where } = placed;
  const { kind, spec } = manifest;
  if (kind === 'Pod') {
    const { metadata = {} } = manifest;
    return { count: 1, pod: completed({ metadata, spec }, where, context) };
  }
  const countOf = counts[kind];
  if (countOf === undefined) return undefined;
  const count = countOf(spec ?? {});
  if (!Number.isInteger(count) || count < 0)
    throw new Fault('InvalidInput', `${where}: expected a whole number of pods, got ${count}`);
  return { count, pod: podOfTemplate(placed, spec?.template, context) };
}

/** A pod of `template`, which stands in the object `placed`. @throws Fault `InvalidInput`, `InvalidQuantity` */
export function podOfTemplate(
  { manifest, where }: PlacedManifest,
  template: unknown,
  context: PodsContext,
): Pod {
  const { metadata = {} } = manifest;
  const { metadata: ownMetadata, spec } = isRecord(template) ? template : {};
  const own = isRecord(ownMetadata) ? ownMetadata : {};
  const name = `${metadata.name ?? metadata.generateName ?? ''}-dry-run`;
  const namespace = metadata.namespace ?? context.namespace;
  const volumes = claimTemplates(manifest).map((claim) => ({
    name: claim.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimNameOf(claim, metadata) },
  }));
  const pod = completed({ metadata: { ...own, name, namespace }, spec }, where, context);
  if (volumes.length === 0) return pod;
  return { ...pod, spec: { ...pod.spec, volumes: [...(pod.spec.volumes ?? []), ...volumes] } };
}

export function claimIn(manifest: Manifest, namespace: string): PersistentVolumeClaim {
  const { metadata, spec } = manifest as PersistentVolumeClaim;
  return { metadata: { ...metadata, namespace }, ...(isRecord(spec) && { spec }) };
}

/** The claims of a StatefulSet's first pod: those of its others are like them. */
export function firstClaims(
  manifest: Manifest,
  namespace: string,
): readonly PersistentVolumeClaim[] {
  return claimTemplates(manifest).map((template) => {
    const claim = claimIn({ apiVersion: 'v1', kind: '', ...template }, namespace);
    const name = claimNameOf(template, manifest.metadata ?? {});
    return { ...claim, metadata: { ...claim.metadata, name } };
  });
}

function claimTemplates({ spec }: Manifest): readonly { readonly metadata?: Metadata }[] {
  const templates: unknown = spec?.volumeClaimTemplates;
  return Array.isArray(templates) ? templates.filter(isRecord) : [];
}

function claimNameOf(template: { readonly metadata?: Metadata }, set: Metadata): string {
  return `${template.metadata?.name ?? ''}-${set.name ?? ''}-0`;
}

/** @throws Fault `InvalidInput`, `InvalidQuantity` */
function completed(
  { metadata, spec }: { readonly metadata: Metadata; readonly spec: unknown },
  where: string,
  { namespace, tokenless }: PodsContext,
): Pod {
  const containers = isRecord(spec) ? spec['containers'] : undefined;
  if (!Array.isArray(containers) || containers.length === 0)
    throw new Fault('InvalidInput', `${where} has no containers`);
  const { initContainers = [] } = spec as { readonly initContainers?: unknown };
  const all = Array.isArray(initContainers) ? [...initContainers, ...containers] : [initContainers];
  for (const container of all) {
    if (!isRecord(container) || !isRecord(container['resources'] ?? {}))
      throw new Fault(
        'InvalidInput',
        `${where}: expected each container to be a map with a name, and its resources another`,
      );
  }
  const { generateName: _made, ...rest } = metadata;
  const read = {
    metadata: { ...rest, namespace: metadata.namespace ?? namespace },
    spec: withDefaultRequests(spec as PodSpec),
  };
  requireReadable(where, read);
  return withToken(read, tokenless);
}

/** As the API server does: who limits a resource and asks none of it asks as much as the limit. */
function withDefaultRequests(spec: PodSpec): PodSpec {
  const defaulted = <T extends PodSpec['containers'][number]>(container: T): T => {
    const { limits, requests } = container.resources ?? {};
    if (limits === undefined) return container;
    return {
      ...container,
      resources: { ...container.resources, requests: { ...limits, ...requests } },
    };
  };
  return {
    ...spec,
    containers: spec.containers.map(defaulted),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(defaulted) }),
  };
}
