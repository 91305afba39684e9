/** Pending pods, or replicas that do not run, over the time of a trial. */
import type { Result } from '../../results/result.ts';
import { medianOf } from '../../results/statistics.ts';
import type { Markup } from '../markup.ts';
import type { LoadGroup } from '../settings.ts';
import { drawTwice } from './draw.ts';
import { figure } from './figure.ts';
import { lineMarks, percentAxis, type Line, type Point } from './lines.ts';

type Moment = Result['series']['course'][number];

export function pendingCourse(group: LoadGroup): Markup | undefined {
  return courseFigure(group, {
    title: 'Pending pods over time',
    definition:
      'At each moment: pods that do not run yet, in parts of the pods that exist. Median over seeds.',
    ratio: ({ pending, existing }) => part(pending, existing),
  });
}

export function unservedCourse(group: LoadGroup): Markup | undefined {
  return courseFigure(group, {
    title: 'Unserved replicas over time',
    definition:
      'At each moment: replicas that were asked for and do not run, whether or not a pod exists for them, in parts of the replicas asked for. Median over seeds.',
    ratio: ({ demanded, served }) => part(demanded - served, demanded),
  });
}

interface Course {
  readonly title: string;
  readonly definition: string;
  readonly ratio: (moment: Moment) => number;
}

function courseFigure(
  { runs }: LoadGroup,
  { title, definition, ratio }: Course,
): Markup | undefined {
  const lines = runs
    .map(({ system, results }): Line => ({ system, points: medianCourse(results, ratio) }))
    .filter(({ points }) => points.length > 0);
  if (lines.length === 0) return undefined;
  const lastMs = Math.max(...lines.flatMap(({ points }) => points.map(({ x }) => x)));
  const unit = unitOf(lastMs);
  const plot = drawTwice((width) => ({
    ariaLabel: title,
    width,
    x: {
      domain: [0, lastMs / unit.ms],
      label: unit.name,
      ticks: width < 400 ? 5 : 8,
    },
    y: percentAxis(lines),
    marks: lineMarks(
      lines.map(({ system, points }) => ({
        system,
        points: points.map(({ x, y }) => ({ x: x / unit.ms, y })),
      })),
    ),
  }));
  return figure({ title, definition, systems: lines.map(({ system }) => system), plot });
}

/** Runs of one setting have their moments at equal steps: the i-th of each run belong together. */
function medianCourse(
  results: readonly Result[],
  ratio: (moment: Moment) => number,
): readonly Point[] {
  const courses = results.map(({ series }) => series.course);
  const length = Math.max(...courses.map((course) => course.length));
  return Array.from({ length }, (_, i) => {
    const moments = courses.flatMap((course) => course[i] ?? []);
    return { x: medianOf(moments.map(({ atMs }) => atMs)), y: medianOf(moments.map(ratio)) };
  });
}

function unitOf(ms: number): { readonly ms: number; readonly name: string } {
  if (ms > 3 * 3_600_000) return { ms: 3_600_000, name: 'hours' };
  return ms > 180_000 ? { ms: 60_000, name: 'minutes' } : { ms: 1_000, name: 'seconds' };
}

function part(amount: number, of: number): number {
  return of === 0 ? 0 : amount / of;
}
