/** A CSV file whose first line names its columns. Cells are not quoted. */
import { readFileSync } from 'node:fs';
import { Fault } from '@spillway/core';

export interface Columns {
  readonly required: readonly string[];
  readonly optional: Readonly<Record<string, Default>>;
}

interface Default {
  /** Stands for the cells of a column that is not there, and for empty cells. */
  readonly value: string;
  /** What follows from it, for a person. */
  readonly meaning: string;
}

export interface Row {
  text(column: string): string;
  /** Not negative. @throws Fault that names file, line and column. */
  number(column: string): number;
}

export class CsvFile {
  readonly rows: readonly Row[];
  /** One sentence for each optional column that is not there. */
  readonly taken: readonly string[];
  readonly #path: string;
  readonly #columns: Columns;
  readonly #header: readonly string[];

  /** `option` is what names the file on the command line. @throws Fault that names the file and what is wrong. */
  constructor(path: string, columns: Columns, option: string) {
    this.#path = path;
    this.#columns = columns;
    const [header = '', ...lines] = textOf(path, option).trimEnd().split(/\r?\n/);
    this.#header = header.replace(/^\uFEFF/, '').split(',');
    this.#requireColumns();
    if (lines.length === 0) throw new Fault('InvalidInput', `${path} has no line after its first`);
    this.taken = Object.entries(columns.optional)
      .filter(([column]) => !this.#header.includes(column))
      .map(([column, { meaning }]) => `${path} has no column ${column}: ${meaning}`);
    this.rows = lines.map((line, i) => this.#row(line.split(','), `${path}, line ${i + 2}`));
  }

  #requireColumns(): void {
    const missing = this.#columns.required.filter((column) => !this.#header.includes(column));
    if (missing.length === 0) return;
    const optional = Object.entries(this.#columns.optional).map(
      ([column, { meaning }]) => `${column} (without it ${meaning})`,
    );
    throw new Fault(
      'InvalidInput',
      `${this.#path}, line 1: no column ${missing.join(', ')}. The columns there are ${this.#header.join(', ')}. Only these may be absent: ${optional.join(', ')}`,
    );
  }

  #row(cells: readonly string[], where: string): Row {
    const text = (column: string): string => {
      const at = this.#header.indexOf(column);
      const fallback = this.#columns.optional[column]?.value;
      if (at < 0) return fallback ?? '';
      const cell = cells[at];
      if (cell === undefined) {
        throw new Fault(
          'InvalidInput',
          `${where}, column ${column}: the line ends before it, with ${cells.length} of ${this.#header.length} columns`,
        );
      }
      return cell === '' ? (fallback ?? '') : cell;
    };
    return {
      text,
      number(column) {
        const value = Number(text(column));
        if (text(column) === '' || !Number.isFinite(value) || value < 0) {
          throw new Fault(
            'InvalidInput',
            `${where}, column ${column}: expected a number, got ${JSON.stringify(text(column))}`,
          );
        }
        return value;
      },
    };
  }
}

function textOf(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Fault(
      'InvalidInput',
      `can't read ${path} (${(error as NodeJS.ErrnoException).code}); ${option} names another file`,
      { cause: error },
    );
  }
}
