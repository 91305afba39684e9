/** The options by which commands find an agent and a cluster, and what comes of them. */
import { Fault } from '@spillway/core';
import type { Command } from 'commander';
import { type AgentClient, agentClient } from './agent-client.ts';
import { type UserCluster, userCluster } from './cluster.ts';
import { findActivePod, systemNamespace } from './find-agent.ts';
import { portForward } from './port-forward.ts';

export interface ConnectionOptions {
  readonly agent?: string;
  readonly agentNamespace: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** Where an agent's pod answers questions. */
const agentPort = 7421;

export function withCluster(command: Command): Command {
  return command
    .option('--context <name>', 'context of the kubeconfig. Default: its current context')
    .option('--kubeconfig <file>', 'kubeconfig file. Default: KUBECONFIG, then ~/.kube/config');
}

export function withAgent(command: Command): Command {
  return withCluster(command)
    .option(
      '--agent <url>',
      'HTTP address of an agent that runs as a plain process; also SPILLWAY_AGENT. Default: ask the active agent’s pod through the API server',
    )
    .option('--agent-namespace <name>', 'namespace of the agents', systemNamespace);
}

/** The address that is said; none where flags name a cluster, since they go before the environment. */
export function agentUrl({ agent, context, kubeconfig }: Partial<ConnectionOptions>): string {
  if (agent !== undefined) return agent;
  const cluster = context ?? kubeconfig;
  return cluster === undefined ? (process.env['SPILLWAY_AGENT'] ?? '') : '';
}

/** The agent to ask. @throws Fault that says what to do. */
export async function agentOf(options: ConnectionOptions): Promise<AgentClient> {
  const url = agentUrl(options);
  if (url !== '') {
    if (!isHttpUrl(url))
      throw new Fault(
        'InvalidInput',
        `--agent or SPILLWAY_AGENT ${url}: expected an address such as http://127.0.0.1:7421`,
      );
    return agentClient({
      where: url,
      url,
      hint: 'give another address with --agent URL or SPILLWAY_AGENT. Or unset it, to ask the agent in the cluster of your kubeconfig',
    });
  }
  return await podAgent(await userCluster(options), options.agentNamespace);
}

/** Agents speak plain HTTP, to this machine or through a port that is forwarded. */
function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'http:';
}

async function podAgent(cluster: UserCluster, agentNamespace: string): Promise<AgentClient> {
  const pod = await findActivePod(cluster, agentNamespace);
  return agentClient({
    where: `pod ${pod.namespace}/${pod.name} of ${cluster.context}`,
    url: `http://127.0.0.1:${agentPort}`,
    connect: async () => await portForward(cluster, pod, agentPort),
    hint: `kubectl -n ${pod.namespace} logs ${pod.name}`,
  });
}
