/**
 * What nodes have and pods ask, in the integers that kube-scheduler itself computes with
 * (framework.Resource): milli-CPU, bytes, whole units of extended resources.
 *
 * JavaScript's numbers are exact up to 2^53; larger quantities (9 PB of memory) saturate there,
 * where kube-scheduler saturates at 2^63 - 1.
 */
export interface Resources {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  /** Extended resources, huge pages included, by name: `nvidia.com/gpu`. Never holds a zero. */
  readonly extended: ReadonlyMap<string, number>;
}
