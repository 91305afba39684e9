import type { PodShape, Resources, Verdict } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { type FilterStage, passes } from '../stage.ts';

const stage = 'NodeResourcesFit';
const insufficient = (name: string): Verdict => ({
  code: 'Unschedulable',
  reason: `Insufficient ${name}`,
  stage,
});
const tooManyPods: Verdict = { code: 'Unschedulable', reason: 'Too many pods', stage };
const cpu = insufficient('cpu');
const memory = insufficient('memory');
const ephemeralStorage = insufficient('ephemeral-storage');

/** Every resource that is short is named, as kube-scheduler does (noderesources/fit.go). */
export const nodeResourcesFit: FilterStage = {
  name: stage,
  prepare({ requests }: PodShape) {
    const extended = [...requests.extended].map(([name, amount]) => ({
      name,
      amount,
      verdict: insufficient(name),
    }));
    return (node) => {
      let verdicts: Verdict[] | undefined;
      const refuse = (verdict: Verdict): void => {
        (verdicts ??= []).push(verdict);
      };
      const { allocatable, requested } = node;
      if (node.podCount + 1 > node.allocatablePods) refuse(tooManyPods);
      if (requests.milliCpu > 0 && requests.milliCpu > allocatable.milliCpu - requested.milliCpu) {
        refuse(cpu);
      }
      if (
        requests.memoryBytes > 0 &&
        requests.memoryBytes > allocatable.memoryBytes - requested.memoryBytes
      ) {
        refuse(memory);
      }
      if (
        requests.ephemeralStorageBytes > 0 &&
        requests.ephemeralStorageBytes >
          allocatable.ephemeralStorageBytes - requested.ephemeralStorageBytes
      ) {
        refuse(ephemeralStorage);
      }
      for (const { name, amount, verdict } of extended) {
        const free = (allocatable.extended.get(name) ?? 0) - (requested.extended.get(name) ?? 0);
        if (amount > free) refuse(verdict);
      }
      return verdicts ?? passes;
    };
  },
};

/** How many more pods that ask `requests` a node takes by resources alone, with `kept` kept free. */
export function fitsTimes(
  node: NodeState,
  requests: Resources,
  kept: Resources | undefined,
): number {
  const { allocatable, requested } = node;
  let times = node.allocatablePods - node.podCount;
  const limit = (asked: number, free: number): void => {
    if (asked > 0) times = Math.min(times, Math.floor(free / asked));
  };
  limit(requests.milliCpu, allocatable.milliCpu - requested.milliCpu - (kept?.milliCpu ?? 0));
  limit(
    requests.memoryBytes,
    allocatable.memoryBytes - requested.memoryBytes - (kept?.memoryBytes ?? 0),
  );
  limit(
    requests.ephemeralStorageBytes,
    allocatable.ephemeralStorageBytes - requested.ephemeralStorageBytes,
  );
  for (const [name, asked] of requests.extended) {
    limit(asked, (allocatable.extended.get(name) ?? 0) - (requested.extended.get(name) ?? 0));
  }
  return Math.max(0, times);
}
