/** What kind's nodes need to be told on a machine like this one: each only where the machine calls for it. */
import { thisMachine } from '../docker/machine-limits.ts';

export interface NodeSettings {
  /** For kind's `kubeadmConfigPatches`. */
  readonly kubeadmPatches: readonly string[];
  /** For kind's `containerdConfigPatches`. */
  readonly containerdPatches: readonly string[];
}

export function nodeSettings({ cgroup, lacksSysResource } = thisMachine()): NodeSettings {
  return {
    kubeadmPatches: cgroup === 'v1' ? [kubeletOnCgroupV1] : [],
    containerdPatches: lacksSysResource ? [oomScoresAsTheyAre] : [],
  };
}

/** Else it ends with "kubelet is configured to not run on a host using cgroup v1". */
const kubeletOnCgroupV1 = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
`;

/** Else no pod starts: "can't get final child's PID from pipe: EOF". */
const oomScoresAsTheyAre = `[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
`;
