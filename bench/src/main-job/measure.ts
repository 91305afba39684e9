/** The main job's figures, from the API servers' histories. */
import { milliValueOf, parseQuantity } from '@spillway/core';
import type { Cluster, Testbed } from '@spillway/testbed';
import { bestMeanRttMs } from '../observation/best-rtt.ts';
import type { Histories } from '../observation/histories.ts';
import { createdToBoundMs, flowsOf, quantiles, tallyOf } from '../observation/tally.ts';
import type { ClusterRow } from './view.ts';

export function rowsOf(testbed: Testbed, histories: Histories): readonly ClusterRow[] {
  return testbed.clusters.map((cluster) => ({
    ...tallyOf(histories, cluster.name),
    cpuMilli: cpuMilliOf(cluster),
  }));
}

export function cpuMilliOf({ spec }: Cluster): number {
  return spec.nodes.reduce((sum, { cpu }) => sum + milliValueOf(parseQuantity(cpu)), 0);
}

/** Pods without a node / pods that exist. */
export function pendingRatio(rows: readonly ClusterRow[]): number {
  const pending = rows.reduce((sum, row) => sum + row.pending, 0);
  const all = rows.reduce((sum, row) => sum + row.pending + row.home + row.away + row.finished, 0);
  return all === 0 ? 0 : pending / all;
}

export function offloadFigures(testbed: Testbed, histories: Histories) {
  const flows = flowsOf(histories);
  const rttMs = (home: string, host: string): number => testbed.links.rttMs(home, host);
  const offloaded = new Map<string, number>();
  const guests = new Map<string, number>();
  let [cpu, weighted] = [0, 0];
  for (const { home, host, milliCpu } of flows) {
    offloaded.set(home, (offloaded.get(home) ?? 0) + milliCpu);
    guests.set(host, (guests.get(host) ?? 0) + milliCpu);
    cpu += milliCpu;
    weighted += milliCpu * rttMs(home, host);
  }
  const room = new Map(
    rowsOf(testbed, histories).map(({ cluster, cpuMilli, requestedMilliCpu }) => {
      const own = requestedMilliCpu - (guests.get(cluster) ?? 0);
      return [cluster, cpuMilli - own] as const;
    }),
  );
  return {
    offloadedPods: flows.reduce((sum, { pods }) => sum + pods, 0),
    createdToBoundMs: quantiles(createdToBoundMs(histories)),
    offloadRttMs: {
      mean: cpu === 0 ? 0 : weighted / cpu,
      best: bestMeanRttMs({ offloaded, room, rttMs }),
    },
    flows,
  };
}
