/** Plays cells side by side, a thread each. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Tinypool } from 'tinypool';
import type { Result } from '../results/result.ts';
import type { Cell } from './cells.ts';
import { startProgress } from './progress.ts';

/** In the order of the cells. What is finished when `signal` fires is returned; the rest is left out. */
export async function runSimulated(
  cells: readonly Cell[],
  signal: AbortSignal,
): Promise<readonly Result[]> {
  if (cells.length === 0) return [];
  const pool = new Tinypool({
    filename: fileURLToPath(new URL('simulate-cell.ts', import.meta.url)),
    maxThreads: Math.min(cells.length, availableParallelism()),
  });
  const progress = startProgress(cells.length, 'runs');
  const results: (Result | undefined)[] = cells.map(() => undefined);
  try {
    await Promise.all(
      cells.map(async (cell, i) => {
        try {
          results[i] = (await pool.run(cell, { signal })) as Result;
        } catch (error) {
          if (!signal.aborted) throw error;
          return;
        }
        progress.at(`${cell.system}, load ${cell.load}, seed ${cell.seed}`);
        progress.done();
      }),
    );
  } finally {
    progress.stop();
    await pool.destroy();
  }
  return results.filter((result) => result !== undefined);
}
