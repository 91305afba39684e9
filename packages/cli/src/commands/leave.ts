/** `spillway leave`: takes this cluster out of its federation. What it does is in ../leave, loaded when asked. */
import { Command } from 'commander';
import { systemNamespace } from '../connection/find-agent.ts';
import { type ClusterChoice } from '../connection/cluster.ts';
import { withCluster } from '../connection/options.ts';

export interface LeaveOptions extends ClusterChoice {
  readonly agentNamespace: string;
  readonly withoutAgent: boolean;
  readonly guests: boolean;
  readonly fenced: boolean;
  readonly dryRun: boolean;
  readonly timeout: string;
  readonly yes: boolean;
}

export function leaveCommand(): Command {
  const command = new Command('leave').description(
    'take this cluster out of its federation: delete its pods that are away and all guests, then the virtual nodes',
  );
  return withCluster(command)
    .option('--agent-namespace <name>', 'namespace of the agents', systemNamespace)
    .option('--dry-run', 'show what would be deleted, and change nothing', false)
    .option('--timeout <seconds>', 'how long to wait for hosts and guests: 5 to 3600', '120')
    .option('--guests', 'also delete the guest namespaces, with everything in them', false)
    .option('--without-agent', 'clean up after an agent that is gone', false)
    .option(
      '--fenced',
      'also delete pods of partition policy fence whose host does not answer. Their guests may still run there',
      false,
    )
    .option('-y, --yes', 'do not ask for confirmation', false)
    .addHelpText(
      'after',
      `
The agent accepts no new pods, deletes the pods of this cluster that are away, and deletes all guests.
Controllers create their pods again at home, where they wait if there is no room. After the timeout, the
command deletes what is left without a grace period. Then uninstall Spillway. "helm uninstall" runs this
command by itself.

Examples:
  spillway leave --dry-run
  spillway leave --timeout 300
  spillway leave --without-agent --guests`,
    )
    .action(async (options: LeaveOptions) => {
      const { leave } = await import('../leave/leave.ts');
      await leave(options);
    });
}
