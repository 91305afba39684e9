/** Every program that the test bed builds itself: from which pinned module (testbed/go), and which package of it. */
import {
  defaultKubernetes,
  type KubernetesMinor,
  kubernetesMinors,
} from './kubernetes-versions.ts';

export const controlPlanePrograms = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kwok',
] as const;
export type ControlPlaneProgram = (typeof controlPlanePrograms)[number];

/** The module in each folder of testbed/go whose version is the folder's version. */
export const modulePaths = {
  'control-plane-1.35': 'k8s.io/kubernetes',
  'control-plane-1.36': 'k8s.io/kubernetes',
  'control-plane-1.37': 'k8s.io/kubernetes',
  kwok: 'sigs.k8s.io/kwok',
  kubefed: 'sigs.k8s.io/kubefed',
  kind: 'sigs.k8s.io/kind',
  helm: 'helm.sh/helm/v4',
  containerd: 'github.com/containerd/containerd/v2',
  crictl: 'sigs.k8s.io/cri-tools',
  coredns: 'github.com/coredns/coredns',
  'kube-router': 'github.com/cloudnativelabs/kube-router/v2',
  // Our own: what a node needs and no module has.
  own: 'spillway.dev/testbed/own',
} as const;
export type GoModule = keyof typeof modulePaths;

export function controlPlaneModule(minor: KubernetesMinor): GoModule {
  return `control-plane-${minor}`;
}
/** What is not a control plane's own is built of one version only, and serves them all. */
export const defaultControlPlane = controlPlaneModule(defaultKubernetes);

interface Source {
  readonly module: GoModule;
  readonly path: string;
}

export const sources = {
  etcd: { module: defaultControlPlane, path: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubectl: kubernetes('kubectl'),
  kwok: { module: 'kwok', path: 'sigs.k8s.io/kwok/cmd/kwok' },
  // KubeFed's controller manager and kubefedctl in one.
  hyperfed: { module: 'kubefed', path: 'sigs.k8s.io/kubefed/cmd/hyperfed' },
  kind: { module: 'kind', path: 'sigs.k8s.io/kind' },
  helm: { module: 'helm', path: 'helm.sh/helm/v4/cmd/helm' },
  // The rest is for a kind node that is made here.
  kubelet: kubernetes('kubelet'),
  kubeadm: kubernetes('kubeadm'),
  'kube-proxy': kubernetes('kube-proxy'),
  containerd: containerd('containerd'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  ctr: containerd('ctr'),
  crictl: { module: 'crictl', path: 'sigs.k8s.io/cri-tools/cmd/crictl' },
  coredns: { module: 'coredns', path: '.' },
  pause: { module: 'own', path: './pause' },
  'runc-as-allowed': { module: 'own', path: './runc-as-allowed' },
  // Enforces NetworkPolicies in nodes, where a test asks for that.
  'kube-router': {
    module: 'kube-router',
    path: 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router',
  },
} as const satisfies Readonly<Record<string, Source>>;
/** Those beside a control plane's are built when they are asked for by name. */
export type GoProgram = keyof typeof sources;

/** Those of which every Kubernetes version has its own. */
const versioned: ReadonlySet<GoProgram> = new Set([
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
]);

/** The module from which a program of a cluster of that version is built. */
export function moduleOf(program: GoProgram, minor: KubernetesMinor): GoModule {
  return versioned.has(program) ? controlPlaneModule(minor) : sources[program].module;
}

/** What the linker writes into a program, so that it says the version it was built from. */
export function versionFlags(module: GoModule, version: string): readonly string[] {
  const [major = '1', minor = '0'] = version.slice(1).split('.');
  const kubernetesVariables = [
    `k8s.io/component-base/version.gitVersion=${version}`,
    `k8s.io/component-base/version.gitMajor=${major}`,
    `k8s.io/component-base/version.gitMinor=${minor}`,
  ];
  const variables: Partial<Record<GoModule, readonly string[]>> = {
    ...Object.fromEntries(
      kubernetesMinors.map((each) => [controlPlaneModule(each), kubernetesVariables]),
    ),
    kubefed: [`sigs.k8s.io/kubefed/pkg/version.version=${version}`],
    containerd: [`github.com/containerd/containerd/v2/version.Version=${version}`],
    crictl: [`sigs.k8s.io/cri-tools/pkg/version.Version=${version}`],
    helm: [`helm.sh/helm/v4/internal/version.version=${version}`],
    'kube-router': [`github.com/cloudnativelabs/kube-router/v2/pkg/version.Version=${version}`],
  };
  return (variables[module] ?? []).map((variable) => `-X ${variable}`);
}

function kubernetes(program: string): Source {
  return { module: defaultControlPlane, path: `k8s.io/kubernetes/cmd/${program}` };
}

function containerd(program: string): Source {
  return { module: 'containerd', path: `github.com/containerd/containerd/v2/cmd/${program}` };
}
