/** What has lost its other half: guests whose home is gone, virtual nodes whose neighbour is unknown. */
import { virtualNodeName } from '@spillway/core';
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

export function checkOrphans({
  directory,
  host,
  home,
  virtualNodes,
}: AgentContext): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [cluster, count] of host.counts().byHome) {
    const liveness = directory.neighbour(cluster)?.liveness;
    if (liveness === 'alive') continue;
    findings.push({
      check: 'orphans',
      severity: liveness === 'suspect' ? 'info' : 'warning',
      subject: cluster,
      message: `${count} guests run here for it, and it is ${liveness ?? 'not known'}`,
      remedy: `they keep running until it is back. If it never comes back: kubectl delete pods -A -l spillway.dev/home=${cluster}`,
    });
  }
  const away = home.counts().awayByHost;
  for (const cluster of virtualNodes()) {
    if (directory.neighbour(cluster) !== undefined) continue;
    const pods = away.get(cluster) ?? 0;
    findings.push({
      check: 'orphans',
      severity: 'warning',
      subject: virtualNodeName(cluster),
      message: `this agent has not heard neighbour ${cluster} since it started; ${pods} pods of this cluster are bound to its node`,
      remedy: `wait if it is only cut off. If it has left for good: kubectl delete node ${virtualNodeName(cluster)}`,
    });
  }
  if (findings.length > 0) return findings;
  const message = 'every guest has its home, and every virtual node its neighbour';
  return [{ check: 'orphans', severity: 'ok', subject: 'pods and nodes', message }];
}
