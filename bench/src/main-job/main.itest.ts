/** The main job as a person types it. */
import { fileURLToPath } from 'node:url';
import { run } from '@spillway/testbed';
import { expect, test } from 'vitest';
import type { Summary } from './summary.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

test('npm start -- --once --json › what is pending alone finds room with Spillway, and the summary says so', async () => {
  const args = ['--conditions=spillway-source', main, '--once', '--json'];
  const { code, stdout, stderr } = await run(process.execPath, args);
  expect(code, stderr).toBe(0);
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
