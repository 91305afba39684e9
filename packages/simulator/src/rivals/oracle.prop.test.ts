import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PodAsk, TrialNode } from '../trial.ts';
import { type Kind, runnableAtMost } from './oracle.ts';

const runs = 2_000;
const model = fc.constantFrom('T4', 'V100');

const node: fc.Arbitrary<TrialNode> = fc
  .tuple(fc.nat(8), fc.nat(8), fc.nat(4), fc.option(model, { nil: undefined }))
  .map(([milliCpu, memoryMib, milliGpu, gpuModel]) => ({
    milliCpu,
    memoryMib,
    milliGpu,
    ...(gpuModel !== undefined && { gpuModel }),
  }));
const nodes = fc.array(node, { maxLength: 3 });

const ask: fc.Arbitrary<PodAsk> = fc
  .tuple(fc.nat(5), fc.nat(5), fc.nat(2), fc.option(fc.uniqueArray(model), { nil: undefined }))
  .map(([milliCpu, memoryMib, milliGpu, gpuModels]) => ({
    milliCpu,
    memoryMib,
    milliGpu,
    ...(gpuModels !== undefined && { gpuModels }),
  }));
const kind: fc.Arbitrary<Kind> = fc.record({ ask, count: fc.nat(3) });
const kinds = fc.array(kind, { maxLength: 3 });

test('never below what the best of all placements runs', () => {
  holds(fc.tuple(nodes, kinds), ([free, pods]) => {
    expect(runnableAtMost(free, pods)).toBeGreaterThanOrEqual(runnable(free, pods));
  });
});

test('never more than there are pods', () => {
  holds(fc.tuple(nodes, kinds), ([free, pods]) => {
    expect(runnableAtMost(free, pods)).toBeLessThanOrEqual(podsOf(pods).length);
  });
});

test('pods of one kind: exact', () => {
  holds(fc.tuple(nodes, ask, fc.nat(8)), ([free, ask, count]) => {
    expect(runnableAtMost(free, [{ ask, count }])).toBe(runnable(free, [{ ask, count }]));
  });
});

test('one node, one resource that binds: exact', () => {
  const cpuOnly = kinds.map((all) =>
    all.map(({ ask: { milliCpu }, count }) => ({ ask: pure(milliCpu), count })),
  );
  holds(fc.tuple(fc.nat(12), cpuOnly), ([milliCpu, pods]) => {
    expect(runnableAtMost([pure(milliCpu)], pods)).toBe(runnable([pure(milliCpu)], pods));
  });
});

test('sizes that divide the nodes and each other, one resource that binds: exact', () => {
  const sizes = fc.array(fc.record({ size: fc.constantFrom(1, 2, 4), count: fc.nat(3) }), {
    maxLength: 3,
  });
  const room = fc.array(fc.constantFrom(4, 8), { maxLength: 3 });
  holds(fc.tuple(room, sizes), ([room, sizes]) => {
    const free = room.map(pure);
    const pods = sizes.map(({ size, count }) => ({ ask: pure(size), count }));
    expect(runnableAtMost(free, pods)).toBe(runnable(free, pods));
  });
});

test('another node or other pods never lower it', () => {
  holds(fc.tuple(nodes, kinds, node, kind), ([free, pods, node, kind]) => {
    const before = runnableAtMost(free, pods);
    expect(runnableAtMost([...free, node], pods)).toBeGreaterThanOrEqual(before);
    expect(runnableAtMost(free, [...pods, kind])).toBeGreaterThanOrEqual(before);
  });
});

/** The truth: each pod tried on each node, and left out. */
function runnable(free: readonly TrialNode[], kinds: readonly Kind[]): number {
  const pods = podsOf(kinds);
  const best = (at: number, left: readonly TrialNode[], running: number): number => {
    const pod = pods[at];
    if (pod === undefined) return running;
    let most = best(at + 1, left, running);
    for (const [i, node] of left.entries()) {
      if (most === running + pods.length - at) break;
      const rest = {
        ...node,
        milliCpu: node.milliCpu - pod.milliCpu,
        memoryMib: node.memoryMib - pod.memoryMib,
        milliGpu: node.milliGpu - pod.milliGpu,
      };
      const serves = pod.gpuModels?.some((model) => model === node.gpuModel) ?? true;
      if (!serves || Math.min(rest.milliCpu, rest.memoryMib, rest.milliGpu) < 0) continue;
      most = Math.max(most, best(at + 1, left.with(i, rest), running + 1));
    }
    return most;
  };
  return best(0, free, 0);
}

function podsOf(kinds: readonly Kind[]): PodAsk[] {
  return kinds.flatMap(({ ask, count }) => Array.from({ length: count }, () => ask));
}

/** CPU and nothing else, of a node as of a pod. */
function pure(milliCpu: number): TrialNode & PodAsk {
  return { milliCpu, memoryMib: 0, milliGpu: 0 };
}

function holds<T>(of: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(of, check), { numRuns: runs });
}
