/** The objects of a YAML text, as `kubectl apply` would read them. */
import { Fault } from '@spillway/core';
import { parseAllDocuments } from 'yaml';

export interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
  };
}

/** All documents, lists taken apart. @throws Fault `InvalidInput` that names the document */
export function objectsOf(yaml: string): readonly Applied[] {
  return parseAllDocuments(yaml).flatMap((document, i) => {
    const where = `document ${i + 1}`;
    const [error] = document.errors;
    if (error !== undefined) throw new Fault('InvalidInput', `${where}: ${error.message}`);
    const object = document.toJS() as (Applied & { readonly items?: readonly Applied[] }) | null;
    if (object === null) return [];
    const objects = object.kind === 'List' ? (object.items ?? []) : [object];
    for (const { apiVersion, kind, metadata } of objects) {
      if (!apiVersion || !kind || !(metadata?.name ?? metadata?.generateName)) {
        throw new Fault('InvalidInput', `${where}: expected apiVersion, kind and metadata.name`);
      }
    }
    return objects;
  });
}
