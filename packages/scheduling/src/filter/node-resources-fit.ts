import type { PodShape, Resources, Verdict } from '@spillway/core';
import type { NodeState } from '../node-state.ts';
import { type FilterStage, passes } from '../stage.ts';

const stage = 'NodeResourcesFit';
const tooManyPods: Verdict = { code: 'Unschedulable', reason: 'Too many pods', stage };

/** Short for now, and short even if the node were empty. */
interface Shortage {
  readonly now: Verdict;
  readonly always: Verdict;
}
const cpu = shortageOf('cpu');
const memory = shortageOf('memory');
const ephemeralStorage = shortageOf('ephemeral-storage');

/** Every resource that is short is named, as kube-scheduler does (noderesources/fit.go). */
export const nodeResourcesFit: FilterStage = {
  name: stage,
  prepare({ requests }: PodShape) {
    const extended = [...requests.extended].map(([name, amount]) => ({
      name,
      amount,
      shortage: shortageOf(name),
    }));
    return {
      check(node) {
        // Almost every node that is asked has room: saying so must not allocate.
        if (fitCountOn(node, requests, undefined) > 0) return passes;
        const { allocatable, requested, podCount, allocatablePods } = node;
        let verdicts: Verdict[] | undefined;
        const ask = (amount: number, shortage: Shortage, all: number, used: number): void => {
          if (amount <= 0 || amount <= all - used) return;
          (verdicts ??= []).push(amount > all ? shortage.always : shortage.now);
        };
        if (podCount + 1 > allocatablePods) verdicts = [tooManyPods];
        ask(requests.milliCpu, cpu, allocatable.milliCpu, requested.milliCpu);
        ask(requests.memoryBytes, memory, allocatable.memoryBytes, requested.memoryBytes);
        ask(
          requests.ephemeralStorageBytes,
          ephemeralStorage,
          allocatable.ephemeralStorageBytes,
          requested.ephemeralStorageBytes,
        );
        for (const { name, amount, shortage } of extended) {
          const all = allocatable.extended.get(name) ?? 0;
          ask(amount, shortage, all, requested.extended.get(name) ?? 0);
        }
        return verdicts ?? passes;
      },
    };
  },
};

function shortageOf(name: string): Shortage {
  const reason = `Insufficient ${name}`;
  return {
    now: { code: 'Unschedulable', reason, stage },
    always: { code: 'UnschedulableAndUnresolvable', reason, stage },
  };
}

/** How many more pods that ask `requests` a node takes by resources alone, with `kept` kept free. */
export function fitCountOn(
  node: NodeState,
  requests: Resources,
  kept: Resources | undefined,
): number {
  const { allocatable, requested } = node;
  let fits = node.allocatablePods - node.podCount;
  const limit = (asked: number, free: number): void => {
    if (asked > 0) fits = Math.min(fits, Math.floor(free / asked));
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
  return Math.max(0, fits);
}
