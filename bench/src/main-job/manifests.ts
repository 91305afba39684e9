/** Which manifests go to which cluster: ours, or those that someone brought. */
import { readFileSync } from 'node:fs';
import type { Cluster } from '@spillway/testbed';
import { parseAllDocuments } from 'yaml';
import { cpuMilliOf } from '../report/figures.ts';
import { workload } from './workload.ts';

/** YAML by cluster. */
export type Manifests = ReadonlyMap<string, string>;

/** Kinds of objects that have pods. */
const withPods = new Set(['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'Pod']);

interface Manifest {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: { readonly replicas?: number; readonly parallelism?: number };
}

/** Files of someone else's go to the first cluster, and their namespaces let their pods leave. */
export function manifestsFor(clusters: readonly Cluster[], files: readonly string[]): Manifests {
  if (files.length === 0) {
    return workload(
      clusters.map((cluster) => ({ name: cluster.name, cpus: cpuMilliOf(cluster) / 1000 })),
    );
  }
  const yaml = files.map((path) => readFileSync(path, 'utf8')).join('\n---\n');
  const namespaces = new Set(['default']);
  for (const { kind, metadata } of parsed(yaml)) {
    const name = kind === 'Namespace' ? metadata?.name : metadata?.namespace;
    if (name !== undefined) namespaces.add(name);
  }
  const labelled = [...namespaces].map(
    (name) => `apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels: { spillway.dev/offload: enabled }
`,
  );
  return new Map([[clusters[0]?.name ?? '', [yaml, ...labelled].join('\n---\n')]]);
}

/** How many pods the controllers in `manifests` make at once, as far as can be told from here. */
export function podsOf(manifests: Manifests): number {
  let pods = 0;
  for (const { kind, spec } of [...manifests.values()].flatMap(parsed)) {
    if (kind === 'Deployment' || kind === 'ReplicaSet') pods += spec?.replicas ?? 1;
    else if (kind === 'Job') pods += spec?.parallelism ?? 1;
    else if (kind === 'Pod' || kind === 'StatefulSet') pods += 1;
  }
  return pods;
}

/** A namespace that has pods of the first cluster. */
export function namespaceOf(manifests: Manifests): string {
  const [first = ''] = manifests.values();
  const own = parsed(first).find(({ kind = '' }) => withPods.has(kind));
  return own?.metadata?.namespace ?? 'default';
}

function parsed(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).map((document) => (document.toJS() ?? {}) as Manifest);
}
