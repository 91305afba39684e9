/** `spillway explain pod | deployment`: why pods wait, or where they are. */
import { Command } from 'commander';
import pc from 'picocolors';
import type { z } from 'zod';
import { type UserCluster, userCluster } from '../connection/cluster.ts';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import {
  type deploymentExplanation,
  explainDeployment,
  explainPod,
  type podExplanation,
} from '../explanations.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { table } from '../output/table.ts';
import { plural } from '../output/words.ts';

type Options = ConnectionOptions & { readonly namespace?: string; readonly output: Format };

type PodExplanation = z.infer<typeof podExplanation>;

export function explainCommand(): Command {
  return new Command('explain')
    .description('why pods wait, or where they are')
    .addHelpText(
      'after',
      `
Examples:
  spillway explain pod web-7 -n shop           why it waits, neighbour by neighbour
  spillway explain deployment web -n shop      all its pods
  spillway explain pod web-7 -o json | jq .neighbours`,
    )
    .addCommand(podCommand())
    .addCommand(deploymentCommand());
}

function podCommand(): Command {
  const command = new Command('pod')
    .alias('po')
    .description('why a pod waits, or where it is')
    .argument('<name>')
    .option('-n, --namespace <name>', 'its namespace; else the context’s')
    .addHelpText('after', '\nExample:\n  spillway explain pod web-7 -n shop');
  return withOutput(withAgent(command), ['table', 'json', 'yaml']).action(
    async (name: string, options: Options) => {
      const agent = await agentOf(options);
      const cluster = await clusterIfAny(options);
      const namespace = options.namespace ?? cluster?.namespace ?? 'default';
      const value = await explainPod({ namespace, name }, { agent, cluster });
      print(rendered(options.output, { value, table: () => podText(value) }));
    },
  );
}

function deploymentCommand(): Command {
  const command = new Command('deployment')
    .alias('deploy')
    .description('why a Deployment’s pods wait, or where they are')
    .argument('<name>')
    .option('-n, --namespace <name>', 'its namespace; else the context’s')
    .addHelpText('after', '\nExample:\n  spillway explain deployment web -n shop');
  return withOutput(withAgent(command), ['table', 'json', 'yaml']).action(
    async (name: string, options: Options) => {
      const cluster = await userCluster(options);
      const agent = await agentOf(options);
      const namespace = options.namespace ?? cluster.namespace;
      const value = await explainDeployment({ namespace, name }, { agent, cluster });
      print(rendered(options.output, { value, table: () => deploymentText(value) }));
    },
  );
}

/** Where the agent is named by its address, a kubeconfig helps and is not required. */
async function clusterIfAny(options: Options): Promise<UserCluster | undefined> {
  try {
    return await userCluster(options);
  } catch {
    return undefined;
  }
}

export function podText(explanation: PodExplanation): string {
  const { name, state } = explanation;
  switch (state) {
    case 'away':
      return `${name} is at ${pc.bold(explanation.host)} (${awayText(explanation)}), in namespace ${explanation.guestNamespace}.`;
    case 'home':
      return `${name} is at home, on node ${explanation.node} (${explanation.phase}).`;
    case 'other':
      return `${name} is not Spillway's: ${explanation.message}.`;
    case 'waiting': {
      const rows = Object.entries(explanation.neighbours).sort(([a], [b]) => (a < b ? -1 : 1));
      return [
        `${name} waits: ${explanation.message}`,
        `policy ${explanation.policy.text} (${explanation.policy.source})`,
        ...(rows.length > 0 ? ['', table(['NEIGHBOUR', 'WHY NOT'], rows)] : []),
      ].join('\n');
    }
  }
}

function awayText({ phase, status }: Extract<PodExplanation, { state: 'away' }>): string {
  return phase === 'away' ? status : `${status}, ${phase}`;
}

export function deploymentText(value: z.infer<typeof deploymentExplanation>): string {
  const { name, pods, wanted } = value;
  const rows = pods.map((pod) => [pod.name, pod.status ?? '-', pod.state, whereText(pod)]);
  const waiting = pods.find(({ state }) => state === 'waiting');
  return [
    `${name}: ${plural(wanted, 'pod')} wanted, ${pods.length} made`,
    ...(rows.length > 0 ? ['', table(['POD', 'STATUS', 'STATE', 'WHERE'], rows)] : []),
    ...(waiting === undefined ? [] : ['', podText(waiting)]),
  ].join('\n');
}

function whereText(pod: PodExplanation): string {
  switch (pod.state) {
    case 'away':
      return pod.host;
    case 'home':
      return pod.node;
    case 'waiting':
    case 'other':
      return '-';
  }
}
