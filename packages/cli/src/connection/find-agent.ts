/** Finds the active agent's pod: by its label, else by who holds the Lease. Every way to fail says what to do. */
import { Fault, isFault, type Namespace, type Pod } from '@spillway/core';
import type { ApiFault } from '@spillway/kubernetes';
import type { UserCluster } from './cluster.ts';

export const systemNamespace = 'spillway-system';
export const leaseName = 'spillway-agent';
const activeSelector = 'spillway.dev%2Factive%3Dtrue';

export interface ActivePod {
  readonly namespace: string;
  readonly name: string;
}

interface Lease {
  readonly spec?: { readonly holderIdentity?: string };
}

/** @throws Fault `NotFound`, `Unavailable`, `PermissionDenied` */
export async function findActivePod(cluster: UserCluster, namespace: string): Promise<ActivePod> {
  const { items } = await read<{ items: readonly Pod[] }>(
    cluster,
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${activeSelector}`,
  );
  const [active] = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (active !== undefined) return running(active, namespace);
  const holder = await leaseHolder(cluster, namespace);
  const name = holder.slice(0, Math.max(0, holder.lastIndexOf('_')));
  if (holder === '') {
    throw new Fault(
      'Unavailable',
      `no agent is active in ${cluster.context}: those there are stand by. Look at: kubectl -n ${namespace} get pods`,
    );
  }
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    return running(await read<Pod>(cluster, path), namespace);
  } catch (error) {
    if (!isFault(error, 'NotFound')) throw error;
    throw new Fault(
      'Unavailable',
      `the active agent of ${cluster.context} (${name}) is no pod in namespace ${namespace}: if it runs as a process of its own, name its address with --agent URL or SPILLWAY_AGENT`,
      { cause: error },
    );
  }
}

async function leaseHolder(cluster: UserCluster, namespace: string): Promise<string> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`;
  try {
    return (await read<Lease>(cluster, path)).spec?.holderIdentity ?? '';
  } catch (error) {
    if (!isFault(error, 'NotFound')) throw error;
    throw new Fault(
      'NotFound',
      `no agent is installed in ${cluster.context} (namespace ${namespace}): install the chart (helm install spillway … -n ${namespace} --create-namespace), or say --agent-namespace if it is elsewhere`,
      { cause: error },
    );
  }
}

function running({ metadata, status }: Pod, namespace: string): ActivePod {
  const { name = '' } = metadata;
  if (status?.phase === 'Running') return { namespace, name };
  throw new Fault(
    'Unavailable',
    `the active agent's pod ${name} is ${status?.phase ?? 'not started'}: kubectl -n ${namespace} describe pod ${name}`,
  );
}

/** Reads by the user's own rights. @throws Fault whose message says which right is missing and who can grant it. */
export async function read<T>({ api, context, server }: UserCluster, path: string): Promise<T> {
  try {
    return await api.call<T>({ method: 'GET', path });
  } catch (error) {
    if (isFault(error, 'NotFound'))
      throw new Fault('NotFound', fromServer(error as ApiFault), { cause: error });
    if (isFault(error, 'PermissionDenied')) throw denied(error as ApiFault, path);
    if (isFault(error, 'Unavailable') || isFault(error, 'DeadlineExceeded')) {
      throw new Fault(
        'Unavailable',
        `the API server of context ${context} (${server}) can't be reached: ${(error.cause as Error | undefined)?.message ?? error.message}. Is the cluster up, and the right --context chosen?`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** As kubectl prints it, so that people know it. */
function fromServer({ reason, said }: ApiFault): string {
  return `Error from server (${reason || 'NotFound'}): ${said}`;
}

/** @throws Fault `NotFound` when there is no such namespace; who may not look at it is not told. */
export async function requireNamespace(cluster: UserCluster, namespace: string): Promise<void> {
  try {
    await read<Namespace>(cluster, `/api/v1/namespaces/${namespace}`);
  } catch (error) {
    if (!isFault(error, 'PermissionDenied')) throw error;
  }
}

function denied(fault: ApiFault, path: string): Fault {
  const { denied: right, status } = fault;
  if (status === 401 || right === undefined) {
    return new Fault(
      'PermissionDenied',
      `the API server does not accept the kubeconfig's credentials for ${path}: log in again`,
      { cause: fault },
    );
  }
  const { user, verb, resource, group, namespace } = right;
  const what = `${resource}${group && `.${group}`}`;
  const where = namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`;
  return new Fault(
    'PermissionDenied',
    `you (${user}) may not ${verb} ${what} ${where}. Whoever administers the cluster can grant it: ${grant(right)}`,
    { cause: fault },
  );
}

export function grant(right: {
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly group: string;
  readonly namespace: string | undefined;
}): string {
  const { user, verb, resource, group, namespace } = right;
  const what = `${resource}${group && `.${group}`}`;
  const [scope, kind] =
    namespace === undefined ? ['', 'clusterrole'] : [` -n ${namespace}`, 'role'];
  const name = `spillway-user-${verb}-${resource.replace('/', '-')}`;
  const subject = user.startsWith('system:serviceaccount:')
    ? `--serviceaccount ${user.split(':').slice(2).join(':')}`
    : `--user ${user}`;
  const role = namespace === undefined ? '--clusterrole' : '--role';
  return `kubectl${scope} create ${kind} ${name} --verb ${verb} --resource ${what} && kubectl${scope} create ${kind}binding ${name} ${role} ${name} ${subject}`;
}
