/** What part of the pods had waited no longer, and were no farther from home. */
import type { Result } from '../../results/result.ts';
import type { Markup } from '../markup.ts';
import type { LoadGroup, SystemRuns } from '../settings.ts';
import { duration } from '../units.ts';
import { drawTwice } from './draw.ts';
import { figure } from './figure.ts';
import { lineMarks, type Line, type Point } from './lines.ts';

/** Nobody sees a pod start sooner; a logarithmic axis needs an end. */
const waitMsMin = 100;
const waitTicksMs = [100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000];

export function waits({ runs }: LoadGroup): Markup | undefined {
  const lines = distributionsOf(runs, ({ series }) => series.waitPercentilesMs);
  if (lines.length === 0) return undefined;
  const end = Math.max(10 * waitMsMin, lastOf(lines));
  const logarithmic = heldTo(lines, end).map(({ system, points }) => ({
    system,
    points: points.map(({ x, y }) => ({ x: Math.log10(Math.max(waitMsMin, x)), y })),
  }));
  const plot = drawTwice((width) => ({
    ariaLabel: 'Waiting time, cumulative',
    width,
    marginRight: 22,
    // Plot's own logarithmic scale hides the labels of minutes: they are no powers of ten.
    x: {
      domain: [Math.log10(waitMsMin), Math.log10(end)],
      ticks: waitTicksMs.filter((ms) => ms <= end).map(Math.log10),
      tickFormat: (log: number) => duration(10 ** log),
      label: 'waiting time, logarithmic',
    },
    y: partsAxis,
    marks: lineMarks(logarithmic),
  }));
  return figure({
    title: 'Waiting time',
    definition:
      'What part of all pods ran within this time after they were created. A line that ends below 100 % leaves the rest waiting to their end. All seeds together.',
    systems: lines.map(({ system }) => system),
    plot,
  });
}

export function offloadRtts({ runs }: LoadGroup): Markup | undefined {
  // To the oracle every cluster is as good as home.
  const placers = runs.filter(({ system }) => system !== 'oracle');
  const lines = distributionsOf(placers, ({ series }) => series.offloadRttPercentilesMs);
  if (lines.length === 0) return undefined;
  const end = Math.max(1, lastOf(lines)) * 1.03;
  const plot = drawTwice((width) => ({
    ariaLabel: 'Round-trip time of offloaded pods, cumulative',
    width,
    marginRight: 22,
    x: { domain: [0, end], label: 'ms', ticks: 6 },
    y: partsAxis,
    marks: lineMarks(heldTo(lines, end), 'step-after'),
  }));
  return figure({
    title: 'How far offloaded pods are',
    definition:
      'What part of the pods that run away from home are within this many milliseconds (round trip) of it. All seeds together.',
    systems: lines.map(({ system }) => system),
    plot,
  });
}

const partsAxis = {
  domain: [0, 1],
  grid: true,
  label: null,
  ticks: [0, 0.25, 0.5, 0.75, 1],
  tickFormat: (ratio: number) => `${ratio * 100} %`,
};

/** A run's percentiles 1 to 100; null is never. */
type Percentiles = readonly (number | null)[];

/** Systems without any value are left out. */
function distributionsOf(
  runs: readonly SystemRuns[],
  percentilesOf: (result: Result) => Percentiles,
): readonly Line[] {
  return runs
    .map(({ system, results }) => ({ system, points: pooled(results.map(percentilesOf)) }))
    .filter(({ points }) => points.length > 0);
}

/** Percentiles 1 to 100 of all runs together, each run weighing the same; one point for each value. */
function pooled(runs: readonly Percentiles[]): readonly Point[] {
  const all = runs.flat().sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  const percentiles = all.filter((_, i) => (i + 1) % runs.length === 0);
  return percentiles.flatMap((x, i) =>
    x === null || x === percentiles[i + 1] ? [] : [{ x, y: (i + 1) / percentiles.length }],
  );
}

function lastOf(lines: readonly Line[]): number {
  return Math.max(...lines.flatMap(({ points }) => points.map(({ x }) => x)));
}

/** From 0 up at the first value, and level from the last one to the end of the axis. */
function heldTo(lines: readonly Line[], end: number): readonly Line[] {
  return lines.map(({ system, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return { system, points };
    return { system, points: [{ x: first.x, y: 0 }, ...points, { x: end, y: last.y }] };
  });
}
