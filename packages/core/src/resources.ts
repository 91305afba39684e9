/**
 * What nodes have and pods ask, in the integers that kube-scheduler itself computes with
 * (framework.Resource): milli-CPU, bytes, whole units of extended resources.
 *
 * JavaScript's numbers are exact up to 2^53; larger quantities (9 PB of memory) saturate there,
 * where kube-scheduler saturates at 2^63 - 1.
 */
import type { ResourceList } from './kubernetes-objects.ts';
import { milliValueOf, type Quantity, quantityOf, valueOf } from './quantity.ts';

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
  const amounts: [string, Quantity][] = [];
  for (const name in list) {
    const text = list[name];
    if (text !== undefined) amounts.push([name, quantityOf(name, text)]);
  }
  return resourcesOfAmounts(amounts);
}

/** Rounds up, as kube-scheduler does: CPU to thousandths, all else to whole units. */
export function resourcesOfAmounts(amounts: Iterable<readonly [string, Quantity]>): Resources {
  let milliCpu = 0;
  let memoryBytes = 0;
  let ephemeralStorageBytes = 0;
  let extended: Map<string, number> | undefined;
  for (const [name, amount] of amounts) {
    if (name === 'pods') continue;
    if (name === 'cpu') milliCpu = milliValueOf(amount);
    else if (name === 'memory') memoryBytes = valueOf(amount);
    else if (name === 'ephemeral-storage') ephemeralStorageBytes = valueOf(amount);
    else if (amount !== 0n) (extended ??= new Map()).set(name, valueOf(amount));
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
    extended: b.extended.size === 0 ? a.extended : combined(a.extended, b.extended, times),
  };
}

function combined(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  times: number,
): ReadonlyMap<string, number> {
  const result = new Map(a);
  for (const [name, amount] of b) {
    const sum = (a.get(name) ?? 0) + times * amount;
    if (sum === 0) result.delete(name);
    else result.set(name, sum);
  }
  return result;
}
