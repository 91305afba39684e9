/** Free capacity in words that people think in, for tables. Never used to place pods. */
import type { Resources } from '@spillway/core';
import type { FreeCapacity } from './advert.ts';
import { fitCountIn } from './fit.ts';

/** Free units of each extended resource, such as GPUs by kind. */
export function freeExtended(capacity: FreeCapacity): ReadonlyMap<string, number> {
  const free = new Map<string, number>();
  for (const bin of capacity.bins) {
    for (const [name, amount] of bin.free.extended) {
      free.set(name, (free.get(name) ?? 0) + amount * bin.nodes);
    }
  }
  return free;
}

/** Shapes that people think in, for tables: how often each still fits. */
export const commonShapes: readonly { readonly name: string; readonly requests: Resources }[] = [
  { name: '250m/256Mi', requests: ask(250, 256) },
  { name: '500m/512Mi', requests: ask(500, 512) },
  { name: '1/1Gi', requests: ask(1_000, 1_024) },
  { name: '2/4Gi', requests: ask(2_000, 4_096) },
  { name: '4/8Gi', requests: ask(4_000, 8_192) },
  { name: '1 GPU', requests: { ...ask(1_000, 1_024), extended: new Map([['nvidia.com/gpu', 1]]) } },
];

export function commonShapeFits(capacity: FreeCapacity): Readonly<Record<string, number>> {
  return Object.fromEntries(
    commonShapes.map(({ name, requests }) => {
      let fits = 0;
      for (const { nodes, free } of capacity.bins) fits += nodes * fitCountIn(free, requests);
      return [name, fits];
    }),
  );
}

function ask(milliCpu: number, memoryMebibytes: number): Resources {
  return {
    milliCpu,
    memoryBytes: memoryMebibytes * 1024 * 1024,
    ephemeralStorageBytes: 0,
    extended: new Map(),
  };
}
