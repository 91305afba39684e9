/** `spillway policy`: which placement policy is in force where, and where it comes from. */
import { styleText } from 'node:util';
import { policyResponse, type PolicyEntry } from '@spillway/agent/api-schemas';
import { Command } from 'commander';
import { clusterIfAny } from '../connection/cluster.ts';
import { requireNamespace } from '../connection/find-agent.ts';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { table } from '../output/table.ts';

type Options = ConnectionOptions & { readonly namespace?: string; readonly output: Format };

export function policyCommand(): Command {
  const command = new Command('policy')
    .description('show which placement policy is in force, and where it comes from')
    .argument(
      '[pod]',
      'show the policy of this pod. Default: the policy of the namespace of -n, or all policies that are set',
    )
    .option('-n, --namespace <name>', 'show the policy of this namespace')
    .addHelpText(
      'after',
      `
A pod's own annotation wins over its namespace's, and both win over the agent's configuration.

Examples:
  spillway policy                        all that is set in this cluster
  spillway policy -n shop                for the pods of a namespace
  spillway policy web-7 -n shop          for one pod
  kubectl annotate namespace shop spillway.dev/policy='nearest; rtt<=40' && spillway policy -n shop`,
    );
  return withOutput(withAgent(command)).action(
    async (pod: string | undefined, options: Options) => {
      const agent = await agentOf(options);
      const cluster = await clusterIfAny(options);
      const namespace = options.namespace ?? (pod && (cluster?.namespace ?? 'default'));
      if (cluster !== undefined && options.namespace !== undefined)
        await requireNamespace(cluster, options.namespace);
      const query = new URLSearchParams({ ...(namespace && { namespace }), ...(pod && { pod }) });
      const value = await agent.ask(policyResponse, { path: `/v1/policy?${query.toString()}` });
      print(
        rendered(options.output, {
          value,
          table: () => policyText(value),
          names: (entries) => entries.map(scopeText),
        }),
      );
    },
  );
}

export function policyText(entries: readonly PolicyEntry[]): string {
  const rows = entries.map((entry) => [
    scopeText(entry),
    entry.scope === 'federation' ? '-' : entry.offload ? 'may leave' : 'stay',
    entry.problem === undefined ? entry.policy : styleText('red', entry.problem),
    entry.source,
  ]);
  return table(['SCOPE', 'UNSCHEDULABLE PODS', 'POLICY', 'FROM'], rows);
}

function scopeText({ scope, namespace = '', offloadPolicy = '', pod = '' }: PolicyEntry): string {
  switch (scope) {
    case 'federation':
      return 'federation';
    case 'namespace':
      return `namespace/${namespace}`;
    case 'offloadPolicy':
      return `offloadpolicy/${namespace}/${offloadPolicy}`;
    case 'pod':
      return `pod/${namespace}/${pod}`;
  }
}
