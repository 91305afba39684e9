/** What is to be run: one cell for each system, load and seed of a scenario. */
import { Fault } from '@spillway/core';
import type { Trial } from '@spillway/simulator';
import type { Result, SystemName } from '../results/result.ts';
import { loadScenario } from '../scenarios/load.ts';
import type { Scenario } from '../scenarios/schema.ts';
import { readTrace, traceDefaults, trialOfTrace } from '../scenarios/trace.ts';
import { type TrialOptions, trialOf } from '../scenarios/trial-of.ts';

/** Where a trial comes from: plain data, so that it can be handed to a worker. */
export type Source =
  | { readonly kind: 'scenario'; readonly scenario: Scenario }
  | { readonly kind: 'trace'; readonly folder: string };

export interface Cell extends TrialOptions {
  readonly source: Source;
  readonly system: SystemName;
  readonly mode: Result['mode'];
  /** Another course of what the trial leaves to chance; simulated. */
  readonly luck?: number;
}

/** @throws Fault for an unknown scenario, a bad file, a trace without its folder. */
export function sourceOf(name: string, traceFolder: string | undefined): Source {
  if (name !== 'trace') return { kind: 'scenario', scenario: loadScenario(name) };
  if (traceFolder === undefined) {
    throw new Fault(
      'InvalidInput',
      'the scenario trace needs --trace DIR, the folder of its CSV files',
    );
  }
  // Read once here, so that what is wrong with it is said before anything runs.
  readTrace(traceFolder);
  return { kind: 'trace', folder: traceFolder };
}

export function defaultLoad(source: Source): number {
  return source.kind === 'trace' ? traceDefaults.load : source.scenario.load;
}

export function trialOfCell({ source, ...options }: Cell): Trial {
  return source.kind === 'trace'
    ? trialOfTrace(readTrace(source.folder), options)
    : trialOf(source.scenario, options);
}

/** `0.9`, `0.5,0.9`, or `0.5..1.1` in steps of 0.1. @throws Fault */
export function loadsOf(text: string): readonly number[] {
  const range = /^(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)$/.exec(text);
  if (range !== null) {
    const [from, to] = [Number(range[1]), Number(range[2])];
    const count = Math.round((to - from) * 10) + 1;
    if (count >= 1)
      return Array.from({ length: count }, (_, i) => Math.round((from + i / 10) * 100) / 100);
  }
  const loads = text.split(',').map(Number);
  if (loads.some((load) => !(load > 0 && load <= 2))) {
    throw new Fault(
      'InvalidInput',
      `--load ${text}: expected 0.9, or 0.5,0.9, or 0.5..1.1, above 0 and at most 2`,
    );
  }
  return loads;
}
