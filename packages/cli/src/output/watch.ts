/** `-w`: shows again and again, in place on a terminal, one after the other elsewhere, until interrupted. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { type Format, print } from './format.ts';

export interface WatchOptions {
  readonly watch: boolean;
  readonly interval: number;
}

/** Between two looks where they come one after the other. JSON values and names stand on lines of their own. */
const between: Partial<Readonly<Record<Format, string>>> = {
  table: '\n',
  wide: '\n',
  yaml: '---\n',
};

const intervalSDefault = 2;
/** Maximum number of failures in a row before a watch ends: one missed answer does not end it. */
const failuresMax = 5;

export function withWatch(command: Command): Command {
  return command
    .option('-w, --watch', 'refresh the output until Ctrl-C', false)
    .option('--interval <seconds>', 'time between two refreshes', seconds, intervalSDefault);
}

export async function shown(
  show: () => Promise<string>,
  { watch, interval, output }: WatchOptions & { readonly output: Format },
): Promise<void> {
  if (!watch) return print(await show());
  const draw = await drawing(between[output] ?? '');
  let failures = 0;
  for (;;) {
    try {
      draw(await show());
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === failuresMax) throw error;
      process.stderr.write(`${(error as Error).message}\n`);
    }
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    await new Promise((resolve) => setTimeout(resolve, interval * 1000));
  }
}

async function drawing(separator: string): Promise<(text: string) => void> {
  if (!process.stdout.isTTY) {
    let before = '';
    return (text) => {
      print(`${before}${text}`);
      before = separator;
    };
  }
  const { default: logUpdate } = await import('log-update');
  return logUpdate;
}

function seconds(text: string): number {
  const value = Number(text);
  if (value >= 0.2 && value <= 3600) return value;
  throw new InvalidArgumentError('Expected seconds, 0.2 to 3600.');
}
