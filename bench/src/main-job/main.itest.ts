/** The main job as a person types it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Summary } from './summary.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

test('npm start -- --once --json › what is pending alone finds room with Spillway, and the summary says so', async () => {
  const { code, stdout } = await ended(['--once', '--json']);
  expect(code).toBe(0);
  const summary = JSON.parse(stdout) as Summary;
  expect(summary.pendingRatio.isolated).toBeGreaterThan(0.1);
  expect(summary.pendingRatio.spillway).toBe(0);
  expect(summary.offloadedPods).toBeGreaterThan(0);
  const { podsChecked, ...faults } = summary.audit;
  expect(faults).toEqual({ lost: 0, doubled: 0, overcommittedNodes: 0, orphans: 0 });
  const { home, away } = summed(summary);
  expect(podsChecked).toBe(home + away);
});

function summed({ perCluster }: Summary): { home: number; away: number } {
  return {
    home: perCluster.reduce((sum, { home }) => sum + home, 0),
    away: perCluster.reduce((sum, { away }) => sum + away, 0),
  };
}

async function ended(args: readonly string[]): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, ['--conditions=spillway-source', main, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout };
}
