/** A federation on a test bed: a root, a certificate and an agent per cluster, known to each other. */
import { join } from 'node:path';
import { bundleAgent } from '@spillway/bundling';
import type { PrivateKey } from '@spillway/mesh';
import {
  type Cluster,
  freePorts,
  installAgentRights,
  makeAgentPod,
  type Testbed,
  waitFor,
} from '@spillway/testbed';
import { AgentProcess } from './agent-process.ts';
import { admit, type FederationRoot, newRoot } from './federation-root.ts';

export interface Federation {
  readonly testbed: Testbed;
  readonly root: PrivateKey;
  readonly agents: readonly AgentProcess[];
  agent(cluster: string): AgentProcess;
  /** One more agent of a cluster, started. */
  standby(cluster: string): Promise<AgentProcess>;
  stop(): Promise<void>;
}

const certificateMs = 24 * 60 * 60 * 1000;

/** As for the agent's `--set`: of all agents, or of each cluster's. */
export type Settings = readonly string[] | ((cluster: string) => readonly string[]);

/** All agents active, and each one aware of all others. */
export async function startFederation(
  testbed: Testbed,
  settings: Settings = [],
  attributes: (cluster: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<Federation> {
  const bundle = await bundleAgent();
  const root = await newRoot(join(testbed.folder, 'federation'));
  const ports = await freePorts(2 * testbed.clusters.length);
  const places = await Promise.all(
    testbed.clusters.map(async (cluster, i) => {
      const [meshPort = 0, httpPort = 0] = ports.slice(2 * i, 2 * i + 2);
      const announcePort = await testbed.links.listen(cluster.name, meshPort);
      return { cluster, meshPort, httpPort, announcePort };
    }),
  );
  const agents = await Promise.all(
    places.map(
      async ({ cluster, ...place }, i) =>
        new AgentProcess({
          testbed,
          cluster,
          instance: 'agent',
          bundle,
          kubeconfig: await installAgentRights(cluster),
          environment: await makeAgentPod(cluster, 'agent'),
          identity: await identityOf(root, cluster, attributes(cluster.name)),
          ...place,
          // Everyone is told the first one's address only; the rest is learnt.
          bootstrap: i === 0 ? [] : [`/ip4/127.0.0.1/tcp/${places[0]?.announcePort ?? 0}`],
          settings: typeof settings === 'function' ? settings(cluster.name) : settings,
        }),
    ),
  );
  await Promise.all(agents.map((agent) => agent.start()));
  await Promise.all(agents.map((agent) => agent.ready()));
  await acquainted(agents);
  const agentOf = (cluster: string): AgentProcess => {
    const agent = agents.find((each) => each.cluster === cluster);
    if (agent === undefined) throw new Error(`no agent of ${cluster}`);
    return agent;
  };
  return {
    testbed,
    root: root.key,
    agents,
    agent: agentOf,
    async standby(cluster) {
      const [meshPort = 0, httpPort = 0] = await freePorts(2);
      const announcePort = await testbed.links.listen(cluster, meshPort);
      const environment = await makeAgentPod(testbed.cluster(cluster), 'standby');
      const places = { instance: 'standby', environment, meshPort, httpPort, announcePort };
      const standby = agentOf(cluster).standby(places);
      await standby.start();
      return standby;
    },
    async stop() {
      await Promise.all(agents.map((agent) => agent.end('SIGKILL')));
    },
  };
}

interface NeighbourRow {
  readonly cluster: string;
  readonly liveness: string;
  readonly rttMeasured: boolean;
}

/** Each agent knows all others, alive and with a measured RTT, and has a virtual node for each. */
export async function acquainted(agents: readonly AgentProcess[]): Promise<void> {
  await waitFor(
    'every agent knows every other',
    async () => {
      const rows = await Promise.all(
        agents.map((agent) => agent.get<NeighbourRow[]>('/v1/neighbours')),
      );
      return rows.every(
        (each) =>
          each.filter(({ liveness, rttMeasured }) => liveness === 'alive' && rttMeasured).length >=
          agents.length - 1,
      )
        ? true
        : undefined;
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
}

async function identityOf(
  root: FederationRoot,
  cluster: Cluster,
  attributes: Readonly<Record<string, string>>,
) {
  const folder = await admit(root, cluster, { validMs: certificateMs, attributes });
  return {
    key: join(folder, 'peer.key'),
    certificate: join(folder, 'membership.cert'),
    federation: join(folder, 'federation.pub'),
  };
}
