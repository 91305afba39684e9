/** What the main job runs: Deployments and Jobs whose demand is skewed on one cluster. */

export const workloadNamespace = 'shop';

interface Ask {
  readonly name: string;
  readonly kind: 'Deployment' | 'Job';
  readonly pods: number;
  readonly cpu: string;
  readonly memory: string;
}

/** Shares of one cluster's CPU that each cluster is asked for: the first far more than it has. */
const demand = [2.2, 0.7, 0.4, 0.3, 0.2];

/** The manifests for each cluster, given the CPUs of each; clusters beyond the fifth ask for half. */
export function workload(
  clusters: readonly { readonly name: string; readonly cpus: number }[],
): ReadonlyMap<string, string> {
  return new Map(
    clusters.map(({ name, cpus }, i) => {
      const asked = cpus * (demand[i] ?? 0.5);
      const web = { name: 'web', kind: 'Deployment', cpu: '500m', memory: '256Mi' } as const;
      const api = { name: 'api', kind: 'Deployment', cpu: '1', memory: '1Gi' } as const;
      const report = { name: 'report', kind: 'Job', cpu: '1', memory: '512Mi' } as const;
      const asks: readonly Ask[] = [
        { ...web, pods: Math.round(asked * 0.5) },
        { ...api, pods: Math.round(asked * 0.45) },
        { ...report, pods: Math.round(asked * 0.3) },
      ];
      return [name, [namespace, ...asks.map(manifest)].join('---\n')];
    }),
  );
}

const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: ${workloadNamespace}
  labels: { spillway.dev/offload: enabled }
`;

function manifest({ name, kind, pods, cpu, memory }: Ask): string {
  const job = kind === 'Job';
  const count = job
    ? `completions: ${pods}\n  parallelism: ${pods}`
    : `replicas: ${pods}\n  selector: { matchLabels: { app: ${name} } }`;
  return `apiVersion: ${job ? 'batch/v1' : 'apps/v1'}
kind: ${kind}
metadata: { name: ${name}, namespace: ${workloadNamespace} }
spec:
  ${count}
  template:
    metadata:
      labels: { app: ${name} }
      annotations: { testbed.spillway.dev/run-time: 300s }
    spec:
      restartPolicy: ${job ? 'Never' : 'Always'}
      containers:
        - name: main
          image: registry.example/${name}:1
          resources: { requests: { cpu: "${cpu}", memory: ${memory} } }
`;
}
