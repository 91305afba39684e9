/** How each program of a cluster of kind `local` is started. */
import { join } from 'node:path';

export const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;
export type Component = (typeof components)[number];

export interface Ports {
  readonly etcd: number;
  readonly peer: number;
  readonly api: number;
  /** Where KWOK plays the kubelets of its nodes. */
  readonly kubelet: number;
}

export interface ComponentSettings {
  readonly ports: Ports;
  readonly folder: string;
  /** An administrator's. */
  readonly kubeconfig: string;
  readonly nodeGraceSeconds: number;
  /** See audit-log.ts. */
  readonly auditFlags: readonly string[];
}

export function componentArguments(
  component: Component,
  {
    ports: { etcd, peer, api, kubelet },
    folder,
    kubeconfig,
    nodeGraceSeconds,
    auditFlags,
  }: ComponentSettings,
): readonly string[] {
  const file = (name: string): string => join(folder, name);
  switch (component) {
    case 'etcd':
      return [
        `--data-dir=${file('etcd')}`,
        `--listen-client-urls=http://127.0.0.1:${etcd}`,
        `--advertise-client-urls=http://127.0.0.1:${etcd}`,
        `--listen-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-cluster=default=http://127.0.0.1:${peer}`,
        '--unsafe-no-fsync',
        '--log-level=warn',
      ];
    case 'kube-apiserver':
      return [
        `--etcd-servers=http://127.0.0.1:${etcd}`,
        `--secure-port=${api}`,
        '--bind-address=127.0.0.1',
        `--cert-dir=${file('certs')}`,
        `--service-account-key-file=${file('service-account.pub')}`,
        `--service-account-signing-key-file=${file('service-account.key')}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        '--service-cluster-ip-range=10.96.0.0/16',
        '--authorization-mode=Node,RBAC',
        // As kubeadm and every managed service: what a pod may do is Pod Security's to say.
        '--allow-privileged=true',
        `--token-auth-file=${file('tokens.csv')}`,
        // Its own certificate as a client of kubelets is the one that its CA has signed.
        `--client-ca-file=${file('kubelet-client.crt')}`,
        `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
        `--kubelet-client-key=${file('kubelet-client.key')}`,
        '--endpoint-reconciler-type=none',
        '--max-requests-inflight=800',
        '--max-mutating-requests-inflight=400',
        '--profiling=false',
        ...auditFlags,
      ];
    case 'kube-controller-manager':
      return [
        `--kubeconfig=${kubeconfig}`,
        `--service-account-private-key-file=${file('service-account.key')}`,
        '--use-service-account-credentials',
        '--leader-elect=false',
        '--secure-port=0',
        `--root-ca-file=${file('certs/apiserver.crt')}`,
        '--kube-api-qps=200',
        '--kube-api-burst=400',
        '--concurrent-deployment-syncs=5',
        `--node-monitor-grace-period=${nodeGraceSeconds}s`,
      ];
    case 'kube-scheduler':
      return [
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--secure-port=0',
        '--kube-api-qps=1000',
        '--kube-api-burst=2000',
      ];
    case 'kwok':
      return [
        ...kwokArguments({ folder, kubeconfig, nodeAddress: '127.0.0.1' }),
        `--node-port=${kubelet}`,
        `--server-address=127.0.0.1:${kubelet}`,
        `--tls-cert-file=${file('certs/apiserver.crt')}`,
        `--tls-private-key-file=${file('certs/apiserver.key')}`,
      ];
  }
}

/** Reads `kwok.yaml` in `folder`. `nodeAddress` is what all its nodes say theirs is. */
export function kwokArguments({
  folder,
  kubeconfig,
  nodeAddress,
}: {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly nodeAddress: string;
}): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--config=${join(folder, 'kwok.yaml')}`,
    '--manage-all-nodes=false',
    // Real nodes, and others' virtual nodes, are left alone.
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    '--node-lease-duration-seconds=40',
    `--node-ip=${nodeAddress}`,
  ];
}
