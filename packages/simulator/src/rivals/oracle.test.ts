import { describe, expect, test } from 'vitest';
import type { PodAsk, TrialNode } from '../trial.ts';
import { runnableAtMost } from './oracle.ts';

const node = (of: Partial<TrialNode>): TrialNode => ({
  milliCpu: 4_000,
  memoryMib: 4_096,
  milliGpu: 0,
  ...of,
});
const ask = (of: Partial<PodAsk>): PodAsk => ({
  milliCpu: 1_000,
  memoryMib: 1_024,
  milliGpu: 0,
  ...of,
});

describe('pods of one kind', () => {
  test('as many as the nodes hold, or as there are: 5 clusters × 5 nodes × 4', () => {
    const free = Array.from({ length: 25 }, () => node({}));
    expect(runnableAtMost(free, [{ ask: ask({}), count: 110 }])).toBe(100);
    expect(runnableAtMost(free, [{ ask: ask({}), count: 90 }])).toBe(90);
  });

  // 2500m on 4000m: one each, though 3 × 4000 / 2500 = 4.8 in sum.
  test('room in fragments is not room', () => {
    const big = { ask: ask({ milliCpu: 2_500 }), count: 9 };
    expect(runnableAtMost([node({}), node({}), node({})], [big])).toBe(3);
  });

  // Per node: CPU 4, memory floor(4096/2000) = 2; 1 of GPU: floor(1000/300) = 3.
  test('the scarcest resource of each node decides', () => {
    const kind = { ask: ask({ memoryMib: 2_000, milliGpu: 300 }), count: 9 };
    expect(runnableAtMost([node({ milliGpu: 1_000 }), node({})], [kind])).toBe(2);
  });

  test('only nodes with the GPU model count', () => {
    const free = ['T4', 'V100', undefined].map((gpuModel) =>
      node({ milliGpu: 2_000, ...(gpuModel !== undefined && { gpuModel }) }),
    );
    const count = 9;
    const wants = (gpuModels?: string[]) =>
      ask({ milliGpu: 1_000, ...(gpuModels && { gpuModels }) });
    expect(runnableAtMost(free, [{ ask: wants(['T4']), count }])).toBe(2);
    expect(runnableAtMost(free, [{ ask: wants(['T4', 'V100']), count }])).toBe(4);
    expect(runnableAtMost(free, [{ ask: wants(), count }])).toBe(6);
  });
});

describe('pods of several kinds', () => {
  // Each kind alone: 2 + 3 = 5. Together 4000m: 3 × 1000 = 3000, and 1000 are too little for 2000.
  test('the small ones go first, as more of them fit', () => {
    const kinds = [
      { ask: ask({ milliCpu: 2_000, memoryMib: 1 }), count: 2 },
      { ask: ask({ milliCpu: 1_000, memoryMib: 1 }), count: 3 },
    ];
    expect(runnableAtMost([node({})], kinds)).toBe(3);
  });

  // Alone: 2 + 3 = 5. Node by node: 2 × 1500, three times: 6. Melted: 2 × 1500 + 3 × 3000 = 12000: 5.
  // The truth is 4: both small ones on one node, a large one on each of the others.
  test('may stay above the truth', () => {
    const kinds = [
      { ask: ask({ milliCpu: 1_500, memoryMib: 1 }), count: 2 },
      { ask: ask({ milliCpu: 3_000, memoryMib: 1 }), count: 3 },
    ];
    expect(runnableAtMost([node({}), node({}), node({})], kinds)).toBe(5);
  });

  // Alone: 3 + 3 = 6. Melted: 3 × 2500 + 3000 = 10500 of 12000: 4. Node by node: one each.
  test('room in fragments is not room for several kinds either', () => {
    const kinds = [
      { ask: ask({ milliCpu: 2_500 }), count: 9 },
      { ask: ask({ milliCpu: 3_000 }), count: 9 },
    ];
    expect(runnableAtMost([node({}), node({}), node({})], kinds)).toBe(3);
  });

  // The small one needs the second node for its memory; so the first takes one of 3000m and no more: 1 + 1.
  // Melted, 1000 + 3000 + 3000 of 4100 + 2999 would be 3.
  test('a pod counts only on nodes where it fits', () => {
    const free = [node({ milliCpu: 4_100 }), node({ milliCpu: 2_999, memoryMib: 8_000 })];
    const kinds = [
      { ask: ask({ memoryMib: 5_000 }), count: 1 },
      { ask: ask({ milliCpu: 3_000, memoryMib: 100 }), count: 1 },
      { ask: ask({ milliCpu: 3_000, memoryMib: 200 }), count: 1 },
    ];
    expect(runnableAtMost(free, kinds)).toBe(2);
  });

  test('what fits nowhere counts for nothing', () => {
    const kinds = [
      { ask: ask({ milliCpu: 5_000 }), count: 3 },
      { ask: ask({ milliGpu: 1 }), count: 3 },
      { ask: ask({}), count: 3 },
    ];
    expect(runnableAtMost([node({}), node({})], kinds)).toBe(3);
  });

  test('nothing asked, nothing to run; no nodes, nothing runs; pods that ask nothing all run', () => {
    expect(runnableAtMost([node({})], [])).toBe(0);
    expect(runnableAtMost([], [{ ask: ask({}), count: 3 }])).toBe(0);
    const idle = { ask: { milliCpu: 0, memoryMib: 0, milliGpu: 0 }, count: 7 };
    expect(runnableAtMost([node({ milliCpu: 0 })], [idle])).toBe(7);
  });
});
