/** How much of a pod fits where, and what of all room a pod takes. */
import { milliValueOf, parseQuantity, valueOf } from '@spillway/core';
import type { PodAsk, TrialCluster, TrialNode } from '@spillway/simulator';
import type { z } from 'zod';
import type { podSchema } from './schema.ts';

const mebibyte = 2 ** 20;

export function milliCpuOf(quantity: string): number {
  return milliValueOf(parseQuantity(quantity));
}

export function mebibytesOf(quantity: string): number {
  return Math.floor(valueOf(parseQuantity(quantity)) / mebibyte);
}

export function askOf(pod: z.infer<typeof podSchema>): PodAsk {
  return {
    milliCpu: milliCpuOf(pod.cpu),
    memoryMib: mebibytesOf(pod.memory),
    milliGpu: pod.milliGpu,
    ...(pod.gpuModels !== undefined && { gpuModels: pod.gpuModels }),
  };
}

export function fitsOn(
  node: TrialNode,
  { milliCpu, memoryMib, milliGpu, gpuModels }: PodAsk,
): number {
  if (gpuModels !== undefined && !gpuModels.includes(node.gpuModel ?? '')) return 0;
  const times = (have: number, ask: number): number =>
    ask === 0 ? Number.POSITIVE_INFINITY : Math.floor(have / ask);
  return Math.min(
    times(node.milliCpu, milliCpu),
    times(node.memoryMib, memoryMib),
    times(node.milliGpu, milliGpu),
  );
}

/** How many of this very pod all clusters hold, node by node. */
export function placeable(clusters: readonly TrialCluster[], ask: PodAsk): number {
  let sum = 0;
  for (const { nodes } of clusters) for (const node of nodes) sum += fitsOn(node, ask);
  return sum;
}
