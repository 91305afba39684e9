/** How much memory the agent's picture of a large cluster takes: a process of its own, for a clean RSS. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ClusterEvent } from '@spillway/core';
import { Ledger } from '@spillway/scheduling';
import { node, nodeCount, pod } from './big-cluster.ts';
import { assertBenchmarked } from './hot-path.ts';

export interface LedgerMemory {
  readonly nodes: number;
  readonly pods: number;
  /** Resident set of the process before and after, each after a full collection. */
  readonly rssBeforeMb: number;
  readonly rssAfterMb: number;
  readonly heapMb: number;
}

const podsPerNode = 10;
const self = fileURLToPath(import.meta.url);

export function ledgerMemory(): LedgerMemory {
  const flags = ['--expose-gc', '--conditions=spillway-source', '--no-warnings'];
  return JSON.parse(
    execFileSync(process.execPath, [...flags, self], { encoding: 'utf8' }),
  ) as LedgerMemory;
}

if (process.argv[1] === self) process.stdout.write(JSON.stringify(await grown()));

async function grown(): Promise<LedgerMemory> {
  const ledger = new Ledger();
  const before = await settled();
  for (let i = 0; i < nodeCount; i++) {
    apply(ledger, { kind: 'Node', type: 'set', object: node(i) });
    for (let k = 0; k < podsPerNode; k++) {
      apply(ledger, { kind: 'Pod', type: 'set', object: pod(`pod-${i}-${k}`, `node-${i}`) });
    }
  }
  const after = await settled();
  const { nodeCount: nodes, podCount: pods } = ledger.snapshot;
  assertBenchmarked(nodes === nodeCount && pods === nodeCount * podsPerNode, 'all are known');
  const mb = (bytes: number): number => Math.round(bytes / 1e6);
  return {
    nodes,
    pods,
    rssBeforeMb: mb(before.rss),
    rssAfterMb: mb(after.rss),
    heapMb: mb(after.heapUsed - before.heapUsed),
  };
}

/** As it comes from the API server: text, parsed, so that no string is shared that would not be. */
function apply(ledger: Ledger, event: ClusterEvent): void {
  ledger.apply(JSON.parse(JSON.stringify(event)) as ClusterEvent);
}

async function settled(): Promise<NodeJS.MemoryUsage> {
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc?.();
  return process.memoryUsage();
}
