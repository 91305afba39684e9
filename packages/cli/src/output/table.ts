/**
 * Tables as `kubectl get` prints them: columns, no lines, no spaces at the end of a line. On a narrow
 * terminal, the least important columns are left out, and the table says so. A table that is still too wide
 * is wrapped within its last column.
 */
import Table from 'cli-table3';
import { stripVTControlCharacters } from 'node:util';

const sides = 'top bottom left right mid middle left-mid mid-mid right-mid'.split(' ');
const corners = 'top-mid top-left top-right bottom-mid bottom-left bottom-right'.split(' ');
const noLines = Object.fromEntries([...sides, ...corners].map((name) => [name, '']));
const gap = 3;
/** A column is not wrapped narrower than this. */
const wrappedColumnsMin = 20;

type Cell = string | number;

export interface TableOptions {
  /** Heads of columns that may be left out, the first first. */
  readonly optional?: readonly string[];
  /** Of the terminal; undefined: as wide as the table is. */
  readonly columns?: number | undefined;
  /** Of a table that is shown again and again. */
  readonly hidden?: HiddenColumns | undefined;
}

/** What was left out once stays out until the terminal's width changes: a column must not come and go with a digit. */
export class HiddenColumns {
  #columns: number | undefined;
  #count = 0;

  /** How many of a terminal so wide. */
  at(columns: number | undefined): number {
    if (columns !== this.#columns) this.#count = 0;
    this.#columns = columns;
    return this.#count;
  }

  atLeast(count: number): void {
    this.#count = Math.max(this.#count, count);
  }
}

export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { optional = [], columns = terminalColumns(), hidden }: TableOptions = {},
): string {
  const all = [head, ...rows];
  const leftOut: string[] = [];
  const before = hidden?.at(columns) ?? 0;
  let kept = head.map((_, i) => i);
  for (const name of optional) {
    const fits = columns === undefined || widthOf(all, kept) <= columns;
    if (fits && leftOut.length >= before) break;
    leftOut.push(name);
    kept = kept.filter((i) => head[i] !== name);
  }
  hidden?.atLeast(leftOut.length);
  const shown = all.map((row) => kept.map((i) => row[i] ?? ''));
  const text = drawn(wrapped(shown, columns));
  if (leftOut.length === 0) return text;
  return `${text}\nHidden columns (narrow terminal): ${leftOut.join(', ')}.`;
}

/** `name  value`, one a line. */
export function pairs(
  rows: readonly (readonly [string, Cell])[],
  columns = terminalColumns(),
): string {
  return drawn(wrapped(rows, columns));
}

/** Undefined where the output is no terminal: nothing is cut for a file or a pipe. */
export function terminalColumns(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}

function wrapped(
  rows: readonly (readonly Cell[])[],
  columns: number | undefined,
): readonly (readonly Cell[])[] {
  const count = rows[0]?.length ?? 0;
  const all = Array.from({ length: count }, (_, i) => i);
  if (columns === undefined || count === 0 || widthOf(rows, all) <= columns) return rows;
  const before = widthOf(rows, all.slice(0, -1));
  const left = Math.max(wrappedColumnsMin, columns - before - (before > 0 ? gap : 0));
  return rows.map((row) => [...row.slice(0, -1), broken(String(row.at(-1) ?? ''), left)]);
}

/** At spaces; a word that is longer stays whole, so that it can be copied. */
function broken(text: string, columns: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && lengthOf(line) + 1 + lengthOf(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

function widthOf(rows: readonly (readonly Cell[])[], kept: readonly number[]): number {
  const widths = kept.map((i) => Math.max(0, ...rows.map((row) => lengthOf(String(row[i] ?? '')))));
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, kept.length - 1);
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

function drawn(rows: readonly (readonly Cell[])[]): string {
  const made = new Table({
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap },
  });
  for (const row of rows) made.push([...row]);
  return made.toString().replaceAll(/ +$/gm, '');
}
