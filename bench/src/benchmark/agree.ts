/**
 * Compares the models with the real thing. Every live run of a report is played again in virtual time,
 * several times with other random delays, and the courses are compared. A live run is one course of many.
 * Whether KubeFed takes a move back depends on which of two things is a few milliseconds earlier.
 */
import { styleText } from 'node:util';
import { borderless } from '../report/tables.ts';
import type { Report, Result } from '../results/result.ts';
import { medianOf } from '../results/statistics.ts';
import type { Cell, Source } from './cells.ts';
import { percent } from './headline.ts';

/** How far the part of pods that are pending may be apart at any time. */
const apartMax = 0.02;
/** What takes a second live takes a second simulated, but not the very same one. */
const windowMs = 4_000;
/** A course is a series of moments; a moment at which a few pods were just being made says nothing, so they are averaged. */
const averagedMs = 10_000;
/** Simulated courses of each live one. */
export const lucks = 10;

export interface Agreement {
  readonly system: Result['system'];
  readonly load: number;
  readonly seed: number;
  readonly live: number;
  /** Median. */
  readonly simulated: number;
  /** The most that the live course of pending pods is outside the simulated ones, 0 to 1. */
  readonly apart: number;
  readonly runningLive: readonly number[];
  /** Of the simulated course whose end is the most like the live one's. */
  readonly runningSimulated: readonly number[];
  readonly agrees: boolean;
}

/** The cells that play what was live: `lucks` for each, in the report's order. */
export function simulatedTwins(report: Report, source: Source): readonly Cell[] {
  return report.results
    .filter(({ mode }) => mode === 'live')
    .flatMap(({ system, load, seed, durationMs }) =>
      Array.from({ length: lucks }, (_, luck) => ({
        source,
        system,
        mode: 'simulated',
        load,
        seed,
        durationMs,
        luck,
      })),
    );
}

export function agreementOf(live: Result, simulated: readonly Result[]): Agreement {
  const apart = coursesApart(live, simulated);
  const runningLive = live.series.runningAtEnd;
  const ends = simulated.map(({ series }) => series.runningAtEnd);
  const [runningSimulated = []] = ends.toSorted(
    (a, b) => distance(a, runningLive) - distance(b, runningLive),
  );
  return {
    system: live.system,
    load: live.load,
    seed: live.seed,
    live: live.pendingPodRatio,
    simulated: medianOf(simulated.map(({ pendingPodRatio }) => pendingPodRatio)),
    apart,
    runningLive,
    runningSimulated,
    agrees: apart <= apartMax,
  };
}

/** How far the live course leaves what the simulated ones show within the window around each moment. */
function coursesApart(live: Result, simulated: readonly Result[]): number {
  const real = partsPending(live);
  const models = simulated.flatMap(partsPending);
  return Math.max(
    0,
    ...real.map(({ atMs, part }) => {
      const near = models.filter((each) => Math.abs(each.atMs - atMs) <= windowMs);
      const parts = near.map((each) => each.part);
      return Math.max(Math.min(...parts) - part, part - Math.max(...parts));
    }),
  );
}

function distance(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, count, i) => sum + Math.abs(count - (b[i] ?? 0)), 0);
}

/** Part of the pods that existed around each moment that were pending. */
function partsPending({
  series: { course },
}: Result): readonly { readonly atMs: number; readonly part: number }[] {
  return course.map(({ atMs }) => {
    const around = course.filter((each) => Math.abs(each.atMs - atMs) <= averagedMs / 2);
    const existing = around.reduce((sum, each) => sum + each.existing, 0);
    const pending = around.reduce((sum, each) => sum + each.pending, 0);
    return { atMs, part: existing === 0 ? 0 : pending / existing };
  });
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
      each.agrees
        ? styleText('green', 'agree')
        : styleText('red', `more than ${100 * apartMax} points apart`),
    ]);
  }
  return table.toString();
}
