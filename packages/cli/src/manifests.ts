/** The pods that manifests would make, as their controllers would make them. */
import { readFileSync } from 'node:fs';
import type { DryRunQuestion } from '@spillway/agent/answers';
import { Fault, type Pod, type PodSpec } from '@spillway/core';
import { parseAllDocuments } from 'yaml';

export interface Manifests {
  readonly batches: DryRunQuestion['batches'];
  readonly namespaces: DryRunQuestion['namespaces'];
  /** `service/web`: what makes no pods that are scheduled. */
  readonly skipped: readonly string[];
}

interface Metadata {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: Metadata;
  readonly spec?: {
    readonly replicas?: number;
    readonly parallelism?: number;
    readonly completions?: number;
    readonly template?: { readonly metadata?: Metadata; readonly spec?: PodSpec };
  };
  readonly items?: readonly Manifest[];
}

/** How many pods each kind makes at once. */
const counts: Readonly<Record<string, (spec: NonNullable<Manifest['spec']>) => number>> = {
  Deployment: ({ replicas = 1 }) => replicas,
  ReplicaSet: ({ replicas = 1 }) => replicas,
  StatefulSet: ({ replicas = 1 }) => replicas,
  Job: ({ parallelism = 1, completions = parallelism }) => Math.min(parallelism, completions),
};

/** @throws Fault `NotFound` naming the file. */
export function manifestText(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        return readFileSync(file === '-' ? 0 : file, 'utf8');
      } catch (error) {
        throw new Fault('NotFound', `${file} can't be read: ${(error as Error).message}`, {
          cause: error,
        });
      }
    })
    .join('\n---\n');
}

/** @throws Fault `InvalidInput` naming the document and what is wrong with it. */
export function batchesIn(text: string, defaultNamespace: string): Manifests {
  const batches: DryRunQuestion['batches'] = [];
  const namespaces: DryRunQuestion['namespaces'] = {};
  const skipped: string[] = [];
  for (const manifest of objectsIn(text)) {
    const { kind = '', metadata = {} } = manifest;
    const namespace = metadata.namespace ?? defaultNamespace;
    const name = `${kind.toLowerCase()}/${metadata.name ?? metadata.generateName ?? ''}`;
    const made = podOf(manifest, namespace);
    if (made !== undefined) batches.push({ name, ...made });
    else if (kind === 'Namespace') {
      const { labels = {}, annotations = {} } = metadata;
      namespaces[metadata.name ?? ''] = { labels, annotations };
    } else skipped.push(name);
  }
  return { batches, namespaces, skipped };
}

function podOf(
  manifest: Manifest,
  namespace: string,
): { readonly count: number; readonly pod: Pod } | undefined {
  const { kind = '', metadata = {}, spec = {} } = manifest;
  if (kind === 'Pod')
    return { count: 1, pod: pod({ ...metadata, namespace }, manifest.spec as PodSpec | undefined) };
  const count = counts[kind]?.(spec);
  if (count === undefined) return undefined;
  const { metadata: own = {}, spec: podSpec } = spec.template ?? {};
  const name = `${metadata.name ?? metadata.generateName ?? ''}-dry-run`;
  return { count, pod: pod({ ...own, name, namespace }, podSpec) };
}

/** @throws Fault `InvalidInput` */
function pod(metadata: Metadata, spec: PodSpec | undefined): Pod {
  if (!Array.isArray(spec?.containers) || spec.containers.length === 0)
    throw new Fault('InvalidInput', `${metadata.name ?? 'a pod'} has no containers`);
  const { generateName: _made, ...rest } = metadata;
  return { metadata: rest, spec: withDefaultRequests(spec) };
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

function objectsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document, i) => {
    if ('empty' in document && document.empty) return [];
    const where = `document ${i + 1}`;
    const [error] = document.errors;
    if (error !== undefined) throw new Fault('InvalidInput', `${where}: ${error.message}`);
    const object = document.toJS() as Manifest | null;
    if (object === null) return [];
    const objects = object.kind?.endsWith('List') ? (object.items ?? []) : [object];
    for (const { apiVersion, kind } of objects) {
      if (!apiVersion || !kind)
        throw new Fault('InvalidInput', `${where}: expected apiVersion and kind`);
    }
    return objects;
  });
}
