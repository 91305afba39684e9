/**
 * What nodes have and pods ask, in the integers that kube-scheduler itself computes with
 * (framework.Resource): milli-CPU, bytes, whole units of extended resources.
 *
 * JavaScript's numbers are exact up to 2^53; larger quantities (9 PB of memory) saturate there,
 * where kube-scheduler saturates at 2^63 - 1.
 */
import type { ResourceList } from './kubernetes-objects.ts';
import { milliValueOf, parseQuantity, valueOf } from './quantity.ts';

export interface Resources {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  /** Extended resources, huge pages included, by name: `nvidia.com/gpu`. Never holds a zero. */
  readonly extended: ReadonlyMap<string, number>;
}

export const noResources: Resources = Object.freeze({
  milliCpu: 0,
  memoryBytes: 0,
  ephemeralStorageBytes: 0,
  extended: new Map<string, number>(),
});

/** A ResourceList as kube-scheduler reads it; `pods` and zeros are left out. @throws Fault `InvalidQuantity` */
export function resourcesOf(list: ResourceList | undefined): Resources {
  if (list === undefined) return noResources;
  let milliCpu = 0;
  let memoryBytes = 0;
  let ephemeralStorageBytes = 0;
  let extended: Map<string, number> | undefined;
  for (const name in list) {
    const quantity = list[name];
    if (quantity === undefined || name === 'pods') continue;
    const parsed = parseQuantity(quantity);
    if (name === 'cpu') milliCpu = milliValueOf(parsed);
    else if (name === 'memory') memoryBytes = valueOf(parsed);
    else if (name === 'ephemeral-storage') ephemeralStorageBytes = valueOf(parsed);
    else if (parsed !== 0n) (extended ??= new Map()).set(name, valueOf(parsed));
  }
  return {
    milliCpu,
    memoryBytes,
    ephemeralStorageBytes,
    extended: extended ?? noResources.extended,
  };
}

/** `a` + `times` × `b`; negative `times` subtracts. */
export function plus(a: Resources, b: Resources, times = 1): Resources {
  return {
    milliCpu: a.milliCpu + times * b.milliCpu,
    memoryBytes: a.memoryBytes + times * b.memoryBytes,
    ephemeralStorageBytes: a.ephemeralStorageBytes + times * b.ephemeralStorageBytes,
    extended: combined(a.extended, b.extended, (x, y) => x + times * y),
  };
}

/** Component-wise greater. */
export function greater(a: Resources, b: Resources): Resources {
  return {
    milliCpu: Math.max(a.milliCpu, b.milliCpu),
    memoryBytes: Math.max(a.memoryBytes, b.memoryBytes),
    ephemeralStorageBytes: Math.max(a.ephemeralStorageBytes, b.ephemeralStorageBytes),
    extended: combined(a.extended, b.extended, Math.max),
  };
}

function combined(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  combine: (x: number, y: number) => number,
): ReadonlyMap<string, number> {
  if (b.size === 0) return a;
  const result = new Map(a);
  for (const [name, amount] of b) {
    const sum = combine(a.get(name) ?? 0, amount);
    if (sum === 0) result.delete(name);
    else result.set(name, sum);
  }
  return result;
}
