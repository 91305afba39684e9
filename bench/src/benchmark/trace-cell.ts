/** One run with its story: a JSON line for each event, in order. The same run gives the same file. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { Fault } from '@spillway/core';
import { simulate } from '@spillway/simulator';
import { type Cell, trialOfCell } from './cells.ts';

/** Number of lines per batch. */
const batch = 1_000;

/** @throws Fault when it is not exactly one run, or the file can't be written. */
export function traceCell(cells: readonly Cell[], file: string): void {
  const [cell] = cells;
  if (cell === undefined || cells.length > 1 || cell.mode !== 'simulated') {
    throw new Fault(
      'InvalidInput',
      `--events tells of one simulated run, and these are ${cells.length}: name one system, one load, one seed`,
    );
  }
  let lines: string[] = [];
  try {
    const descriptor = openSync(file, 'w');
    const flush = (): void => {
      if (lines.length > 0) writeSync(descriptor, `${lines.join('\n')}\n`);
      lines = [];
    };
    simulate(trialOfCell(cell), cell.system, {
      trace: (event) => {
        if (lines.push(JSON.stringify(event)) >= batch) flush();
      },
    });
    flush();
    closeSync(descriptor);
  } catch (error) {
    throw new Fault('Unavailable', `--events ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  process.stdout.write(`${file}\n`);
}
