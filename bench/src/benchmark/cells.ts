/** What is to be run: one cell for each system, load and seed of a scenario. */
import { Fault } from '@spillway/core';
import type { Trial } from '@spillway/simulator';
import type { Result, SystemName } from '../results/result.ts';
import { loadScenario } from '../scenarios/load.ts';
import type { Scenario } from '../scenarios/schema.ts';
import { traceDefaults, trialOfTrace } from '../scenarios/trace.ts';
import {
  readTrace,
  type TraceFiles,
  traceFilesOf,
  type TraceOptions,
} from '../scenarios/trace-files.ts';
import { type TrialOptions, trialOf } from '../scenarios/trial-of.ts';

/** Where a trial comes from: plain data, so that it can be handed to a worker. */
export type Source =
  | { readonly kind: 'scenario'; readonly scenario: Scenario }
  | { readonly kind: 'trace'; readonly files: TraceFiles };

export interface Cell extends TrialOptions {
  readonly source: Source;
  readonly system: SystemName;
  readonly mode: Result['mode'];
  /** Another course of what the trial leaves to chance; simulated. */
  readonly luck?: number;
}

/**
 * `say` is told what is taken for what the files of a trace lack.
 *
 * @throws Fault for an unknown scenario, a bad file, a trace whose files nobody names.
 */
export function sourceOf(
  name: string,
  options: TraceOptions,
  say: (sentence: string) => void,
): Source {
  if (name !== 'trace') {
    const stray = (['trace', 'pods', 'nodes'] as const).find((option) => options[option]);
    if (stray === undefined) return { kind: 'scenario', scenario: loadScenario(name) };
    throw new Fault('InvalidInput', `--${stray} is for the scenario trace, and this is ${name}`);
  }
  const files = traceFilesOf(options);
  // Read once here, so that what is wrong with it is said before anything runs.
  for (const sentence of readTrace(files).taken) say(sentence);
  return { kind: 'trace', files };
}

export function defaultLoad(source: Source): number {
  return source.kind === 'trace' ? traceDefaults.load : source.scenario.load;
}

export function trialOfCell({ source, ...options }: Cell): Trial {
  return source.kind === 'trace'
    ? trialOfTrace(readTrace(source.files), options)
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
