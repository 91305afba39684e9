/** Kubernetes objects of a trial: the same in every system, simulated or live. */
import type { Affinity, PodSpec } from '@spillway/core';
import type { PodAsk, TrialNode } from '../trial.ts';

/** Thousandths of a GPU; an extended resource, which the node's device plugin would offer. */
export const milliGpuResource = 'spillway.dev/milli-gpu';
export const gpuModelLabel = 'nvidia.com/gpu.product';
export const trialNamespace = 'bench';
export const appLabel = 'app';
/** On pods of a system whose API server is no single home's. */
export const homeIndexLabel = 'bench.spillway.dev/home';

export function nodeNameOf(cluster: string, index: number): string {
  return `${cluster}-n${index}`;
}

export function allocatableOf(node: TrialNode): Readonly<Record<string, string>> {
  return {
    cpu: `${node.milliCpu}m`,
    memory: `${node.memoryMib}Mi`,
    pods: '110',
    ...(node.milliGpu > 0 && { [milliGpuResource]: `${node.milliGpu}` }),
  };
}

export function nodeLabelsOf({ gpuModel }: TrialNode): Readonly<Record<string, string>> {
  return gpuModel === undefined ? {} : { [gpuModelLabel]: gpuModel };
}

export function podSpecOf(ask: PodAsk, schedulerName: string | undefined): PodSpec {
  const { gpuModels } = ask;
  return {
    ...(schedulerName !== undefined && { schedulerName }),
    ...(gpuModels !== undefined && { affinity: onModels(gpuModels) }),
    containers: [
      {
        name: 'main',
        image: 'registry.example/bench:1',
        resources: {
          requests: {
            cpu: `${ask.milliCpu}m`,
            memory: `${ask.memoryMib}Mi`,
            ...(ask.milliGpu > 0 && { [milliGpuResource]: `${ask.milliGpu}` }),
          },
          // Extended resources must be asked for as limits too.
          ...(ask.milliGpu > 0 && { limits: { [milliGpuResource]: `${ask.milliGpu}` } }),
        },
      },
    ],
  };
}

function onModels(models: readonly string[]): Affinity {
  const expression = { key: gpuModelLabel, operator: 'In', values: models } as const;
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [expression] }],
      },
    },
  };
}
