/** The host's knobs: what it lends, and to what bounds. Durations in ms. */
import { Fault, type NodeName, wellKnown } from '@spillway/core';
import type { KeepFree } from '@spillway/scheduling';
import type { ShadowPlace } from './binding.ts';

export interface HostConfig {
  /** False: no new guests, those that are here stay (draining is ending them, a person's choice). */
  readonly accepting: boolean;
  /** Most guests at once, held slots included. */
  readonly guestsMax: number;
  /** What the host keeps for itself on each node. */
  readonly keepFree: KeepFree;
  /** Name of the scheduler of this cluster that binds guests; empty: the agent creates them bound. */
  readonly scheduler: string;
  /** How long a granted slot is held without a commit. */
  readonly reservationTtlMs: number;
  /** Most reservations at once of one home; beyond, `ResourceExhausted`. */
  readonly reservationsPerHomeMax: number;
  /** For how long, and of how many templates, is remembered what the API server said when it tried them. */
  readonly triesTtlMs: number;
  readonly triesRememberedMax: number;
  /** How long ended guests are remembered, and how many, to refuse a late repeated commit. */
  readonly endedTtlMs: number;
  readonly endedMax: number;
}

export const hostDefaults: HostConfig = Object.freeze({
  accepting: true,
  guestsMax: 10_000,
  keepFree: Object.freeze({ cpuFraction: 0, memoryFraction: 0 }),
  scheduler: 'default-scheduler',
  reservationTtlMs: 10_000,
  reservationsPerHomeMax: 256,
  triesTtlMs: 5_000,
  triesRememberedMax: 1_024,
  endedTtlMs: 600_000,
  endedMax: 10_000,
});

/** @throws Fault `InvalidConfig` naming the knob. */
export function checkedHostConfig(config: HostConfig): HostConfig {
  for (const knob of [
    'reservationTtlMs',
    'reservationsPerHomeMax',
    'triesTtlMs',
    'triesRememberedMax',
    'endedTtlMs',
    'endedMax',
  ] as const) {
    if (!(config[knob] > 0))
      throw new Fault(
        'InvalidConfig',
        `host.${knob}: expected a positive number, got ${config[knob]}`,
      );
  }
  if (!(config.guestsMax >= 0))
    throw new Fault('InvalidConfig', `host.guestsMax: expected 0 or more, got ${config.guestsMax}`);
  if (config.scheduler === wellKnown.schedulerName)
    throw new Fault(
      'InvalidConfig',
      `host.scheduler: expected a scheduler of the cluster, got ${config.scheduler}, which binds no guests`,
    );
  return Object.freeze({ ...config });
}

/** Where a shadow is to run, and who binds it there. */
export function placeOn(node: NodeName, { scheduler }: Pick<HostConfig, 'scheduler'>): ShadowPlace {
  return scheduler === '' ? { node } : { node, scheduler };
}
