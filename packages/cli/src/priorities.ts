/** Priorities of pods that do not exist, as the API server's admission would set them: by their PriorityClass. */
import type { DryRunRequest } from '@spillway/agent/api-schemas';
import { Fault, isFault } from '@spillway/core';
import type { UserCluster } from './connection/cluster.ts';
import { read } from './connection/find-agent.ts';

type Batches = DryRunRequest['batches'];

export interface PriorityClass {
  readonly metadata: { readonly name?: string };
  readonly value: number;
  readonly globalDefault?: boolean;
  readonly preemptionPolicy?: string;
}

/** Undefined when the user may not list them. */
export async function priorityClassesOf(
  cluster: UserCluster,
): Promise<readonly PriorityClass[] | undefined> {
  try {
    const path = '/apis/scheduling.k8s.io/v1/priorityclasses';
    return (await read<{ readonly items: readonly PriorityClass[] }>(cluster, path)).items;
  } catch (error) {
    if (isFault(error, 'PermissionDenied')) return undefined;
    throw error;
  }
}

export interface Prioritised {
  readonly batches: Batches;
  /** Classes that pods name, and that are not known: their pods have no priority here. */
  readonly unknownClasses: readonly string[];
}

export interface Classes {
  /** They come with the pods. */
  readonly given: readonly PriorityClass[];
  /** Those of the cluster; undefined when they are not known. */
  readonly existing: readonly PriorityClass[] | undefined;
}

/** @throws Fault `InvalidInput` for a class that does not exist, as the API server would say it. */
export function withPriorities(batches: Batches, { given, existing }: Classes): Prioritised {
  const unknown = new Set<string>();
  const classes = [...given, ...(existing ?? [])];
  const prioritised = batches.map((batch) => {
    const { spec } = batch.pod;
    const name = spec['priorityClassName'];
    if (spec.priority !== undefined) return batch;
    const found = classes.find(({ metadata, globalDefault }) =>
      typeof name === 'string' && name !== '' ? metadata.name === name : globalDefault,
    );
    if (found === undefined) {
      if (typeof name !== 'string' || name === '') return batch;
      if (existing !== undefined) {
        const problem = `${batch.name}: no PriorityClass with name ${name} was found`;
        throw new Fault('InvalidInput', problem);
      }
      unknown.add(name);
      return batch;
    }
    const { value: priority, preemptionPolicy = 'PreemptLowerPriority' } = found;
    return { ...batch, pod: { ...batch.pod, spec: { preemptionPolicy, ...spec, priority } } };
  });
  return { batches: prioritised, unknownClasses: [...unknown].sort() };
}
