/**
 * Whether a kind cluster is ready: its nodes, and all that must run in it for pods to run. `kind create`
 * returns before that, and 0 also when something never comes up.
 */

/** Of kind's own: the second one provisions volumes in the official node image. */
export const systemNamespaces = ['kube-system', 'local-path-storage'] as const;

interface Workload {
  readonly metadata: { readonly name?: string; readonly namespace?: string };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

export interface SystemState {
  readonly nodes: readonly WithConditions[];
  readonly pods: readonly SystemPod[];
  readonly deployments: readonly Workload[];
  readonly daemonSets: readonly Workload[];
}

/** Of a node or pod, what is read here; core's pods do not say when containers were started. */
interface WithConditions {
  readonly metadata: { readonly name?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface SystemPod extends WithConditions {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: NonNullable<WithConditions['status']> & {
    readonly containerStatuses?: readonly {
      readonly state?: { readonly running?: { readonly startedAt?: string } };
    }[];
  };
}

export interface Wanted {
  readonly nodes: readonly string[];
  /** A node whose containers count only when they were started after this moment. */
  readonly restarted?: { readonly node: string; readonly at: Date };
}

/** What is not ready yet, in words; empty when all is. */
export function notReady(state: SystemState, wanted: Wanted): readonly string[] {
  const { nodes, pods, deployments, daemonSets } = state;
  return [
    ...wanted.nodes
      .filter((name) => !isReady(nodes.find(({ metadata }) => metadata.name === name)))
      .map((name) => `node ${name}`),
    ...(deployments.some(({ metadata }) => metadata.name === 'coredns')
      ? []
      : ['deployment coredns']),
    ...(daemonSets.length > 0 ? [] : ['daemon sets of the network']),
    ...deployments
      .filter(({ spec, status }) => (status?.readyReplicas ?? 0) < (spec?.replicas ?? 1))
      .map(({ metadata }) => `deployment ${metadata.name}`),
    ...daemonSets
      .filter(({ status }) => {
        const desired = status?.desiredNumberScheduled ?? 0;
        return desired === 0 || (status?.numberReady ?? 0) < desired;
      })
      .map(({ metadata }) => `daemon set ${metadata.name}`),
    ...pods
      .filter((pod) => !isReady(pod) || !isFresh(pod, wanted.restarted))
      .map(({ metadata }) => `pod ${metadata.name}`),
  ];
}

function isReady(object: WithConditions | undefined): boolean {
  return (
    object?.status?.conditions?.some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    ) === true
  );
}

/** The API server shows what was before a restart until the kubelet speaks again. Whole seconds. */
function isFresh({ spec, status }: SystemPod, restarted: Wanted['restarted']): boolean {
  if (restarted === undefined || spec?.nodeName !== restarted.node) return true;
  const since = Math.floor(restarted.at.getTime() / 1000) * 1000;
  const containers = status?.containerStatuses ?? [];
  return (
    containers.length > 0 &&
    containers.every(({ state }) => Date.parse(state?.running?.startedAt ?? '') >= since)
  );
}
