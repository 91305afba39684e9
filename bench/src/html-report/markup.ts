/** HTML that cannot be broken out of: what a template's holes are given is escaped unless it is markup already. */

export interface Markup {
  readonly markup: string;
}

type Hole = string | number | Markup | readonly Markup[] | undefined;

/** A tagged template. A list is joined; undefined is nothing. */
export function html(texts: TemplateStringsArray, ...holes: readonly Hole[]): Markup {
  return {
    markup: texts.reduce((all, text, i) => all + markupOf(holes[i - 1]) + text),
  };
}

/** Only for what this program made itself: a plot, the style sheet. */
export function trusted(markup: string): Markup {
  return { markup };
}

function markupOf(hole: Hole): string {
  if (hole === undefined) return '';
  if (typeof hole === 'string' || typeof hole === 'number') return escaped(String(hole));
  return 'markup' in hole ? hole.markup : hole.map(({ markup }) => markup).join('');
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
