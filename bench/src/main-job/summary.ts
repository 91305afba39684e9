/** What the main job found, for people. */
import type { Testbed } from '@spillway/testbed';
import pc from 'picocolors';
import type { Federation } from '../federation/federation.ts';
import type { offloadFigures, rowsOf } from './measure.ts';
import { clusterTable, flowTable } from './view.ts';
import { workloadNamespace } from './workload.ts';

export interface Summary extends ReturnType<typeof offloadFigures> {
  readonly clusters: number;
  readonly nodesPerCluster: number;
  readonly pendingRatio: { readonly spillway: number; readonly isolated: number };
  readonly agentRssMb: { readonly idle: number; readonly peak: number };
  readonly perCluster: ReturnType<typeof rowsOf>;
  readonly seconds: number;
}

export function summaryText(summary: Summary, testbed: Testbed): string {
  const { createdToBoundMs, offloadRttMs, agentRssMb, pendingRatio } = summary;
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  const line = (what: string, found: string): string => `  ${what.padEnd(28)} ${found}`;
  return [
    clusterTable(summary.perCluster),
    '',
    flowTable(summary.flows, (home, host) => testbed.links.rttMs(home, host)),
    '',
    line(
      'pending pods',
      `${pc.bold(percent(pendingRatio.spillway))} with Spillway, ${pc.bold(percent(pendingRatio.isolated))} on their own`,
    ),
    line(
      'creation to shadow bound',
      `${ms(createdToBoundMs.p50)} at the median, ${ms(createdToBoundMs.p99)} at P99 (${summary.offloadedPods} pods)`,
    ),
    line(
      'mean RTT of what went away',
      `${ms(offloadRttMs.mean)}, best possible ${ms(offloadRttMs.best)} (weighted by CPU)`,
    ),
    line('memory of an agent', `${agentRssMb.idle} MB idle, ${agentRssMb.peak} MB at most`),
    line('all of this took', `${summary.seconds} s`),
  ].join('\n');
}

export function whatToType(testbed: Testbed, federation: Federation): string {
  const first = testbed.clusters[0]?.name ?? '';
  return `
It stays up. To look around, in another terminal:

  export KUBECONFIG=${testbed.kubeconfig}
  alias kubectl=${testbed.binaries.kubectl}
  kubectl --context ${first} get nodes
  kubectl --context ${first} -n ${workloadNamespace} get pods -o wide
  export SPILLWAY_AGENT=${federation.agents[0]?.httpUrl ?? ''}
  npm run --silent spillway -- status
  npm run --silent spillway -- neighbours
  npm run --silent spillway -- explain pod NAME -n ${workloadNamespace}

Ctrl-C removes everything.`;
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
