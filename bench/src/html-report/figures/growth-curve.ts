/** A figure of growth against the number of clusters, both axes as wide as federations are. */
import * as Plot from '@observablehq/plot';
import type { Growth } from '../../results/result.ts';
import type { Markup } from '../markup.ts';
import { whole } from '../units.ts';
import { drawTwice } from './draw.ts';
import { figure } from './figure.ts';

export interface Curve {
  readonly title: string;
  readonly definition: string;
  readonly lines: readonly CurveLine[];
  readonly format: (value: number) => string;
  readonly goal: { readonly value: number; readonly says: string };
  /** Where the y axis may have ticks; without them it is linear and starts at 0. */
  readonly logarithmicTicks?: readonly number[];
}

export interface CurveLine {
  /** Null where there is none. */
  readonly value: (growth: Growth) => number | null;
  /** At its end. */
  readonly says?: string;
  /** SVG dash array. */
  readonly dash?: string;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** `rows` ascending by clusters. */
export function curveFigure(rows: readonly Growth[], curve: Curve): Markup {
  const { title, definition, goal, lines } = curve;
  const { toY, axis } = yAxisOf(rows, curve);
  const clusters = [...new Set(rows.map((row) => row.clusters))];
  const goalY = [toY(goal.value)];
  const plot = drawTwice((width) => ({
    ariaLabel: `${title} against the number of clusters`,
    width,
    marginLeft: 62,
    marginRight: 28,
    x: {
      ticks: clusters.map(Math.log10),
      tickFormat: (log: number) => whole(10 ** log),
      label: 'clusters',
      inset: 10,
    },
    y: axis,
    marks: [
      Plot.ruleY(goalY, { stroke: 'currentColor', strokeDasharray: '2 3' }),
      Plot.text(goalY, {
        y: (y: number) => y,
        text: () => goal.says,
        frameAnchor: 'left',
        textAnchor: 'start',
        dx: 4,
        dy: -8,
      }),
      ...lines.flatMap((line) =>
        lineMarks(
          line,
          rows.flatMap((row) => {
            const value = line.value(row);
            return value === null ? [] : [{ x: Math.log10(row.clusters), y: toY(value) }];
          }),
        ),
      ),
    ],
  }));
  return figure({ title, definition, plot });
}

function yAxisOf(
  rows: readonly Growth[],
  { lines, format, goal, logarithmicTicks }: Curve,
): { readonly toY: (value: number) => number; readonly axis: Plot.ScaleOptions } {
  const values = [
    goal.value,
    ...rows.flatMap((row) => lines.flatMap(({ value }) => value(row) ?? [])),
  ];
  const highest = Math.max(...values);
  const common = { grid: true, label: null };
  if (logarithmicTicks === undefined) {
    const axis = { ...common, domain: [0, highest * 1.12], ticks: 5, tickFormat: format };
    return { toY: (value) => value, axis };
  }
  const toY = (value: number): number => Math.log10(Math.max(1, value));
  const least = logarithmicTicks.findLast((tick) => tick <= Math.min(...values)) ?? 1;
  const ticks = logarithmicTicks.filter((tick) => tick >= least && tick <= highest);
  return {
    toY,
    axis: {
      ...common,
      domain: [toY(least), toY(highest * 2)],
      ticks: ticks.map(toY),
      tickFormat: (log: number) => format(10 ** log),
    },
  };
}

function lineMarks({ says, dash = 'none' }: CurveLine, points: readonly Point[]): Plot.Markish[] {
  const colour = 'var(--spillway)';
  const [x, y] = ['x', 'y'];
  return [
    Plot.lineY(points, {
      x,
      y,
      stroke: colour,
      strokeWidth: 3.2,
      strokeDasharray: dash,
      className: 'mark',
    }),
    Plot.dot(points, { x, y, r: 4.5, fill: colour, className: 'mark' }),
    ...(says === undefined
      ? []
      : [
          Plot.text(points.slice(-1), {
            x,
            y,
            text: () => says,
            textAnchor: 'end',
            dy: -14,
            dx: 8,
          }),
        ]),
  ];
}
