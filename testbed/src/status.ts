/** What runs: each cluster of each test bed, as it is now. */
import { readFileSync } from 'node:fs';
import Table from 'cli-table3';
import {
  activeAgent,
  type AgentState,
  knownNeighbours,
  type NeighbourState,
} from './federation-state.ts';
import { clientOf } from './kubeconfig.ts';
import type { Running } from './running.ts';

export interface ClusterStatus {
  readonly testbed: string;
  readonly name: string;
  readonly kind: 'local' | 'kind';
  readonly nodes: number;
  readonly server: string;
  /** Its API server answers. */
  readonly ready: boolean;
  readonly agent: AgentState | null;
  readonly neighbours: readonly NeighbourState[];
}

const answerMsMax = 5_000;

export async function clusterStatuses({
  name,
  kubeconfig,
  clusters,
}: Running): Promise<readonly ClusterStatus[]> {
  return await Promise.all(
    clusters.map(async (cluster) => ({
      testbed: name,
      ...cluster,
      ...(await asked(kubeconfig, cluster.name)),
    })),
  );
}

export async function statusTable(states: readonly Running[]): Promise<string> {
  const sides = 'top bottom left right mid middle left-mid mid-mid right-mid'.split(' ');
  const corners = 'top-mid top-left top-right bottom-mid bottom-left bottom-right'.split(' ');
  const table = new Table({
    head: ['TESTBED', 'CLUSTER', 'KIND', 'NODES', 'READY', 'AGENT', 'NEIGHBOURS', 'SERVER'],
    chars: Object.fromEntries([...sides, ...corners].map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  for (const row of (await Promise.all(states.map(clusterStatuses))).flat()) {
    const { testbed, name, kind, nodes, ready, agent, neighbours, server } = row;
    const alive = neighbours.filter(({ state }) => state === 'alive').length;
    table.push([
      testbed,
      name,
      kind,
      nodes,
      ready ? 'yes' : 'no',
      agent === null ? '-' : `${agent.name}${agent.ready ? '' : ' (not ready)'}`,
      neighbours.length === 0 ? '-' : `${alive} of ${neighbours.length} alive`,
      server,
    ]);
  }
  return table.toString().replaceAll(/ +$/gm, '');
}

/** A cluster that does not answer in time is not ready, and nothing is known of it. */
async function asked(
  kubeconfig: string,
  name: string,
): Promise<Pick<ClusterStatus, 'ready' | 'agent' | 'neighbours'>> {
  let late: NodeJS.Timeout | undefined;
  try {
    const client = clientOf(readFileSync(kubeconfig, 'utf8'), name);
    late = setTimeout(() => client.close(), answerMsMax);
    try {
      await client.get('/readyz');
      const [agent, neighbours] = await Promise.all([activeAgent(client), knownNeighbours(client)]);
      return { ready: true, agent, neighbours };
    } finally {
      client.close();
    }
  } catch {
    return { ready: false, agent: null, neighbours: [] };
  } finally {
    clearTimeout(late);
  }
}
