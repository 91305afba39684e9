/**
 * Plots as inline SVG, drawn by Observable Plot on a document of linkedom's. The report has no script,
 * `currentColor` and CSS variables follow the reader's colour scheme, and text stays text. Rejected: charts
 * that draw themselves in the browser (ECharts, Vega), with 300 kB to 1 MB of script for each report.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { trusted, type Markup } from '../markup.ts';

const { document } = parseHTML('<!doctype html><html><body></body></html>');

export interface Drawing extends Plot.PlotOptions {
  /** What a screen reader says in place of the plot. */
  readonly ariaLabel: string;
}

/** Font size and colours are the style sheet's. */
export function draw(options: Drawing): Markup {
  const { width = 330, x = {} } = options;
  const svg = Plot.plot({
    className: 'plot',
    height: Math.round(width * 0.42 + 90),
    marginLeft: 52,
    marginRight: 12,
    marginTop: 10,
    marginBottom: 44,
    ...options,
    x: { labelAnchor: 'center', labelArrow: 'none', labelOffset: 38, ...x },
    document,
  });
  svg.querySelector('style')?.remove();
  svg.setAttribute('role', 'img');
  svg.removeAttribute('font-family');
  svg.removeAttribute('font-size');
  return trusted(rounded(svg.outerHTML));
}

/** Once for phones, once for wide screens; the style sheet shows the one that fits. */
export function drawTwice(drawing: (width: number) => Drawing): Markup {
  const { markup: narrow } = draw(drawing(330));
  const { markup: wide } = draw(drawing(580));
  return trusted(`<div class="narrow">${narrow}</div><div class="wide">${wide}</div>`);
}

/** A tenth of a pixel is as fine as anyone sees; the file halves. */
function rounded(svg: string): string {
  return svg.replace(/-?\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10));
}
