/** Where each home's pods went: a matrix of home × host per system. */
import * as Plot from '@observablehq/plot';
import type { SystemName } from '../../results/result.ts';
import { html, trusted, type Markup } from '../markup.ts';
import type { LoadGroup, SystemRuns } from '../settings.ts';
import { draw } from './draw.ts';
import { swatch } from './figure.ts';

/** Maximum number of clusters up to which each cell has its number, and each row its name. */
const numberedClustersMax = 8;
const namedClustersMax = 12;
const nameLengthMax = 10;
const width = 270;

interface Cell {
  readonly home: number;
  readonly host: number;
  readonly share: number;
}

export function flows({ runs }: LoadGroup): Markup | undefined {
  const matrices = runs.filter(({ system, results }) => {
    // On their own, clusters keep everything; to the oracle every cluster is as good as home.
    return (
      system !== 'isolated' &&
      system !== 'oracle' &&
      results.some(({ series }) => series.flows.length > 0)
    );
  });
  if (matrices.length === 0) return undefined;
  return html`<figure class="full">
<h4>Where each home’s pods went</h4>
<ul class="legend"><li><i class="key home"></i>at home</li><li><i class="key away"></i>away</li></ul>
<div class="matrices" tabindex="0" role="region" aria-label="Flows">${matrices.map(matrix)}</div>
<figcaption>Rows are homes, where pods were created; columns are hosts, where they got a node. A row adds up to 100 % of that home’s pods that got one; the stronger a cell, the larger its part. All seeds together.</figcaption>
</figure>`;
}

function matrix({ system, results }: SystemRuns): Markup {
  const names = results[0]?.series.clusterNames ?? [];
  const cells = sharesOf(results.map(({ series }) => series.flows));
  return html`<div><h5>${swatch(system)}${system}</h5>${drawMatrix(system, names, cells)}</div>`;
}

function drawMatrix(system: SystemName, names: readonly string[], cells: readonly Cell[]): Markup {
  const named = names.length <= namedClustersMax;
  const numbered = names.length <= numberedClustersMax;
  const longest = Math.max(0, ...names.map((name) => short(name).length));
  const margin = named ? 16 + Math.ceil(longest * 7) : 24;
  const tickFormat = (at: number): string => (named ? short(names[at] ?? '') : '');
  const every = names.map((_, at) => at);
  const side = width - margin - 4;
  const axis = { domain: every, tickFormat, tickSize: 0 };
  const { markup } = draw({
    ariaLabel: `Flows of pods from home to host under ${system}`,
    width,
    height: side * 0.8 + margin + 4,
    marginLeft: margin,
    marginTop: margin,
    marginRight: 4,
    marginBottom: 4,
    padding: names.length > numberedClustersMax ? 0.04 : 0.06,
    x: {
      ...axis,
      axis: 'top',
      tickRotate: named ? -90 : 0,
      label: named ? null : 'host',
      labelOffset: 18,
    },
    y: {
      ...axis,
      label: named ? null : 'home',
      labelAnchor: 'center',
      labelArrow: 'none',
      labelOffset: 18,
    },
    marks: [
      marked(
        cells.filter(({ home, host }) => home === host),
        'var(--at-home)',
        numbered,
      ),
      marked(
        cells.filter(({ home, host }) => home !== host),
        'var(--away)',
        numbered,
      ),
      numbered
        ? Plot.text(cells, {
            x: 'host',
            y: 'home',
            text: ({ share }: Cell) => (share < 0.01 ? '<1' : String(Math.round(share * 100))),
          })
        : undefined,
    ],
    opacity: { type: 'identity' },
  });
  return trusted(markup);
}

/** By the root of the share, so that small flows are seen; where there are numbers, never so strong that they are not. */
function marked(cells: readonly Cell[], fill: string, numbered: boolean): Plot.Markish {
  const [least, most] = numbered ? [0.06, 0.56] : [0.2, 1];
  return Plot.cell(cells, {
    x: 'host',
    y: 'home',
    fill,
    fillOpacity: ({ share }: Cell) => least + (most - least) * Math.sqrt(share),
    className: 'mark',
  });
}

/** Cells without a pod are left out. */
function sharesOf(runs: readonly (readonly (readonly number[])[])[]): readonly Cell[] {
  const size = Math.max(0, ...runs.map(({ length }) => length));
  const at = (home: number, host: number): number =>
    runs.reduce((sum, matrix) => sum + (matrix[home]?.[host] ?? 0), 0);
  return Array.from({ length: size }, (_, home) => {
    const row = Array.from({ length: size }, (_, host) => at(home, host));
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, host) => (count === 0 ? [] : [{ home, host, share: count / all }]));
  }).flat();
}

function short(name: string): string {
  return name.length <= nameLengthMax ? name : `${name.slice(0, nameLengthMax - 1)}…`;
}
