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
    'takes this cluster out of its federation: ends what is away and all guests, then removes virtual nodes',
  );
  return withCluster(command)
    .option('--agent-namespace <name>', 'where agents are installed', systemNamespace)
    .option('--dry-run', 'show what there is, and change nothing', false)
    .option('--timeout <seconds>', 'how long to wait for hosts and guests: 5 to 3600', '120')
    .option('--guests', 'delete the namespaces of guests too, with all that is in them', false)
    .option('--without-agent', 'clean up after an agent that is gone', false)
    .option(
      '--fenced',
      'delete pods of partition policy fence too when their host does not answer: their guests may still run there',
      false,
    )
    .option('-y, --yes', 'do not ask before that', false)
    .addHelpText(
      'after',
      `
The agent takes nothing up any more, deletes the pods of this cluster that are away, and ends all guests.
Controllers make their pods again: at home, where they wait if there is no room. What is left after the
timeout is deleted without grace. Then uninstall Spillway. "helm uninstall" runs this command by itself.

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
