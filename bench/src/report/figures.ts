/** What a run is judged by, from the API servers' histories. */
import { milliValueOf, parseQuantity } from '@spillway/core';
import type { Cluster, Testbed } from '@spillway/testbed';
import { audit, isClean } from '../audit/audit.ts';
import type { Federation } from '../federation/federation.ts';
import { bestMeanRttMs } from '../observation/cheapest-transport.ts';
import type { Histories } from '../observation/histories.ts';
import { flowsOf, tallyOf } from '../observation/tally.ts';
import type { ClusterRow } from './tables.ts';

export function rowsOf(testbed: Testbed, histories: Histories): readonly ClusterRow[] {
  return testbed.clusters.map((cluster) => ({
    ...tallyOf(histories, cluster.name),
    cpuMilli: cpuMilliOf(cluster),
  }));
}

/** Allocatable. */
export function cpuMilliOf({ spec }: Cluster): number {
  const milli = (cpu = '0'): number => milliValueOf(parseQuantity(cpu));
  return spec.nodes.reduce((sum, { cpu, reserved }) => sum + milli(cpu) - milli(reserved?.cpu), 0);
}

/** Pods without a node / pods that exist. */
export function pendingRatio(rows: readonly ClusterRow[]): number {
  const pending = rows.reduce((sum, row) => sum + row.pending, 0);
  const all = rows.reduce((sum, row) => sum + row.pending + row.home + row.away + row.finished, 0);
  return all === 0 ? 0 : pending / all;
}

/** Ms, weighted by CPU. */
export interface RttFigures {
  readonly mean: number;
  /** The least possible for as much. */
  readonly best: number;
}

/** Of what is away now; null when nothing is. */
export function offloadRttMs(testbed: Testbed, histories: Histories): RttFigures | null {
  const rttMs = (home: string, host: string): number => testbed.links.rttMs(home, host);
  const offloaded = new Map<string, number>();
  const guests = new Map<string, number>();
  let [cpu, weighted] = [0, 0];
  for (const { home, host, milliCpu } of flowsOf(histories)) {
    offloaded.set(home, (offloaded.get(home) ?? 0) + milliCpu);
    guests.set(host, (guests.get(host) ?? 0) + milliCpu);
    cpu += milliCpu;
    weighted += milliCpu * rttMs(home, host);
  }
  if (cpu === 0) return null;
  const room = new Map(
    rowsOf(testbed, histories).map(({ cluster, cpuMilli, requestedMilliCpu }) => {
      const own = requestedMilliCpu - (guests.get(cluster) ?? 0);
      return [cluster, cpuMilli - own] as const;
    }),
  );
  return {
    mean: tenths(weighted / cpu),
    best: tenths(bestMeanRttMs({ offloaded, room, rttMs })),
  };
}

/** The audit's counts, and what it found. */
export function auditFigures(histories: Histories) {
  const report = audit(histories.histories);
  const { podsChecked, lost, doubled, overcommittedNodes, orphans } = report;
  return {
    podsChecked,
    lost: lost.length,
    doubled: doubled.length,
    overcommittedNodes: overcommittedNodes.length,
    orphans: orphans.length,
    ...(!isClean(report) && { findings: { lost, doubled, overcommittedNodes, orphans } }),
  };
}

export type AuditFigures = ReturnType<typeof auditFigures>;

/** Of audits of different test beds, or of different times of one: what several of them found counts once. */
export function summedAudits(audits: readonly AuditFigures[]): AuditFigures {
  const found = audits.flatMap(({ findings }) => (findings === undefined ? [] : [findings]));
  const findings = {
    lost: distinct(found.flatMap(({ lost }) => lost)),
    doubled: distinct(found.flatMap(({ doubled }) => doubled)),
    overcommittedNodes: distinct(found.flatMap((each) => each.overcommittedNodes)),
    orphans: distinct(found.flatMap(({ orphans }) => orphans)),
  };
  return {
    podsChecked: audits.reduce((sum, { podsChecked }) => sum + podsChecked, 0),
    lost: findings.lost.length,
    doubled: findings.doubled.length,
    overcommittedNodes: findings.overcommittedNodes.length,
    orphans: findings.orphans.length,
    ...(found.length > 0 && { findings }),
  };
}

function distinct<Type>(all: readonly Type[]): readonly Type[] {
  return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
}

/** Of the agent that takes most, MB (10⁶ bytes) of resident memory. */
export function idleRssMb({ agents }: Federation): number {
  return Math.max(...agents.map((agent) => Math.round(agent.rssBytes() / 1e6)));
}

export function peakRssMb({ agents }: Federation): number {
  return Math.max(...agents.map((agent) => Math.round(agent.peakRssBytes / 1e6)));
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
