/** Finds the active agent's pod: by its label, else by who holds the Lease. Every way to fail says what to do. */
import { Fault, isFault, type Namespace, type Pod } from '@spillway/core';
import type { ApiFault } from '@spillway/kubernetes';
import {
  type AgentDaemonSet,
  type AgentLease,
  type AgentObjects,
  agentSituation,
  isReady,
} from './agent-situation.ts';
import type { UserCluster } from './cluster.ts';

export const systemNamespace = 'spillway-system';
export const leaseName = 'spillway-agent';
const activeSelector = 'spillway.dev%2Factive%3Dtrue';
const agentSelector = 'app.kubernetes.io%2Fname%3Dspillway';

export interface ActivePod {
  readonly namespace: string;
  readonly name: string;
}

/** @throws Fault `NotFound`, `Unavailable`, `PermissionDenied` */
export async function findActivePod(cluster: UserCluster, namespace: string): Promise<ActivePod> {
  const { items } = await read<{ items: readonly Pod[] }>(
    cluster,
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${activeSelector}`,
  );
  const [active] = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (active !== undefined && isReady(active))
    return { namespace, name: active.metadata.name ?? '' };
  const objects = await agentObjects(cluster, namespace);
  const { state, message, remedy, pod } = agentSituation(objects, Date.now());
  if (pod !== undefined) return { namespace, name: pod };
  throw new Fault(
    state === 'notInstalled' ? 'NotFound' : 'Unavailable',
    `${cluster.context}: ${message}. ${remedy}`,
  );
}

/** What there is of agents, as far as the user may see it. @throws Fault `PermissionDenied` for pods. */
export async function agentObjects(cluster: UserCluster, namespace: string): Promise<AgentObjects> {
  const ours = `labelSelector=${agentSelector}`;
  const [pods, daemonSets, lease] = await Promise.all([
    read<{ items: readonly Pod[] }>(cluster, `/api/v1/namespaces/${namespace}/pods?${ours}`),
    seen<{ items: readonly AgentDaemonSet[] }>(
      cluster,
      `/apis/apps/v1/namespaces/${namespace}/daemonsets?${ours}`,
    ),
    seen<AgentLease>(
      cluster,
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`,
    ),
  ]);
  return { namespace, daemonSet: daemonSets?.items[0], pods: pods.items, lease };
}

/** Undefined when there is none, or the user may not see it. */
async function seen<T>(cluster: UserCluster, path: string): Promise<T | undefined> {
  try {
    return await read<T>(cluster, path);
  } catch (error) {
    if (isFault(error, 'NotFound') || isFault(error, 'PermissionDenied')) return undefined;
    throw error;
  }
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
        `the API server of context ${context} (${server}) cannot be reached: ${(error.cause as Error | undefined)?.message ?? error.message}. Check that the cluster is up and that --context is right.`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** As kubectl prints it, so that people know it. */
function fromServer({ reason, words }: ApiFault): string {
  return `Error from server (${reason || 'NotFound'}): ${words}`;
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
    `you (${user}) may not ${verb} ${what} ${where}. An administrator of the cluster can grant it: ${grant(right)}`,
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
