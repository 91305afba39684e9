/** What a user may call a pod, or an object whose controller makes pods: kubectl's names, `TYPE NAME` and `TYPE/NAME`. */
import { Fault } from '@spillway/core';

/** As its API server has it, as far as it is looked at. */
export interface Workload {
  readonly spec: {
    readonly replicas?: number;
    readonly parallelism?: number;
    readonly completions?: number;
    readonly selector: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[];
      }[];
    };
  };
  readonly status?: { readonly desiredNumberScheduled?: number };
}

export interface WorkloadType {
  readonly kind: string;
  /** The first is shown. */
  readonly names: readonly string[];
  /** Of the API; undefined: these are pods themselves. */
  readonly group?: string;
  /** How many pods it wants. */
  readonly wanted?: (workload: Workload) => number;
}

const replicas = ({ spec }: Workload): number => spec.replicas ?? 1;

export const workloadTypes: readonly WorkloadType[] = [
  { kind: 'Pod', names: ['pod', 'pods', 'po'] },
  {
    kind: 'Deployment',
    names: ['deployment', 'deployments', 'deploy'],
    group: 'apps/v1',
    wanted: replicas,
  },
  {
    kind: 'ReplicaSet',
    names: ['replicaset', 'replicasets', 'rs'],
    group: 'apps/v1',
    wanted: replicas,
  },
  {
    kind: 'StatefulSet',
    names: ['statefulset', 'statefulsets', 'sts'],
    group: 'apps/v1',
    wanted: replicas,
  },
  {
    kind: 'DaemonSet',
    names: ['daemonset', 'daemonsets', 'ds'],
    group: 'apps/v1',
    wanted: ({ status }) => status?.desiredNumberScheduled ?? 0,
  },
  {
    kind: 'Job',
    names: ['job', 'jobs'],
    group: 'batch/v1',
    wanted: ({ spec: { parallelism = 1, completions = parallelism } }) =>
      Math.min(parallelism, completions),
  },
];

/** `deploy web`, `deployment/web`, `deployments.apps/web`. @throws Fault `InvalidInput` */
export function workloadNamed(
  given: string,
  then: string | undefined,
): { readonly type: WorkloadType; readonly name: string } {
  const [typeName = '', slashed, ...more] = given.split('/');
  const name = slashed ?? then ?? '';
  if (more.length > 0 || name === '' || (slashed !== undefined && then !== undefined)) {
    const what = [given, then].filter((part) => part !== undefined).join(' ');
    throw new Fault('InvalidInput', `expected TYPE NAME or TYPE/NAME, got "${what}"`);
  }
  const [plain = ''] = typeName.toLowerCase().split('.');
  const type = workloadTypes.find(({ names }) => names.includes(plain));
  if (type !== undefined) return { type, name };
  const known = workloadTypes.map(({ names }) => names[0]).join(', ');
  throw new Fault('InvalidInput', `unknown type "${typeName}". Expected one of ${known}`);
}
