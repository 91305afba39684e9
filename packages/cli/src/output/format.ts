/** `-o`: the same value as a table, wider, as JSON or YAML (described by schemas/), or as names. */
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';

export const formats = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type Format = (typeof formats)[number];

export interface Output<T> {
  readonly value: T;
  readonly table: (wide: boolean) => string;
  /** `kind/name`, one a line, for scripts and completion. */
  readonly names?: (value: T) => readonly string[];
}

export function withOutput(command: Command, offered: readonly Format[] = formats): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'output format').choices([...offered]).default('table'),
  );
}

export function rendered<T>(format: Format, { value, table, names }: Output<T>): string {
  switch (format) {
    case 'json':
      return JSON.stringify(value, null, 2);
    case 'yaml':
      return stringify(value, { aliasDuplicateObjects: false }).trimEnd();
    case 'name':
      return (names?.(value) ?? []).join('\n');
    case 'wide':
    case 'table':
      return table(format === 'wide');
  }
}

export function print(text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`);
}
