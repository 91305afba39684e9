import Table from 'cli-table3';

const sides = 'top bottom left right mid middle left-mid mid-mid right-mid'.split(' ');
const corners = 'top-mid top-left top-right bottom-mid bottom-left bottom-right'.split(' ');
const noLines = Object.fromEntries([...sides, ...corners].map((name) => [name, '']));

type Cell = string | number;

/** As `kubectl get` prints: columns and no lines, and nothing at a line's end. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return withoutTrailingSpace(drawn({ head: [...head] }, rows));
}

/** `name  value`, one a line. */
export function pairs(rows: readonly (readonly [string, Cell])[]): string {
  return withoutTrailingSpace(drawn({}, rows));
}

function drawn(options: { readonly head?: string[] }, rows: readonly (readonly Cell[])[]): string {
  const made = new Table({
    ...options,
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  for (const row of rows) made.push([...row]);
  return made.toString();
}

function withoutTrailingSpace(text: string): string {
  return text.replaceAll(/ +$/gm, '');
}
