/** In a worker: plays one cell in virtual time and measures it. */
import { simulate } from '@spillway/simulator';
import { measure } from '../results/measure.ts';
import type { Result } from '../results/result.ts';
import { type Cell, trialOfCell } from './cells.ts';

export default function simulateCell(cell: Cell): Result {
  const trial = trialOfCell(cell);
  const recording = simulate(trial, cell.system, { luck: cell.luck ?? 0 });
  return measure({ system: cell.system, mode: 'simulated', trial, recording });
}
