/** What the main job found, for people. */
import { styleText } from 'node:util';
import type { Testbed } from '@spillway/testbed';
import type { Federation } from '../federation/federation.ts';
import type { Quantiles } from '../observation/quantiles.ts';
import type { Flow } from '../observation/tally.ts';
import type { AuditFigures, RttFigures } from '../report/figures.ts';
import { auditLine, latencyLine, line, memoryLine, percent, rttLine } from '../report/lines.ts';
import { type ClusterRow, clusterTable, flowTable } from '../report/tables.ts';

export interface Summary {
  readonly clusters: number;
  readonly nodesPerCluster: number;
  /** Pods without a node / pods that exist. */
  readonly pendingRatio: { readonly spillway: number; readonly isolated: number };
  readonly offloadedPods: number;
  /** Null when nothing was offloaded. */
  readonly createdToBoundMs: Quantiles | null;
  readonly offloadsPerSecond: number;
  readonly kubeSchedulerBindsPerSecond: number;
  /** Null when nothing was offloaded. */
  readonly offloadRttMs: RttFigures | null;
  readonly audit: AuditFigures;
  readonly agentRssMb: { readonly idle: number; readonly peak: number };
  readonly flows: readonly Flow[];
  readonly perCluster: readonly ClusterRow[];
  readonly seconds: number;
}

export function summaryText(summary: Summary, testbed: Testbed): string {
  const { createdToBoundMs, offloadRttMs, offloadedPods, pendingRatio } = summary;
  return [
    clusterTable(summary.perCluster),
    '',
    flowTable(summary.flows, (home, host) => testbed.links.rttMs(home, host)),
    '',
    line(
      'pending pods',
      `${styleText('bold', percent(pendingRatio.spillway))} with Spillway, ${styleText('bold', percent(pendingRatio.isolated))} on their own`,
    ),
    latencyLine(createdToBoundMs, offloadedPods),
    rttLine(offloadRttMs),
    auditLine(summary.audit),
    memoryLine(summary.agentRssMb),
    line('all of this took', `${summary.seconds} s`),
  ].join('\n');
}

/** `namespace`: where the pods of the first cluster are. */
export function whatToType(testbed: Testbed, federation: Federation, namespace: string): string {
  const first = testbed.clusters[0]?.name ?? '';
  return `
It stays up. To look around, in another terminal:

  export KUBECONFIG=${testbed.kubeconfig}
  alias kubectl=${testbed.kubectl}
  kubectl --context ${first} get nodes
  kubectl --context ${first} -n ${namespace} get pods -o wide
  export SPILLWAY_AGENT=${federation.agents[0]?.httpUrl ?? ''}
  npm run --silent spillway -- status
  npm run --silent spillway -- neighbours
  npm run --silent spillway -- explain pod NAME -n ${namespace}

Ctrl-C removes everything.`;
}
