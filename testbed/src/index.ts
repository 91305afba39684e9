export {
  type Binaries,
  cacheFolder,
  ensureBinaries,
  ensureProgram,
  pinnedVersion,
} from './binaries.ts';
export {
  type AgentObject,
  agentObjects,
  installAgentRights,
  isAgentProcess,
  makeAgentPod,
} from './agent-rights.ts';
export * from './cities.ts';
export { type ClientCertificate, clientCertificate } from './client-certificate.ts';
export { type CommandRun, runCommand } from './command.ts';
export { Cluster } from './cluster.ts';
export { runCommandLine, throwing } from './command-line.ts';
export { type Component, components } from './component-arguments.ts';
export { type DockerAccess, ensureDocker, findDocker } from './docker/ensure-docker.ts';
export {
  type Finding,
  inotifySettings,
  type Machine,
  machineLimits,
  raiseInotify,
  requireMachine,
  type Wanted,
} from './docker/machine-limits.ts';
export { freePorts } from './free-ports.ts';
export { type KindNode } from './kind/create-cluster.ts';
export { KindCluster, type LogOptions } from './kind/kind-cluster.ts';
export type { KindTestbed } from './kind/kind-testbed.ts';
export { ensureNodeImage } from './kind-node/node-image.ts';
export { nodeSettings } from './kind-node/node-settings.ts';
export { ensureTestImage, type TestImage } from './kind-node/test-image.ts';
export { KubeClient, KubeError } from './kube-client.ts';
export { firstLogLine } from './kwok-kubelet.ts';
export { podAnnotations } from './kwok-stages.ts';
export { type KubeFed, startKubeFed } from './kubefed.ts';
export { Links } from './links.ts';
export { LocalCluster } from './local-cluster.ts';
export type { LocalTestbed } from './local-testbed.ts';
export {
  askedKubernetes,
  type KubernetesMinor,
  kubernetesMinors,
  kubernetesVersions,
} from './kubernetes-versions.ts';
export { kubernetesOption } from './kubernetes-option.ts';
export { type Ran, run } from './run-program.ts';
export * from './spec.ts';
export { startTestbed, type Testbed } from './testbed.ts';
export { waitFor } from './wait-for.ts';
