/**
 * Holds the models to the real thing: every live run of a report is played again in virtual time, and
 * the two courses are laid over each other.
 */
import pc from 'picocolors';
import { borderless } from '../report/tables.ts';
import type { Report, Result } from '../results/result.ts';
import type { Cell, Source } from './cells.ts';
import { percent } from './headline.ts';

/** How far the part of pods that are pending may be apart at any time. */
const apartMax = 0.02;
/** What takes a second live takes a second simulated, but not the very same one. */
const windowMs = 4_000;

export interface Agreement {
  readonly system: Result['system'];
  readonly load: number;
  readonly seed: number;
  readonly live: number;
  readonly simulated: number;
  /** The most that the live course of pending pods is outside the simulated one, 0 to 1. */
  readonly apart: number;
  readonly runningLive: readonly number[];
  readonly runningSimulated: readonly number[];
  readonly agrees: boolean;
}

/** The cells that play what was live, in the report's order. */
export function simulatedTwins(report: Report, source: Source): readonly Cell[] {
  return report.results
    .filter(({ mode }) => mode === 'live')
    .map(({ system, load, seed, durationMs }) => ({
      source,
      system,
      mode: 'simulated',
      load,
      seed,
      durationMs,
    }));
}

export function agreementOf(live: Result, simulated: Result): Agreement {
  const apart = coursesApart(live, simulated);
  const [runningLive, runningSimulated] = [live.series.runningAtEnd, simulated.series.runningAtEnd];
  return {
    system: live.system,
    load: live.load,
    seed: live.seed,
    live: live.pendingPodRatio,
    simulated: simulated.pendingPodRatio,
    apart,
    runningLive,
    runningSimulated,
    agrees: apart <= apartMax,
  };
}

/** How far the live course leaves what the simulated one shows within the window around each moment. */
function coursesApart(live: Result, simulated: Result): number {
  const real = partsPending(live);
  const model = partsPending(simulated);
  return Math.max(
    0,
    ...real.map(({ atMs, part }) => {
      const near = model.filter((each) => Math.abs(each.atMs - atMs) <= windowMs);
      const parts = near.map((each) => each.part);
      return Math.max(Math.min(...parts) - part, part - Math.max(...parts));
    }),
  );
}

function partsPending({
  series,
}: Result): readonly { readonly atMs: number; readonly part: number }[] {
  return series.course.map(({ atMs, pending, existing }) => ({
    atMs,
    part: existing === 0 ? 0 : pending / existing,
  }));
}

export function agreementTable(agreements: readonly Agreement[]): string {
  const table = borderless([
    'SYSTEM',
    'LOAD',
    'SEED',
    'PENDING LIVE',
    'SIMULATED',
    'MOST APART',
    'RUNNING AT END, LIVE',
    'SIMULATED',
    '',
  ]);
  for (const each of agreements) {
    table.push([
      each.system,
      each.load,
      each.seed,
      percent(each.live),
      percent(each.simulated),
      `${(100 * each.apart).toFixed(1)} points`,
      each.runningLive.join(' '),
      each.runningSimulated.join(' '),
      each.agrees ? pc.green('agree') : pc.red(`more than ${100 * apartMax} points apart`),
    ]);
  }
  return table.toString();
}
