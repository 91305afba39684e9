/** What manifests ask the agent: the pods that they would make, and what comes with them. */
import type { DryRunRequest } from '@spillway/agent/api-schemas';
import { Fault } from '@spillway/core';
import {
  claimIn,
  firstClaims,
  type ManifestSource,
  nameOf,
  objectsIn,
  type PlacedManifest,
  podsOf,
  withoutToken,
} from '@spillway/manifests';
import type { PriorityClass } from './priorities.ts';

export interface Manifests {
  readonly batches: DryRunRequest['batches'];
  readonly namespaces: DryRunRequest['namespaces'];
  readonly claims: DryRunRequest['claims'];
  readonly priorityClasses: readonly PriorityClass[];
  /** ServiceAccounts that pods name and the manifests do not have: whether they switch the token off is not known. */
  readonly accounts: readonly string[];
  /** `service/web`: what makes no pods that are scheduled. */
  readonly skipped: readonly string[];
}

/** @throws Fault `InvalidInput` naming file, document, object and what is wrong with it. */
export function batchesIn(sources: readonly ManifestSource[], defaultNamespace: string): Manifests {
  const batches: DryRunRequest['batches'] = [];
  const namespaces: DryRunRequest['namespaces'] = {};
  const claims: DryRunRequest['claims'] = [];
  const priorityClasses: PriorityClass[] = [];
  const skipped: string[] = [];
  const objects = objectsIn(sources);
  const tokenless = withoutToken(objects, defaultNamespace);
  for (const placed of objects) {
    const { kind, metadata = {} } = placed.manifest;
    const namespace = metadata.namespace ?? defaultNamespace;
    const name = nameOf(placed.manifest);
    const made = podsOf(placed, { namespace: defaultNamespace, tokenless });
    if (made !== undefined) {
      batches.push({ name, ...made });
      claims.push(...firstClaims(placed.manifest, namespace));
    } else if (kind === 'PersistentVolumeClaim') claims.push(claimIn(placed.manifest, namespace));
    else if (kind === 'Namespace') {
      const { labels = {}, annotations = {} } = metadata;
      namespaces[metadata.name ?? ''] = { labels, annotations };
    } else if (kind === 'PriorityClass') priorityClasses.push(priorityClassIn(placed));
    else skipped.push(name);
  }
  const accounts = accountsNotIn(objects, batches);
  return { batches, namespaces, claims, priorityClasses, accounts, skipped };
}

/** Sorted and unique. Pods that say themselves whether they mount a token need no account for it. */
function accountsNotIn(
  objects: readonly PlacedManifest[],
  batches: DryRunRequest['batches'],
): readonly string[] {
  const known = new Set(
    objects
      .filter(({ manifest }) => manifest.kind === 'ServiceAccount')
      .map(({ manifest }) => manifest.metadata?.name),
  );
  const named = batches
    .filter(({ pod }) => pod.spec['automountServiceAccountToken'] === undefined)
    .map(({ pod }) => pod.spec.serviceAccountName ?? 'default');
  return [...new Set(named)].filter((name) => name !== 'default' && !known.has(name)).sort();
}

/** @throws Fault `InvalidInput` */
function priorityClassIn({ manifest, where }: PlacedManifest): PriorityClass {
  const { value } = manifest as { readonly value?: unknown };
  if (Number.isInteger(value)) return manifest as PlacedManifest['manifest'] & PriorityClass;
  throw new Fault('InvalidInput', `${where}: value: expected a whole number, got ${String(value)}`);
}
