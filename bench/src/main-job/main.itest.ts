/** The main job as a person types it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

test('npm start -- -f FILE › a pod that names Spillway is pending without it; nothing offloaded is nothing said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-manifests-'));
  try {
    const file = join(folder, 'pods.yaml');
    writeFileSync(file, [podOf('ours', 'spillway'), podOf('nobodys', 'volcano')].join('\n---\n'));
    const args = ['--conditions=spillway-source', main, '--once', '--json', '-f', file];
    const size = ['--clusters', '2', '--nodes', '1'];
    const { code, stdout, stderr } = await run(process.execPath, [...args, ...size]);
    expect(code, stderr).toBe(0);
    const { pendingRatio, offloadedPods, createdToBoundMs, offloadRttMs, audit } = JSON.parse(
      stdout,
    ) as Summary;
    expect(pendingRatio).toEqual({ isolated: 1, spillway: 0.5 });
    expect({ offloadedPods, createdToBoundMs, offloadRttMs }).toEqual({
      offloadedPods: 0,
      createdToBoundMs: null,
      offloadRttMs: null,
    });
    expect(audit.lost).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function podOf(name: string, schedulerName: string): string {
  const container = { name: 'main', image: 'registry.example/x:1' };
  const spec = { schedulerName, containers: [container] };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
}

function summed({ perCluster }: Summary): { home: number; away: number } {
  return {
    home: perCluster.reduce((sum, { home }) => sum + home, 0),
    away: perCluster.reduce((sum, { away }) => sum + away, 0),
  };
}
