/**
 * What Spillway has in a cluster, found by its labels alone: for people who take it out, with or without
 * an agent. Deletions name UIDs, so that nothing that was made meanwhile is hit.
 */
import { isFault, type Namespace, type Node, type Pod, wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { customResourcesPath } from './custom-resources.ts';

export interface Named {
  readonly metadata: { readonly name?: string; readonly uid?: string };
}

export interface Footprint {
  /** Of this cluster, bound to a virtual node. */
  readonly away: readonly Pod[];
  /** Of other clusters, in guest namespaces. */
  readonly guests: readonly Pod[];
  readonly virtualNodes: readonly Node[];
  readonly neighbours: readonly Named[];
  readonly guestNamespaces: readonly Namespace[];
}

const pageSize = 500;
const guestSelector = `labelSelector=${encodeURIComponent(wellKnown.homeLabel)}`;
const neighboursPath = `${customResourcesPath}/neighbours`;

/** @throws Fault `PermissionDenied` naming what may not be listed. */
export async function footprintOf(api: ApiClient): Promise<Footprint> {
  const nodeSelector = `labelSelector=${encodeURIComponent(`${wellKnown.virtualNodeLabel}=true`)}`;
  const virtualNodes = await all<Node>(api, '/api/v1/nodes', nodeSelector);
  const [away, guests, neighbours, guestNamespaces] = await Promise.all([
    podsOn(api, virtualNodes),
    all<Pod>(api, '/api/v1/pods', guestSelector),
    all<Named>(api, neighboursPath, '').catch((error: unknown) => {
      if (isFault(error, 'NotFound')) return [];
      throw error;
    }),
    all<Namespace>(api, '/api/v1/namespaces', guestSelector),
  ]);
  return { away, guests, virtualNodes, neighbours, guestNamespaces };
}

/** What ends while the cluster leaves. `before`: where pods were; nothing new goes away meanwhile. */
export async function travelling(
  api: ApiClient,
  before: Footprint,
): Promise<Pick<Footprint, 'away' | 'guests'>> {
  const names = new Set(before.away.map(({ spec }) => spec.nodeName));
  const nodes = before.virtualNodes.filter(({ metadata }) => names.has(metadata.name));
  const [away, guests] = await Promise.all([
    podsOn(api, nodes),
    all<Pod>(api, '/api/v1/pods', guestSelector),
  ]);
  return { away, guests };
}

/** Without grace: nobody is left who would end it. */
export async function finalizePod(api: ApiClient, pod: Pod): Promise<void> {
  const { namespace = '' } = pod.metadata;
  await remove(api, `/api/v1/namespaces/${namespace}/pods`, pod, 0);
}

export async function deleteVirtualNode(api: ApiClient, node: Node): Promise<void> {
  await remove(api, '/api/v1/nodes', node);
}

export async function deleteNeighbour(api: ApiClient, neighbour: Named): Promise<void> {
  await remove(api, neighboursPath, neighbour);
}

/** With all that is in it, each pod with its own grace. */
export async function deleteGuestNamespace(api: ApiClient, namespace: Namespace): Promise<void> {
  await remove(api, '/api/v1/namespaces', namespace);
}

async function podsOn(api: ApiClient, nodes: readonly Node[]): Promise<readonly Pod[]> {
  const pods: Pod[] = [];
  for (const { metadata } of nodes) {
    const selector = `fieldSelector=${encodeURIComponent(`spec.nodeName=${metadata.name}`)}`;
    pods.push(...(await all<Pod>(api, '/api/v1/pods', selector)));
  }
  return pods;
}

/** Gone, or another of its name by now, is success. */
async function remove(
  api: ApiClient,
  path: string,
  { metadata: { name = '', uid } }: Named,
  gracePeriodSeconds?: number,
): Promise<void> {
  try {
    await api.call({
      method: 'DELETE',
      path: `${path}/${name}`,
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid },
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      },
    });
  } catch (error) {
    if (!isFault(error, 'NotFound') && !isFault(error, 'Conflict')) throw error;
  }
}

async function all<T>(api: ApiClient, path: string, selector: string): Promise<readonly T[]> {
  const items: T[] = [];
  let next = '';
  do {
    const query = [selector, `limit=${pageSize}`, next && `continue=${encodeURIComponent(next)}`];
    const page = await api.call<{
      readonly metadata: { readonly continue?: string };
      readonly items: readonly T[];
    }>({ method: 'GET', path: `${path}?${query.filter((part) => part !== '').join('&')}` });
    items.push(...page.items);
    next = page.metadata.continue ?? '';
  } while (next !== '');
  return items;
}
