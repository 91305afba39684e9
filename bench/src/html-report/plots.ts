/** The report's plots as SVG, drawn by Observable Plot without a browser; each in two widths. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { SystemName } from '../results/result.ts';
import { colourOf, dashOf, widthOf } from './palette.ts';

/** A line or a cloud of one system. */
export interface Curve {
  readonly system: SystemName;
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Of an interval. */
  readonly low?: number;
  readonly high?: number;
}

export interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  readonly yMax?: number;
  readonly marks?: boolean;
}

const widths = { wide: 720, narrow: 340 } as const;

/** Both widths, of which the page shows the one that fits. */
export function linePlot(curves: readonly Curve[], axes: Axes): string {
  return Object.entries(widths)
    .map(([name, width]) => `<div class="${name}">${drawn(curves, axes, width)}</div>`)
    .join('');
}

function drawn(curves: readonly Curve[], axes: Axes, width: number): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const svg = Plot.plot({
    document,
    width,
    height: Math.round(width < 500 ? width * 0.75 : width * 0.45),
    marginLeft: 52,
    marginBottom: 40,
    style: { fontSize: '12px', background: 'transparent' },
    x: {
      label: axes.x,
      type: axes.logX === true ? 'log' : 'linear',
      ticks: width < 500 ? 4 : 8,
      tickFormat: axes.logX === true ? '~s' : undefined,
    },
    y: {
      label: axes.y,
      grid: true,
      type: axes.logY === true ? 'log' : 'linear',
      ...(axes.logY === true ? { tickFormat: '~s' } : { zero: true }),
      ...(axes.yMax !== undefined && { domain: [0, axes.yMax] }),
    },
    color: { type: 'identity' },
    ariaLabel: axes.title,
    marks: curves.flatMap(({ system, points }) => {
      const stroke = colourOf(system);
      const dash = dashOf(system);
      const banded = points.filter(({ low, high }) => low !== undefined && high !== undefined);
      return [
        ...(banded.length > 1
          ? [Plot.areaY(banded, { x: 'x', y1: 'low', y2: 'high', fill: stroke, fillOpacity: 0.12 })]
          : []),
        Plot.lineY(points, {
          x: 'x',
          y: 'y',
          stroke,
          strokeWidth: widthOf(system),
          ...(dash !== undefined && { strokeDasharray: dash }),
          className: 'curve',
        }),
        ...(axes.marks === true
          ? [
              Plot.dot(points, {
                x: 'x',
                y: 'y',
                fill: stroke,
                r: 3,
                title: ({ x, y }: Point) => `${system}: ${x}, ${y}`,
              }),
            ]
          : []),
      ];
    }),
  } as Plot.PlotOptions);
  return svg.outerHTML;
}

export interface FlowMatrix {
  readonly names: readonly string[];
  /** `[home][host]`, pods. */
  readonly pods: readonly (readonly number[])[];
}

/** Where each home's pods went, as a heat map: rows are homes, columns hosts. */
export function flowPlot({ names, pods }: FlowMatrix, system: SystemName): string {
  const cells = pods.flatMap((row, home) =>
    row.map((count, host) => ({ home: names[home] ?? '', host: names[host] ?? '', count })),
  );
  const most = Math.max(1, ...cells.map(({ count }) => count));
  const { document } = parseHTML('<!doctype html><html></html>');
  const size = 26;
  const left = 88;
  const labelled = names.length <= 12;
  const svg = Plot.plot({
    document,
    width: left + 34 + size * names.length,
    height: 84 + size * names.length,
    marginLeft: left,
    marginTop: 76,
    marginBottom: 8,
    marginRight: 34,
    style: { fontSize: '11px', background: 'transparent' },
    x: { label: null, axis: 'top', tickRotate: -60, domain: [...names], padding: 0.05 },
    y: { label: null, domain: [...names], padding: 0.05 },
    ariaLabel: `${system}: pods by home and host`,
    marks: [
      Plot.cell(cells, {
        x: 'host',
        y: 'home',
        fill: colourOf(system),
        fillOpacity: ({ count }: { count: number }) =>
          count === 0 ? 0.04 : 0.15 + (0.55 * count) / most,
        title: ({ home, host, count }: { home: string; host: string; count: number }) =>
          `${home} → ${host}: ${count} pods`,
        className: 'curve',
      }),
      ...(labelled
        ? [
            Plot.text(
              cells.filter(({ count }) => count > 0),
              { x: 'host', y: 'home', text: 'count', fill: 'currentColor', fontSize: 10 },
            ),
          ]
        : []),
    ],
  });
  return svg.outerHTML;
}
