/** Whether a pod that no API server has seen can be judged at all. */
import { Fault, isFault, type Pod, shapeOf } from '@spillway/core';
import { needsOf, portabilityVerdicts } from './portability.ts';

/** @throws Fault `InvalidInput`, `InvalidQuantity` that begins with `where`, and says what is wrong there. */
export function requireReadable(where: string, pod: Pod): void {
  try {
    shapeOf(pod);
    needsOf(pod.spec);
    portabilityVerdicts(pod);
  } catch (error) {
    if (isFault(error)) throw new Fault(error.code, `${where}: ${error.message}`, { cause: error });
    const { message } = error as Error;
    const problem = `${where}: its pods are not as Kubernetes describes them (${message})`;
    throw new Fault('InvalidInput', problem, { cause: error });
  }
}
