/** The objects that manifests hold, each with where it stands, so that what is wrong can be found. */
import { Fault, type PodSpec } from '@spillway/core';
import { isScalar, parseAllDocuments, visit } from 'yaml';
import type { ManifestSource } from './manifest-files.ts';

export interface Metadata {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: Metadata;
  readonly spec?: {
    readonly replicas?: number;
    readonly parallelism?: number;
    readonly completions?: number;
    readonly volumeClaimTemplates?: readonly {
      readonly metadata?: Metadata;
      readonly spec?: object;
    }[];
    readonly template?: { readonly metadata?: Metadata; readonly spec?: PodSpec };
  };
}

export interface PlacedManifest {
  readonly manifest: Manifest;
  /** `deploy.yaml, document 2 (deployment/web)` */
  readonly where: string;
}

/** A document of another program: it has no `apiVersion` and `kind`. */
export class NotAManifest extends Fault {
  constructor(where: string) {
    super(
      'InvalidInput',
      `${where}: expected apiVersion and kind, as in every manifest of Kubernetes`,
    );
  }
}

/** @throws Fault `InvalidInput` naming file, document and object. */
export function objectsIn(sources: readonly ManifestSource[]): readonly PlacedManifest[] {
  return sources.flatMap((source) =>
    objectsOrFaults(source).map((each) => {
      if (each instanceof Fault) throw each;
      return each;
    }),
  );
}

/** A document that is no manifest stands as a Fault `InvalidInput` that names file, document and object. */
export function objectsOrFaults({
  name,
  text,
}: ManifestSource): readonly (PlacedManifest | Fault)[] {
  const json = jsonIn(text);
  if (json !== undefined) return orFault(() => objectsOf(json, `${name}, document 1`));
  return parseAllDocuments(text).flatMap((document, i): readonly (PlacedManifest | Fault)[] => {
    if ('empty' in document && document.empty) return [];
    const where = `${name}, document ${i + 1}`;
    const [error] = document.errors;
    if (error !== undefined) return [new Fault('InvalidInput', `${where}: ${error.message}`)];
    return orFault(() => objectsOf(valueOf(document, where), where));
  });
}

/** JSON is YAML, too, but a YAML parser takes far more time and memory for it. */
function jsonIn(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function orFault(objects: () => readonly PlacedManifest[]): readonly (PlacedManifest | Fault)[] {
  try {
    return objects();
  } catch (problem) {
    if (problem instanceof Fault) return [problem];
    throw problem;
  }
}

/** `deployment/web` */
export function nameOf({ kind, metadata = {} }: Manifest): string {
  return `${kind.toLowerCase()}/${metadata.name ?? metadata.generateName ?? ''}`;
}

function valueOf(
  document: Parameters<typeof visit>[0] & { toJS(): unknown },
  where: string,
): unknown {
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key)) return;
      throw new Fault(
        'InvalidInput',
        `${where}: expected each key to be a text, got a map or list`,
      );
    },
  });
  try {
    return document.toJS();
  } catch (error) {
    // Such as aliases that would make it grow without end.
    throw new Fault('InvalidInput', `${where}: ${(error as Error).message}`, { cause: error });
  }
}

function objectsOf(value: unknown, where: string): readonly PlacedManifest[] {
  if (value === null) return [];
  if (!isRecord(value)) throw new NotAManifest(where);
  const { kind, items } = value;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items))
    return items.flatMap((item, i) => objectsOf(item, `${where}, item ${i + 1}`));
  const { apiVersion } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !apiVersion || !kind)
    throw new NotAManifest(where);
  const { metadata } = value;
  if (metadata !== undefined && !isRecord(metadata))
    throw new Fault('InvalidInput', `${where} (${kind}): metadata: expected a map`);
  const manifest = value as unknown as Manifest;
  return [{ manifest, where: `${where} (${nameOf(manifest)})` }];
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
