/** A real cluster with the agent's rights as they ship, seen with exactly the agent's rights. */
import type { Clock, MonotonicMs, WallMs } from '@spillway/core';
import {
  equalNodes,
  installAgentRights,
  type LocalCluster,
  type LocalTestbed,
  startTestbed,
} from '@spillway/testbed';
import { ApiClient } from '../api-client.ts';

export interface AgentCluster {
  readonly testbed: LocalTestbed;
  readonly cluster: LocalCluster;
  /** The agent's service account's. */
  readonly kubeconfig: string;
  /** With the agent's rights. */
  readonly api: ApiClient;
  stop(): Promise<void>;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now() as MonotonicMs,
  wallMs: () => Date.now() as WallMs,
};

export async function startAgentCluster(
  options: {
    readonly nodes?: number;
    readonly zones?: readonly string[];
    readonly nodeGraceSeconds?: number;
  } = {},
): Promise<AgentCluster> {
  const { nodes = 1, zones = [], nodeGraceSeconds } = options;
  const testbed = await startTestbed({
    clusters: [{ name: 'paris', city: undefined, nodes: equalNodes(nodes, { zones }) }],
    ...(nodeGraceSeconds !== undefined && { nodeGraceSeconds }),
  });
  const cluster = testbed.cluster('paris');
  const kubeconfig = await installAgentRights(cluster);
  const api = new ApiClient({ kubeconfig });
  return {
    testbed,
    cluster,
    kubeconfig,
    api,
    async stop() {
      api.close();
      await testbed.stop();
    },
  };
}
