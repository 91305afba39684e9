/** A plot with its title, its legend, and in words what it shows. */
import type { SystemName } from '../../results/result.ts';
import { html, type Markup } from '../markup.ts';
import { systemStyles } from '../system-style.ts';

export interface Figure {
  readonly title: string;
  /** What is counted, over what, for whom. */
  readonly definition: string;
  readonly systems?: readonly SystemName[];
  readonly plot: Markup;
}

export function figure({ title, definition, systems = [], plot }: Figure): Markup {
  return html`<figure>
<h4>${title}</h4>
${systems.length === 0 ? undefined : legend(systems)}
${plot}
<figcaption>${definition}</figcaption>
</figure>`;
}

function legend(systems: readonly SystemName[]): Markup {
  return html`<ul class="legend">${systems.map((system) => html`<li>${swatch(system)}${system}</li>`)}</ul>`;
}

/** The system's line as it is drawn in every figure. */
export function swatch(system: SystemName): Markup {
  const { colour, dash, width } = systemStyles[system];
  return html`<svg class="swatch" width="26" height="8" aria-hidden="true"><line x1="1" x2="25" y1="4" y2="4" style="stroke:var(${colour});stroke-width:${width};stroke-dasharray:${dash}"/></svg>`;
}
