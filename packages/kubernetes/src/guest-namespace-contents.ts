/**
 * What someone else has put into a guest namespace: where there is anything, the namespace stays. It is
 * looked for by kind, since the rights of a host name kinds; `spillway.dev/keep` keeps a namespace for all else.
 */
import { isFault, type ObjectMeta } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { guestNetworkPolicyName } from './guest-network.ts';

/** Of the ClusterRole and of its binding in each guest namespace. */
export const guestRole = 'spillway-guests';

interface Kind {
  readonly group: string;
  readonly resource: string;
  /** What Kubernetes or we make in each guest namespace. */
  readonly isOurs?: (metadata: ObjectMeta) => boolean;
}

const named = (...names: readonly string[]) => ({
  isOurs: ({ name = '' }: ObjectMeta) => names.includes(name),
});

/** Pods first: any pod that runs there keeps it, a guest or another. */
const kinds: readonly Kind[] = [
  { group: '', resource: 'pods' },
  { group: '', resource: 'configmaps', ...named('kube-root-ca.crt') },
  { group: '', resource: 'secrets' },
  { group: '', resource: 'serviceaccounts', ...named('default') },
  { group: '', resource: 'services' },
  { group: '', resource: 'persistentvolumeclaims' },
  { group: '', resource: 'resourcequotas' },
  { group: '', resource: 'limitranges' },
  { group: 'rbac.authorization.k8s.io/v1', resource: 'rolebindings', ...named(guestRole) },
  { group: 'rbac.authorization.k8s.io/v1', resource: 'roles' },
  {
    group: 'networking.k8s.io/v1',
    resource: 'networkpolicies',
    // One that the host's people have changed is theirs.
    isOurs: ({ name, generation = 1 }) => name === guestNetworkPolicyName && generation === 1,
  },
  { group: 'policy/v1', resource: 'poddisruptionbudgets' },
  { group: 'apps/v1', resource: 'deployments' },
  { group: 'apps/v1', resource: 'statefulsets' },
  { group: 'batch/v1', resource: 'cronjobs' },
  { group: 'batch/v1', resource: 'jobs' },
];

/** A page is enough to find one that is not ours. */
const pageMax = 10;

/** One of them, as `secrets/registry`; undefined when there is none. @throws Fault */
export async function foreignObject(
  api: ApiClient,
  namespace: string,
): Promise<string | undefined> {
  for (const { group, resource, isOurs } of kinds) {
    const base = group === '' ? '/api/v1' : `/apis/${group}`;
    const path = `${base}/namespaces/${namespace}/${resource}?limit=${pageMax}`;
    // oxlint-disable-next-line no-await-in-loop -- the first that is found settles it
    const items = await listed(api, path);
    const foreign = items.find(({ metadata }) => !isOurs?.(metadata));
    if (foreign !== undefined) return `${resource}/${foreign.metadata.name}`;
  }
  return undefined;
}

async function listed(api: ApiClient, path: string) {
  try {
    const list = await api.call<{ items: readonly { readonly metadata: ObjectMeta }[] }>({
      method: 'GET',
      path,
    });
    return list.items;
  } catch (error) {
    // An API that this cluster does not serve.
    if (isFault(error, 'NotFound')) return [];
    throw error;
  }
}
