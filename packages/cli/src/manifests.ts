/** The pods that manifests would make, as their controllers would make them. */
import type { DryRunQuestion } from '@spillway/agent/answers';
import { Fault, type PersistentVolumeClaim, type Pod, type PodSpec } from '@spillway/core';
import { requireReadable } from '@spillway/federation';
import type { ManifestSource } from './manifest-files.ts';
import type { PriorityClass } from './priorities.ts';
import {
  isRecord,
  type Manifest,
  type Metadata,
  nameOf,
  objectsIn,
  type PlacedManifest,
} from './manifest-objects.ts';

export interface Manifests {
  readonly batches: DryRunQuestion['batches'];
  readonly namespaces: DryRunQuestion['namespaces'];
  readonly claims: DryRunQuestion['claims'];
  readonly priorityClasses: readonly PriorityClass[];
  /** `service/web`: what makes no pods that are scheduled. */
  readonly skipped: readonly string[];
}

/** How many pods each kind makes at once. */
const counts: Readonly<Record<string, (spec: NonNullable<Manifest['spec']>) => number>> = {
  Deployment: ({ replicas = 1 }) => replicas,
  ReplicaSet: ({ replicas = 1 }) => replicas,
  StatefulSet: ({ replicas = 1 }) => replicas,
  Job: ({ parallelism = 1, completions = parallelism }) => Math.min(parallelism, completions),
};

/** @throws Fault `InvalidInput` naming file, document, object and what is wrong with it. */
export function batchesIn(sources: readonly ManifestSource[], defaultNamespace: string): Manifests {
  const batches: DryRunQuestion['batches'] = [];
  const namespaces: DryRunQuestion['namespaces'] = {};
  const claims: DryRunQuestion['claims'] = [];
  const priorityClasses: PriorityClass[] = [];
  const skipped: string[] = [];
  for (const placed of objectsIn(sources)) {
    const { kind, metadata = {} } = placed.manifest;
    const namespace = metadata.namespace ?? defaultNamespace;
    const name = nameOf(placed.manifest);
    const made = podOf(placed, namespace);
    if (made !== undefined) {
      batches.push({ name, ...made });
      claims.push(...templateClaims(placed.manifest, namespace));
    } else if (kind === 'PersistentVolumeClaim') claims.push(claimIn(placed.manifest, namespace));
    else if (kind === 'Namespace') {
      const { labels = {}, annotations = {} } = metadata;
      namespaces[metadata.name ?? ''] = { labels, annotations };
    } else if (kind === 'PriorityClass') priorityClasses.push(priorityClassIn(placed));
    else skipped.push(name);
  }
  return { batches, namespaces, claims, priorityClasses, skipped };
}

function claimIn(manifest: Manifest, namespace: string): DryRunQuestion['claims'][number] {
  const { metadata, spec } = manifest as PersistentVolumeClaim;
  return { metadata: { ...metadata, namespace }, ...(isRecord(spec) && { spec }) };
}

/** The claims of a StatefulSet's first pod: those of its others are like them. */
function templateClaims(
  { metadata = {}, spec }: Manifest,
  namespace: string,
): DryRunQuestion['claims'] {
  return (spec?.volumeClaimTemplates ?? []).map((template) => {
    const claim = claimIn({ apiVersion: 'v1', kind: '', ...template }, namespace);
    return { ...claim, metadata: { ...claim.metadata, name: claimNameOf(template, metadata) } };
  });
}

function claimNameOf(template: { readonly metadata?: Metadata }, set: Metadata): string {
  return `${template.metadata?.name ?? ''}-${set.name ?? ''}-0`;
}

/** @throws Fault `InvalidInput` */
function priorityClassIn({ manifest, where }: PlacedManifest): PriorityClass {
  const { value } = manifest as { readonly value?: unknown };
  if (Number.isInteger(value)) return manifest as PlacedManifest['manifest'] & PriorityClass;
  throw new Fault('InvalidInput', `${where}: value: expected a whole number, got ${String(value)}`);
}

function podOf(
  { manifest, where }: PlacedManifest,
  namespace: string,
): { readonly count: number; readonly pod: Pod } | undefined {
  const { kind, metadata = {}, spec } = manifest;
  if (kind === 'Pod') return { count: 1, pod: pod({ ...metadata, namespace }, spec, where) };
  const countOf = counts[kind];
  if (countOf === undefined) return undefined;
  const template = isRecord(spec?.template) ? spec.template : {};
  const own = isRecord(template.metadata) ? template.metadata : {};
  const name = `${metadata.name ?? metadata.generateName ?? ''}-dry-run`;
  const count = countOf(spec ?? {});
  if (!Number.isInteger(count) || count < 0)
    throw new Fault('InvalidInput', `${where}: expected a whole number of pods, got ${count}`);
  const volumes = (spec?.volumeClaimTemplates ?? []).map((claim) => ({
    name: claim.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimNameOf(claim, metadata) },
  }));
  const made = pod({ ...own, name, namespace }, template.spec, where);
  if (volumes.length === 0) return { count, pod: made };
  const all = [...(made.spec.volumes ?? []), ...volumes];
  return { count, pod: { ...made, spec: { ...made.spec, volumes: all } } };
}

/** @throws Fault `InvalidInput`, `InvalidQuantity` */
function pod(metadata: Metadata, spec: unknown, where: string): Pod {
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
  const read = { metadata: rest, spec: withDefaultRequests(spec as PodSpec) };
  requireReadable(where, read);
  return read;
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
