/** One line per system over a common axis; Spillway's above the others, and dotted on it the oracle's. */
import * as Plot from '@observablehq/plot';
import type { SystemName } from '../../results/result.ts';
import { systemStyles } from '../system-style.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly system: SystemName;
  readonly points: readonly Point[];
}

export function lineMarks(
  lines: readonly Line[],
  curve: 'linear' | 'step-after' = 'linear',
): Plot.Markish[] {
  return inOrderOfDrawing(lines).map(({ system, points }) => {
    const { colour, dash, width } = systemStyles[system];
    return Plot.lineY(points, {
      x: 'x',
      y: 'y',
      curve,
      stroke: `var(${colour})`,
      strokeWidth: width,
      strokeDasharray: dash,
      className: 'mark',
      z: null,
      title: () => system,
    });
  });
}

export function inOrderOfDrawing<Of extends { readonly system: SystemName }>(
  of: readonly Of[],
): readonly Of[] {
  const depth = ({ system }: Of): number => ['spillway', 'oracle'].indexOf(system);
  return [...of].sort((a, b) => depth(a) - depth(b));
}

/** Percent on the y axis, from 0 to the highest point, but at least to 5 %. */
export function percentAxis(lines: readonly Line[]): Plot.ScaleOptions {
  const highest = Math.max(0.05, ...lines.flatMap(({ points }) => points.map(({ y }) => y)));
  return {
    domain: [0, Math.min(1, highest * 1.05)],
    grid: true,
    label: null,
    ticks: 5,
    tickFormat: (ratio: number) => `${Math.round(ratio * 1_000) / 10} %`,
  };
}
