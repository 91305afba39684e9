/** The same load on each of ever more clusters: what a federation costs as it grows. */
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { Tinypool } from 'tinypool';
import type { Growth } from '../results/result.ts';
import { borderless } from '../report/tables.ts';
import { percent } from './headline.ts';
import { startProgress } from './progress.ts';

/** One after the other, each in a thread of its own with a heap that is large enough. */
export async function runGrowth(
  counts: readonly number[],
  signal: AbortSignal,
): Promise<readonly Growth[]> {
  const progress = startProgress(counts.length, 'sizes');
  const growth: Growth[] = [];
  try {
    for (const clusters of counts) {
      progress.at(`${clusters} clusters`);
      const found = await measured(clusters, signal);
      if (found === undefined) break;
      growth.push(found);
      progress.done();
    }
  } finally {
    progress.stop();
  }
  return growth;
}

const heapMib = 8_000;

async function measured(clusters: number, signal: AbortSignal): Promise<Growth | undefined> {
  if (signal.aborted) return undefined;
  const pool = new Tinypool({
    filename: fileURLToPath(new URL('grow.ts', import.meta.url)),
    maxThreads: 1,
    execArgv: [...process.execArgv, '--expose-gc', `--max-old-space-size=${heapMib}`],
    runtime: 'child_process',
  });
  try {
    return (await pool.run(clusters, { signal })) as Growth;
  } catch (error) {
    if (signal.aborted) return undefined;
    const { message } = error as Error;
    throw new Fault('Unavailable', `${clusters} clusters: ${message}`, { cause: error });
  } finally {
    await pool.destroy();
  }
}

export function growthTable(growth: readonly Growth[]): string {
  const table = borderless([
    'CLUSTERS',
    'PENDING',
    'RTT / BEST',
    'AN AGENT HEARS',
    'ADVERT AT 99 %',
    'CHANGE AT 99 %',
    'DIRECTORY',
    'PROCESS',
    'TOOK',
  ]);
  for (const each of growth) {
    table.push([
      each.clusters,
      percent(each.pendingPodRatio),
      each.offloadRttMs === null
        ? '–'
        : `${each.offloadRttMs.mean.toFixed(1)} / ${each.offloadRttMs.best.toFixed(1)} ms`,
      each.bytesPerSecondPerAgent === null
        ? '–'
        : `${(each.bytesPerSecondPerAgent / 1_000).toFixed(2)} kB/s`,
      milliseconds(each.spread99Ms),
      each.known99Ms === null ? '–' : milliseconds(each.known99Ms),
      `${(each.directoryBytesPerAgent / 1_024).toFixed(0)} KiB`,
      `${each.processRssMib.toFixed(0)} MiB`,
      `${each.runSeconds.toFixed(1)} s`,
    ]);
  }
  return table.toString();
}

function milliseconds(ms: number): string {
  return ms < 10_000 ? `${ms.toFixed(0)} ms` : `${Math.round(ms / 1_000)} s`;
}
