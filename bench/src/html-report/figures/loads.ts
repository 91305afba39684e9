/** A ratio against the load that was asked, with what the seeds leave uncertain. */
import * as Plot from '@observablehq/plot';
import type { Result, SystemName } from '../../results/result.ts';
import { estimate, type Estimate } from '../../results/statistics.ts';
import type { Markup } from '../markup.ts';
import type { Setting } from '../settings.ts';
import { systemStyles } from '../system-style.ts';
import { drawTwice } from './draw.ts';
import { figure } from './figure.ts';
import { lineMarks, percentAxis, inOrderOfDrawing } from './lines.ts';

export function pendingAgainstLoad(setting: Setting): Markup | undefined {
  return againstLoad(setting, {
    title: 'Pending pods against load',
    definition:
      'Pending pods in parts of existing pods, both summed over time, against load: what all homes ask in parts of what all clusters have. Median over seeds; bars are 95 % bootstrap intervals.',
    ratio: ({ pendingPodRatio }) => pendingPodRatio,
  });
}

export function unservedAgainstLoad(setting: Setting): Markup | undefined {
  return againstLoad(setting, {
    title: 'Unserved replicas against load',
    definition:
      'Replicas that did not run in parts of replicas asked for, both summed over time. Median over seeds; bars are 95 % bootstrap intervals.',
    ratio: ({ unservedReplicaRatio }) => unservedReplicaRatio,
  });
}

interface Against {
  readonly title: string;
  readonly definition: string;
  readonly ratio: (result: Result) => number;
}

interface EstimateAt extends Estimate {
  readonly x: number;
  readonly y: number;
}

interface Estimates {
  readonly system: SystemName;
  readonly points: readonly EstimateAt[];
}

/** Undefined below two loads: one point is no curve. */
function againstLoad(
  { loads }: Setting,
  { title, definition, ratio }: Against,
): Markup | undefined {
  if (loads.length < 2) return undefined;
  const systems = new Set(loads.flatMap(({ runs }) => runs.map(({ system }) => system)));
  const lines = [...systems].map(
    (system): Estimates => ({
      system,
      points: loads.flatMap(({ load, runs }) => {
        const own = runs.find((run) => run.system === system);
        if (own === undefined) return [];
        const estimated = estimate(own.results.map(ratio));
        return [{ ...estimated, x: load * 100, y: estimated.median }];
      }),
    }),
  );
  const highs = lines.map(({ system, points }) => ({
    system,
    points: points.map(({ x, high }) => ({ x, y: high })),
  }));
  const plot = drawTwice((width) => ({
    ariaLabel: title,
    width,
    marginRight: 16,
    x: {
      label: 'load in % of all room',
      inset: 8,
      ticks: width < 400 ? 5 : 8,
    },
    y: percentAxis(highs),
    marks: [
      ...inOrderOfDrawing(lines).map(({ system, points }) =>
        Plot.ruleX(points, {
          x: 'x',
          y1: 'low',
          y2: 'high',
          stroke: `var(${systemStyles[system].colour})`,
          strokeWidth: 4,
          strokeOpacity: 0.45,
        }),
      ),
      ...lineMarks(lines),
      ...inOrderOfDrawing(lines).map(({ system, points }) =>
        Plot.dot(points, {
          x: 'x',
          y: 'y',
          r: system === 'spillway' ? 4 : 2.5,
          fill: `var(${systemStyles[system].colour})`,
          className: 'mark',
        }),
      ),
    ],
  }));
  return figure({ title, definition, systems: [...systems], plot });
}
