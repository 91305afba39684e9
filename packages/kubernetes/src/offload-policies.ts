/** OffloadPolicy objects: as they change, and the status that tells their authors what holds. */
import { isFault, type Random, type WallMs } from '@spillway/core';
import type { OffloadPolicy, PolicyReport } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { customResourcesPath } from './custom-resources.ts';
import { type ObjectCondition, withTransitions } from './neighbour-status.ts';
import { Reflector } from './reflector.ts';

export interface OffloadPolicyStatus {
  readonly observedGeneration?: number;
  readonly policyText?: string;
  readonly conditions?: readonly ObjectCondition[];
}

export type StoredOffloadPolicy = OffloadPolicy & { readonly status?: OffloadPolicyStatus };

export interface OffloadPolicyWatchOptions {
  readonly api: ApiClient;
  readonly random: Random;
  /** Of a deleted one no more than the metadata may be known. */
  readonly onEvent: (type: 'set' | 'deleted', object: StoredOffloadPolicy) => void;
  readonly onListed: () => void;
  readonly onBroken: (error: unknown) => void;
}

export class OffloadPolicyWatch {
  readonly #options: OffloadPolicyWatchOptions;
  readonly #stopping = new AbortController();

  constructor(options: OffloadPolicyWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const reflector = new Reflector<StoredOffloadPolicy>({
      ...this.#options,
      kind: 'OffloadPolicy',
      path: `${customResourcesPath}/offloadpolicies`,
      signal: this.#stopping.signal,
    });
    void reflector.run();
  }

  stop(): void {
    this.#stopping.abort();
  }
}

/** Writes what `report` says, if the object does not say so yet; one that is gone is no matter. */
export async function writeOffloadPolicyStatus(
  api: ApiClient,
  report: PolicyReport,
  now: WallMs,
): Promise<void> {
  const { metadata, status: before } = report.object as StoredOffloadPolicy;
  const status = statusOf(report, now);
  if (before !== undefined && textOf(before) === textOf(status)) return;
  try {
    await api.call({
      method: 'PATCH',
      path: `${customResourcesPath}/namespaces/${report.namespace}/offloadpolicies/${report.name}/status`,
      contentType: 'application/json-patch+json',
      body: [
        // Of another that has taken the name, nothing is known yet.
        { op: 'test', path: '/metadata/uid', value: metadata.uid },
        { op: 'add', path: '/status', value: status },
      ],
    });
  } catch (error) {
    if (isFault(error, 'NotFound') || isFault(error, 'InvalidInput')) return;
    throw error;
  }
}

function statusOf(report: PolicyReport, now: WallMs): OffloadPolicyStatus {
  const { metadata, status } = report.object as StoredOffloadPolicy;
  const observedGeneration = metadata.generation ?? 0;
  const inForce = {
    type: 'InForce',
    status: report.inForce ? 'True' : 'False',
    reason: report.reason,
    message: report.message,
    observedGeneration,
  } as const;
  return {
    observedGeneration,
    ...(report.text !== undefined && { policyText: report.text }),
    conditions: withTransitions([inForce], status?.conditions ?? [], now),
  };
}

function textOf({ observedGeneration, policyText, conditions = [] }: OffloadPolicyStatus): string {
  const said = conditions.map(({ type, status, reason, message }) => [
    type,
    status,
    reason,
    message,
  ]);
  return JSON.stringify([observedGeneration, policyText, said]);
}
